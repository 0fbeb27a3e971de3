"""What a text may hold, on every interpreter."""

import pytest

from pycore.errors import InvalidPersonalDataError, InvalidRequestError
from pycore.merchants.text import checked_name
from pycore.printable import unprintable_in
from pycore.vault import PersonName

LATER_HAN = ["\U00031350", "\U000323af", "\U0002ebf0", "\U0002ee5d", "\U0003347b", "\U0002fa1d", "\U0003ffef"]


@pytest.mark.parametrize("letter", LATER_HAN)
def test_f3_han_characters_of_every_version_are_taken(letter: str) -> None:
    """A person called 𱍐 was told that a name has no control characters, on Python 3.11 and not on 3.13."""
    assert unprintable_in(letter) is None
    assert PersonName(f"王{letter}").masked
    assert checked_name(f"{letter}记茶铺", "name")


def test_f3_a_private_use_letter_is_refused_by_its_kind() -> None:
    with pytest.raises(InvalidPersonalDataError, match="private-use"):
        PersonName("王\ue863")
    with pytest.raises(InvalidRequestError, match="private-use"):
        checked_name("\U000f0001茶铺", "name")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("茶 tea é 😀 \u3000", None),
        ("葛\U000e0100", None),
        ("\U0001fae8", None),
        ("\x00", "a control"), ("\n", "a control"), ("\x85", "a control"), ("\u2028", "a control"),
        ("\u200b", "an invisible"), ("\u202e", "an invisible"), ("\ufeff", "an invisible"),
        ("\u00a0", "a space"),
        ("\ud800", "half"), ("\ufdd0", "half"), ("\U0003fffe", "half"),
    ],
)  # fmt: skip
def test_everything_else_is_judged_by_its_code_point(text: str, kind: str | None) -> None:
    found = unprintable_in(f"a{text}")
    assert found is None if kind is None else str(found).startswith(kind)
