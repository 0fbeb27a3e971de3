"""Secrets in text that is kept or shown as it is: free text, references, addresses, messages, log lines.

What people write cannot be understood by a program; this finds what has a form of its own. It is a net for accidents
and a last line of defence, never a reason to put a secret where it does not belong.

| secret | how it is known |
|---|---|
| card number | 13 to 19 digits, also in groups, with a right check digit, that begin as a network's do at that length |
| verification value | three or four digits behind a name for it: ``cvv 123``, ``security_code: 123``, ``安全码：123`` |
| API key, webhook secret | its prefix: ``sk_live_``, ``sk_test_``, ``ok_live_``, ``whsec_`` |
| bearer token, password | the word ``Bearer`` or ``Basic`` before it (masked only) |
| phone number, id number (masked only) | a Chinese mobile's 11 digits; a resident's 18 with a date of birth |
| a number that may be a card's (masked only) | as a card number, in a range that holds more numbers of other kinds |

Text is looked at as it is and as it reads where percent signs stand for characters. What is packed (base64,
hexadecimal) is not opened: that is nobody's accident. How often a number of another kind is refused is measured by
``python -m tests.simulation.card_guard``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

from pycore._core import find_card_numbers, find_possible_card_numbers

CARD_DIGITS_MIN: Final = 13

# A URL inside a URL is encoded twice; nobody's accident goes deeper.
_ENCODED_MAX: Final = 3
# A line end that JSON has escaped is no letter.
_EDGE: Final = r"(?:(?<![0-9A-Za-z])|(?<=\\[nrt]))"
_VERIFICATION_VALUE: Final = re.compile(
    r"((?:card[ _-]?)?(?:cvv|cvc|cvn|cvd|(?<![a-z])csc)2?(?:[ _-]?(?:code|value|number))?"
    r"|security[ _-]?(?:code|value|number)|card[ _-]?verification[ _-]?(?:code|value|number)|安全[码碼])"
    r"([\W_]{0,4}(?:is|是|为)?[\W_]{0,4})\d{3,4}(?!\d)",
    re.IGNORECASE,
)
_NAMES_ONE: Final = ("cv", "csc", "security", "verification", "安全码", "安全碼", "ｃ", "ｓ")
_KEY: Final = re.compile(r"((?:sk|ok)_(?:live|test)_|whsec_)[0-9A-Za-z+/=_-]{12,}")
_BEARER: Final = re.compile(r"(?i:\b(bearer|basic(?=\s+[0-9A-Za-z+/]{8,}={0,2}(?![0-9A-Za-z])))\s+)[^\s\"',;]+")
_ENCODED: Final = re.compile(r"[^\s\"'<>]*%[0-9A-Fa-f]{2}[^\s\"'<>]*")
_PHONE: Final = re.compile(_EDGE + r"(?:\+?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9A-Za-z])")
_RESIDENT_ID: Final = re.compile(
    _EDGE + r"[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx](?![0-9A-Za-z])"
)


def secret_in(text: str) -> str | None:
    """Return what secret the text holds, in words for people, or None; personal data is not looked for."""
    for _ in range(_ENCODED_MAX):
        if secret := _secret_in(text):
            return secret
        if "%" not in text or (read := unquote(text)) == text:
            return None
        text = read
    return _secret_in(text)


def mask_secrets(text: str) -> str:
    """Return the text with stars in the place of every secret and of what looks like one, or like personal data."""
    possible = find_possible_card_numbers(text) if len(text) >= CARD_DIGITS_MIN else []
    for start, end in reversed(possible):
        text = f"{text[:start]}****{text[end:]}"
    text = _KEY.sub(r"\1****", _BEARER.sub(r"\1 ****", text))
    text = _VERIFICATION_VALUE.sub(r"\1\2***", text)
    if "%" in text:
        text = _ENCODED.sub(lambda found: "****" if secret_in(found[0]) else found[0], text)
    return _PHONE.sub("****", _RESIDENT_ID.sub("****", text))


def _secret_in(text: str) -> str | None:
    if len(text) >= CARD_DIGITS_MIN and find_card_numbers(text):
        return "a card number"
    # This is asked about every payment: normal text is let go with a few cheap looks.
    low = text.lower()
    if any(name in low for name in _NAMES_ONE) and _VERIFICATION_VALUE.search(unicodedata.normalize("NFKC", low)):
        return "a card's verification value"
    if "_" in text and _KEY.search(text):
        return "a key"
    return None
