"""Money: exact text both ways, and everything else refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycore.money import CNY, CURRENCIES, MINOR_MAX, Amount, decimal_text, minor_units

currencies = st.sampled_from(list(CURRENCIES.values()))


@settings(deadline=None)
@given(st.integers(min_value=-(10**17), max_value=10**17), currencies)
def test_text_round_trips(minor: int, currency: object) -> None:
    assert isinstance(currency, type(CNY))
    text = decimal_text(minor, currency)
    assert minor_units(text, currency, signed=True) == minor
    assert Decimal(text) == Decimal(minor).scaleb(-currency.exponent)


@settings(deadline=None)
@given(st.text(alphabet="0123456789.-+eE_ ,０１", max_size=12))
def test_what_is_taken_is_what_a_person_would_read(text: str) -> None:
    try:
        minor = minor_units(text, CNY)
    except ValueError:
        return
    assert "-" not in text
    assert Decimal(text) * 100 == minor
    assert len(text.partition(".")[2]) <= 2


@pytest.mark.parametrize(
    ("text", "minor"), [("0", 0), ("0.01", 1), ("0.1", 10), ("1", 100), ("88.88", 8888), ("100000000.00", 10**10)]
)
def test_yuan(text: str, minor: int) -> None:
    assert Amount.from_text(text, CNY) == Amount(minor, CNY)


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "1.", ".5", "-1", "+1", "1e2", "1E2", "01", "00.10", "1.001", "1.010", "1,000", "1_000", " 1", "1 ",
        "1\n", "１", "1.０1", "NaN", "Infinity", "0x1", "1.1.1", "9" * 40, "92233720368547758.08", "\x00", "--1", "¥1",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"decimal|decimals|63 bits"):
        minor_units(text, CNY)


def test_signs_and_zeros_only_where_they_are_allowed() -> None:
    assert minor_units("-0.51", CNY, signed=True) == -51
    assert minor_units("0.06000", CNY, extra_zeros=True) == 6
    with pytest.raises(ValueError, match="more decimals"):
        minor_units("0.06001", CNY, extra_zeros=True)
    with pytest.raises(ValueError, match="more decimals"):
        minor_units("0.060", CNY)


@pytest.mark.parametrize(
    ("code", "number", "exponent", "text"),
    [("CNY", 156, 2, "1.23"), ("JPY", 392, 0, "123"), ("KWD", 414, 3, "0.123"), ("CLF", 990, 4, "0.0123")],
)
def test_currencies(code: str, number: int, exponent: int, text: str) -> None:
    currency = CURRENCIES[code]
    assert (currency.number, currency.exponent) == (number, exponent)
    assert str(Amount(123, currency)) == f"{text} {code}"


def test_the_table_is_whole() -> None:
    assert len(CURRENCIES) == 165
    assert len({currency.number for currency in CURRENCIES.values()}) == 165
    assert all(0 < currency.number < 1000 for currency in CURRENCIES.values())


@pytest.mark.parametrize("minor", [MINOR_MAX + 1, -MINOR_MAX - 1])
def test_amounts_fit_63_bits(minor: int) -> None:
    Amount(MINOR_MAX, CNY)
    with pytest.raises(ValueError, match="63 bits"):
        Amount(minor, CNY)
