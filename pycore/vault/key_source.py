"""Where the key-encryption keys come from: a file, the settings, or a key service behind the same small port."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from pycore.config import VaultSettings
from pycore.errors import VaultKeyError

KEY_SIZE = 32


class KeyEncryptionKey:
    """The bytes of a key that wraps other keys; printing it shows a mask."""

    __slots__ = ("secret",)

    def __init__(self, secret: bytes) -> None:
        """Raises VaultKeyError unless the key is 32 bytes."""
        if len(secret) != KEY_SIZE:
            raise VaultKeyError(f"a key-encryption key has {len(secret)} bytes, but must have {KEY_SIZE}")
        self.secret = secret

    def __repr__(self) -> str:
        return "KeyEncryptionKey(…)"

    @classmethod
    def random(cls) -> KeyEncryptionKey:
        """Return a new key."""
        return cls(secrets.token_bytes(KEY_SIZE))

    @classmethod
    def from_hex(cls, text: str) -> KeyEncryptionKey:
        """Return the key written as 64 hexadecimal digits. Raises VaultKeyError, which does not repeat them."""
        try:
            return cls(bytes.fromhex(text))
        except ValueError:
            raise VaultKeyError("a key-encryption key must be 64 hexadecimal digits") from None


class KeySource(Protocol):
    """The port for whatever keeps the key-encryption keys.

    A key service or a hardware module fits behind it: keep the keys encrypted by the service and let ``load_keys`` ask
    it to decrypt them; they are in the memory of this process only.
    """

    def load_keys(self) -> Sequence[KeyEncryptionKey]:
        """Return the current key first, then those that still unwrap older keys.

        Raises:
            VaultKeyError: there is none, or the source cannot be reached.
        """


class GivenKeySource:
    """Keys as text, for deployments that hand out secrets in the environment: 64 hexadecimal digits each.

    Args:
        text: the current key, then older ones, with blanks, commas or line ends between them.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "GivenKeySource(…)"

    def load_keys(self) -> Sequence[KeyEncryptionKey]:
        """Return the keys. Raises VaultKeyError."""
        keys = [KeyEncryptionKey.from_hex(part) for part in self._text.replace(",", " ").split()]
        if not keys:
            raise VaultKeyError("there is no key-encryption key")
        return keys


class FileKeySource:
    """Keys in a file, one per line: the current one first, older ones below it.

    Args:
        path: the file; readable by the owner only, and never beside the database's backups.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"FileKeySource({self.path})"

    def load_keys(self) -> Sequence[KeyEncryptionKey]:
        """Return the keys. Raises VaultKeyError where the file cannot be read or is damaged."""
        try:
            text = self.path.read_text(encoding="ascii")
        except OSError as error:
            raise VaultKeyError(f"the vault's key file {self.path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError:
            raise VaultKeyError(f"the vault's key file {self.path} is not text") from None
        return GivenKeySource(text).load_keys()

    def make_if_absent(self) -> bool:
        """Make the file with one new key, readable by its owner only; return False where there is one already.

        Do this at the first start of a new installation only: where keys were stored before, a new key opens none of
        them.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(KeyEncryptionKey.random().secret.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        return True


def configured_key_source(settings: VaultSettings, data: Path) -> KeySource:
    """Return the source the settings name, or the file ``vault.key`` in the data folder."""
    if settings.keys is not None:
        return GivenKeySource(settings.keys)
    return FileKeySource(Path(settings.key_file) if settings.key_file is not None else data / "vault.key")
