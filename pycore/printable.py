"""Which characters a text of people's may hold, by code points that no version of Unicode changes.

An interpreter knows the Unicode of its own day: Python 3.11's database takes the Han characters of Unicode 15 (U+31350)
for unassigned, so a person could have an account with one interpreter and none with another. So what is *not* text is
listed here, and everything else is taken, characters of later versions too.

Source: Unicode 17, general categories Cc, Cf, Zl, Zp, Zs, Co, Cs, noncharacters (chapter 23), and the default-ignorable
code points that are reserved (DerivedCoreProperties). Assigned ones of these only grow within the listed ranges.
"""

from __future__ import annotations

import re
from typing import Final

_KINDS: Final = {
    "a control character": r"\x00-\x1f\x7f-\x9f\u2028\u2029",
    "an invisible character": (
        r"\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
        r"\ufeff\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
        r"\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
    ),
    "a space of a special width": r"\u00a0\u1680\u2000-\u200a\u202f\u205f",
    "a private-use character, which only the system that made it can show (write the letter Unicode has for it)": (
        r"\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"
    ),
    "half of a character or no character at all": (
        r"\ud800-\udfff\ufdd0-\ufdef" + "".join(rf"\U{plane:04x}fffe\U{plane:04x}ffff" for plane in range(0x11))
    ),
}
_UNPRINTABLE: Final = re.compile("|".join(f"([{characters}])" for characters in _KINDS.values()))
_NAMES: Final = tuple(_KINDS)


def unprintable_in(text: str) -> str | None:
    """Return what the text holds that is no text of people's, in words for them, or None.

    Taken are letters, marks, digits, signs and the spaces U+0020 and U+3000 (as Chinese keyboards make it).
    """
    found = _UNPRINTABLE.search(text)
    return _NAMES[(found.lastindex or 1) - 1] if found else None
