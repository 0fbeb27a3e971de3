"""QR codes as SVG pictures."""

from io import BytesIO
from typing import Final

import segno

_QUIET_MODULES: Final = 4
"""The empty border a scanner needs (ISO/IEC 18004)."""


def code_picture(content: str) -> bytes:
    """Return the QR code of a text, black on white in any theme. Raises ValueError for more than fits."""
    picture = BytesIO()
    code = segno.make_qr(content, error="m")
    code.save(picture, kind="svg", border=_QUIET_MODULES, light="#fff", omitsize=True, xmldecl=False)
    return picture.getvalue()
