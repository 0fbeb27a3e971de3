"""Personal data as types: checked when made, masked when shown, never written out unsealed."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from typing import ClassVar, NoReturn

from pycore._core import find_card_numbers
from pycore.errors import InvalidPersonalDataError
from pycore.printable import unprintable_in

NAME_LENGTH_MAX = 100

_PUNCTUATION = re.compile(r"[ ()./-]")
_PHONE = re.compile(r"\+[1-9][0-9]{7,14}")
_CHINESE_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_CHINESE_LANDLINE = re.compile(r"0[1-9][0-9]{8,10}")
_RESIDENT_ID = re.compile(r"[0-9]{17}[0-9X]")
_DOCUMENT_ID = re.compile(r"[0-9A-Z]{5,20}")
_DOTS = str.maketrans(dict.fromkeys("•‧∙⋅・", "·"))
"""The dots inside names of several parts, which people type in many ways."""


class PersonalValue(ABC):
    """One person's datum. Its text is given by ``reveal`` only; printing, formatting and logging show a mask."""

    __slots__ = ("_text",)

    FIELD: ClassVar[str]
    """What its blind index is kept apart by."""

    def __init__(self, text: str, *, was_sealed: bool = False) -> None:
        """Take a text and check it, unless it ``was_sealed``: what was taken once can be read whatever is asked since.

        Raises InvalidPersonalDataError, which does not repeat the text.
        """
        self._text = text if was_sealed else self._checked(text)

    @classmethod
    @abstractmethod
    def _checked(cls, text: str) -> str:
        """Return the text as it is kept. Raises InvalidPersonalDataError."""

    @property
    @abstractmethod
    def masked(self) -> str:
        """The most that may be shown."""

    @property
    def normal(self) -> str:
        """The one form by which equal values are found; as secret as the text."""
        return self._text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masked})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PersonalValue) and type(self) is type(other) and self.normal == other.normal

    def __hash__(self) -> int:
        return hash((type(self), self.normal))

    def __reduce__(self) -> NoReturn:
        raise TypeError("personal data is not written out unsealed")


class PhoneNumber(PersonalValue):
    """A phone number, kept as E.164: ``+8613812345678``. Without a country code it is a Chinese one."""

    __slots__ = ()
    FIELD = "phone_number"

    @classmethod
    def _checked(cls, text: str) -> str:
        number = _PUNCTUATION.sub("", text)
        if number.startswith("00"):
            number = f"+{number[2:]}"
        elif _CHINESE_MOBILE.fullmatch(number):
            number = f"+86{number}"
        elif _CHINESE_LANDLINE.fullmatch(number):
            number = f"+86{number[1:]}"
        if _PHONE.fullmatch(number) is None:
            raise InvalidPersonalDataError("not a phone number: 8 to 15 digits after + and the country's code")
        return number

    @property
    def masked(self) -> str:
        """As in ``+86138****5678``."""
        return f"{self._text[:-8]}****{self._text[-4:]}" if len(self._text) >= 12 else f"****{self._text[-2:]}"


class PersonName(PersonalValue):
    """A person's name as it is written: what people read, and no card number."""

    __slots__ = ()
    FIELD = "person_name"

    @classmethod
    def _checked(cls, text: str) -> str:
        name = " ".join(text.split())
        if not 0 < len(name) <= NAME_LENGTH_MAX:
            raise InvalidPersonalDataError(f"a name has 1 to {NAME_LENGTH_MAX} characters")
        if unprintable := unprintable_in(name):
            raise InvalidPersonalDataError(f"the name holds {unprintable}: leave it out")
        if find_card_numbers(name):
            raise InvalidPersonalDataError("there is a card number in the name")
        return name

    @property
    def masked(self) -> str:
        """The first character and two stars; how long the name is stays hidden."""
        return f"{self._text[0]}**"

    @property
    def normal(self) -> str:
        """Without spaces, in one case, width and kind of dot (Unicode NFKC)."""
        return "".join(unicodedata.normalize("NFKC", self._text).casefold().translate(_DOTS).split())


class IdNumber(PersonalValue):
    """The number of an identity document: a Chinese resident's (GB 11643) with its check digit, or another's."""

    __slots__ = ()
    FIELD = "id_number"

    @classmethod
    def _checked(cls, text: str) -> str:
        number = _PUNCTUATION.sub("", text).upper()
        if _RESIDENT_ID.fullmatch(number):
            if not _has_check_digit(number):
                raise InvalidPersonalDataError("the id number's check digit is wrong: a digit was mistyped")
        elif _DOCUMENT_ID.fullmatch(number) is None:
            raise InvalidPersonalDataError("an id number has 5 to 20 digits and letters")
        elif find_card_numbers(number):
            raise InvalidPersonalDataError("this is a card number, not an id number")
        return number

    @property
    def masked(self) -> str:
        """The first and the last character."""
        return f"{self._text[0]}{'*' * (len(self._text) - 2)}{self._text[-1]}"


def _has_check_digit(number: str) -> bool:
    """Return whether the last of 18 characters checks the others (GB 11643-1999, ISO 7064 MOD 11-2)."""
    values = [10 if digit == "X" else int(digit) for digit in number]
    return sum(value << (17 - place) for place, value in enumerate(values)) % 11 == 1
