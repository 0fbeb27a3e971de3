"""ZIP archives from outside: read in memory, within limits, names never used as paths."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Final

from pycore.channels.failure import BillRefusedError

MEMBERS_MAX: Final = 16
UNPACKED_BYTES_MAX: Final = 256 << 20
_READ_BYTES: Final = 1 << 20


def members(packed: bytes, *, names: str, unpacked_bytes_max: int = UNPACKED_BYTES_MAX) -> dict[str, bytes]:
    """Return the files in a ZIP: name (in the encoding ``names`` where it is not UTF-8) and content.

    Sizes are counted while unpacking, not believed: what an archive says of itself may be anything. A name that leads
    out of its folder refuses the archive, although no name is used here: somebody prepared it.

    Raises BillRefusedError.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(packed), metadata_encoding=names) as opened:
            entries = opened.infolist()
            if len(entries) > MEMBERS_MAX:
                raise BillRefusedError(("the archive holds too many files",))
            for entry in entries:
                _check(entry)
            contents: dict[str, bytes] = {}
            left = unpacked_bytes_max
            for entry in entries:
                if entry.is_dir():
                    continue
                if entry.filename in contents:
                    raise BillRefusedError(("the archive holds two files of one name",))
                contents[entry.filename] = _unpacked(opened, entry, left)
                left -= len(contents[entry.filename])
            return contents
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError):
        raise BillRefusedError(("the archive is not a whole ZIP",)) from None


def _check(entry: zipfile.ZipInfo) -> None:
    parts = entry.filename.replace("\\", "/").split("/")
    if entry.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
        raise BillRefusedError(("a name in the archive leads out of it",))
    if entry.flag_bits & 1:
        raise BillRefusedError(("a file in the archive is encrypted",))


def _unpacked(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
    content = bytearray()
    with opened.open(entry) as file:
        while block := file.read(_READ_BYTES):
            content += block
            if len(content) > left:
                raise BillRefusedError(("the archive unpacks to more than it may",))
    return bytes(content)
