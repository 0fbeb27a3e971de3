"""Texts that people and their systems choose: names and references."""

import re
from typing import Final

from pycore.errors import InvalidRequestError
from pycore.printable import unprintable_in
from pycore.vault import secret_in

NAME_LENGTH_MAX: Final = 100
REFERENCE_LENGTH_MAX: Final = 64

_REFERENCE: Final = re.compile(rf"[0-9A-Za-z_.:@|*/-]{{1,{REFERENCE_LENGTH_MAX}}}", re.ASCII)


def checked_name(text: str, field: str) -> str:
    """Return a name without blanks at its ends. Raises InvalidRequestError naming ``field``, never the text."""
    name = text.strip()
    if not 0 < len(name) <= NAME_LENGTH_MAX:
        raise InvalidRequestError(f"{field} must have 1 to {NAME_LENGTH_MAX} characters; nothing was recorded")
    if unprintable := unprintable_in(name):
        raise InvalidRequestError(f"{field} holds {unprintable}; nothing was recorded: leave it out")
    _refuse_secrets(name, field)
    return name


def checked_reference(text: str, field: str) -> str:
    """Return a reference of the merchant's own. Raises InvalidRequestError naming ``field``, never the text."""
    if _REFERENCE.fullmatch(text) is None:
        raise InvalidRequestError(
            f"{field} must have 1 to {REFERENCE_LENGTH_MAX} characters of 0-9 A-Z a-z _ . : @ | * / -;"
            " nothing was recorded"
        )
    _refuse_secrets(text, field)
    return text


def _refuse_secrets(text: str, field: str) -> None:
    if secret := secret_in(text):
        raise InvalidRequestError(f"{field} holds {secret}; nothing was recorded: never send one in clear")
