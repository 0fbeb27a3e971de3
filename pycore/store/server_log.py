"""The embedded server's messages: a file the server writes to itself, so that our death does not silence it."""

from pathlib import Path
from typing import BinaryIO

_BYTES_MAX = 16 * 1024 * 1024
_LAST_WORDS_BYTES = 4096


class ServerLog:
    """One file, and the one before it: changed over at a start, when it has grown large."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._begin = 0
        self._read = 0

    def open(self) -> BinaryIO:
        """Return the file to append to; what is appended from now on counts as new."""
        if self.file.exists() and self.file.stat().st_size > _BYTES_MAX:
            self.file.replace(self.file.with_suffix(".log.1"))
        output = self.file.open("ab")
        self._begin = self._read = output.tell()
        return output

    def new_messages(self) -> list[str]:
        """Return the whole lines written since the last call, without time and process."""
        with self.file.open("rb") as file:
            file.seek(self._read)
            lines = file.read()
        whole = lines.rfind(b"\n") + 1
        self._read += whole
        return [_message(line) for line in lines[:whole].decode(errors="replace").splitlines()]

    def last_words(self) -> str:
        """Return the last lines since the file was opened."""
        with self.file.open("rb") as file:
            file.seek(max(self._begin, self.file.stat().st_size - _LAST_WORDS_BYTES))
            return file.read().decode(errors="replace").strip()


def _message(line: str) -> str:
    """Return the text behind ``2026-01-02 03:04:05.678 UTC [123] LOG:  ``."""
    head, separator, text = line.partition(":  ")
    return text if separator and head.endswith(("LOG", "WARNING", "ERROR", "FATAL", "PANIC")) else line
