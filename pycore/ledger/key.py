"""The key of the journal's hash chain: 32 bytes, kept apart from the database that it vouches for."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pycore.config import LedgerSettings
from pycore.errors import JournalKeyError

KEY_SIZE = 32


class JournalKey:
    """The key's bytes; printing it shows a mask."""

    def __init__(self, secret: bytes) -> None:
        """Raises JournalKeyError unless the key is 32 bytes."""
        if len(secret) != KEY_SIZE:
            raise JournalKeyError(f"the journal key has {len(secret)} bytes, but must have {KEY_SIZE}")
        self.secret = secret

    def __repr__(self) -> str:
        return "JournalKey(…)"

    @classmethod
    def configured(cls, settings: LedgerSettings, data: Path, *, make: bool = False) -> JournalKey:
        """Return the key the settings name, or the data folder's own; ``make`` it where there is none yet.

        Raises JournalKeyError.
        """
        if settings.journal_key is not None:
            return cls.from_hex(settings.journal_key)
        if settings.journal_key_file is not None:
            return cls.from_file(Path(settings.journal_key_file))
        file = data / "journal.key"
        return cls.from_file_or_new(file) if make else cls.from_file(file)

    @classmethod
    def from_hex(cls, text: str) -> JournalKey:
        """Return the key written as 64 hexadecimal digits. Raises JournalKeyError."""
        try:
            return cls(bytes.fromhex(text.strip()))
        except ValueError as error:
            raise JournalKeyError("the journal key must be 64 hexadecimal digits") from error

    @classmethod
    def from_file(cls, path: Path) -> JournalKey:
        """Return the key in a file. Raises JournalKeyError where there is none or it is damaged."""
        try:
            return cls.from_hex(path.read_text())
        except OSError as error:
            raise JournalKeyError(f"the journal key {path} cannot be read: {error.strerror}") from error

    @classmethod
    def from_file_or_new(cls, path: Path) -> JournalKey:
        """Return the key in a file; make one, readable by its owner only, where there is no file yet."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls.from_file(path)
        key = cls(secrets.token_bytes(KEY_SIZE))
        with os.fdopen(descriptor, "w") as file:
            file.write(key.secret.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        return key
