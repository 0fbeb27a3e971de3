"""Secrets in text that is kept or shown as it is: free text, references, addresses, messages, log lines.

What people write cannot be understood by a program; this finds what has a form of its own. It is a net for accidents
and a last line of defence, never a reason to put a secret where it does not belong.

| secret | how it is known |
|---|---|
| card number | 13 to 19 digits, also in groups, with a right check digit and a beginning that cards have |
| verification value | three or four digits behind a name for it: ``cvv 123``, ``安全码：123`` |
| API key, webhook secret | its prefix: ``sk_live_``, ``sk_test_``, ``ok_live_``, ``whsec_`` |
| bearer token | the word ``Bearer`` before it |
| phone number, id number (masked only) | a Chinese mobile's 11 digits; a resident's 18 with a date of birth |
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from pycore._core import find_card_numbers

CARD_DIGITS_MIN: Final = 13

# Numbers of orders are as long as cards', and one in ten has a right check digit. Cards begin with 3 to 6, 8, 9 or, in
# Mastercard's second range, 22 to 27; dates begin with 20, times and most counters with 1, phones of +86 with 861.
_OF_A_CARD: Final = re.compile(r"(?!861)(?:2[2-7]|[345689])")
# In one of three hundred random ids in hexadecimal there are 13 digits in a row.
_HEXADECIMAL: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,128})(?![0-9A-Za-z])", re.IGNORECASE
)
# A line end that JSON has escaped is no letter.
_EDGE: Final = r"(?:(?<![0-9A-Za-z])|(?<=\\[nrt]))"
_VERIFICATION_VALUE: Final = re.compile(
    r"((?:card[ _-]?)?(?:cvv|cvc|cvn)2?(?:[ _-]?(?:code|value|number))?|安全码)([\W_]{0,4}(?:is|是|为)?[\W_]{0,4})"
    r"\d{3,4}(?!\d)",
    re.IGNORECASE,
)
_KEY: Final = re.compile(r"((?:sk|ok)_(?:live|test)_|whsec_)[0-9A-Za-z+/=_-]{12,}")
_BEARER: Final = re.compile(r"(?i:\b(bearer)\s+)[^\s\"',;]+")
_PHONE: Final = re.compile(_EDGE + r"(?:\+?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9A-Za-z])")
_RESIDENT_ID: Final = re.compile(
    _EDGE + r"[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx](?![0-9A-Za-z])"
)


def secret_in(text: str) -> str | None:
    """Return what secret the text holds, in words for people, or None; personal data is not looked for."""
    if len(text) >= CARD_DIGITS_MIN and find_card_numbers(text) and _card_numbers(text):
        return "a card number"
    # This is asked about every payment: normal text is let go with a few cheap looks.
    low = text.lower()
    may_name_one = "cv" in low or (not text.isascii() and ("安全码" in low or "ｃｖ" in low))
    if may_name_one and _VERIFICATION_VALUE.search(unicodedata.normalize("NFKC", low)):
        return "a card's verification value"
    if "_" in text and _KEY.search(text):
        return "a key"
    return None


def mask_secrets(text: str) -> str:
    """Return the text with stars in the place of every secret and of what looks like personal data."""
    for start, end in reversed(_card_numbers(text)):
        text = f"{text[:start]}****{text[end:]}"
    text = _KEY.sub(r"\1****", _BEARER.sub(r"\1 ****", text))
    text = _VERIFICATION_VALUE.sub(r"\1\2***", text)
    return _PHONE.sub("****", _RESIDENT_ID.sub("****", text))


def _card_numbers(text: str) -> list[tuple[int, int]]:
    """Return where the text holds card numbers, but for what other numbers look like."""
    if len(text) < CARD_DIGITS_MIN or not find_card_numbers(text):
        return []
    searched = _HEXADECIMAL.sub(lambda found: "x" * len(found[0]), text)
    return [each for each in find_card_numbers(searched) if _OF_A_CARD.match(_digits(searched[slice(*each)]))]


def _digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(each)) for each in text if each.isdecimal())
