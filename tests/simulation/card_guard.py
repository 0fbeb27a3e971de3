"""The guard against card numbers in clear text, measured both ways: what it refuses wrongly, and what it lets through.

The story: one in ten of all numbers has a right check digit. A guard that asked for no more refused one in ten bar
codes and one in ten order numbers ``yymmdd…``, also in idempotency keys that a shop cannot change, and nobody had
counted. So each family of numbers that merchants send is made by the thousand, and so are the numbers of each network.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

from pycore.vault import mask_secrets, secret_in
from tests.simulation.canaries import luhn_checked
from tests.simulation.report import Arguments, Outcome, main

_FIRST_DAY: Final = datetime(2023, 1, 1, tzinfo=UTC)
_DAYS: Final = 365 * 5
_MARKS: Final = tuple("./_,:|*")
_WIDE: Final = str.maketrans("0123456789", "０１２３４５６７８９")
_CIRCLED: Final = str.maketrans("0123456789", "⓪①②③④⑤⑥⑦⑧⑨")


class GuardError(AssertionError):
    """More is refused wrongly, or more let through, than is allowed."""


def _digits(random: Random, count: int) -> str:
    return "".join(random.choice("0123456789") for _ in range(count))


def _moment(random: Random) -> datetime:
    return _FIRST_DAY + timedelta(days=random.randrange(_DAYS), seconds=random.randrange(86_400))


def _bar_code(random: Random, beginning: str) -> str:
    body = beginning + _digits(random, 12 - len(beginning))
    total = sum(int(digit) * (1 + place % 2 * 2) for place, digit in enumerate(body))
    return f"{body}{-total % 10}"


def _snowflake(random: Random) -> str:
    """Return an id of 64 bits: milliseconds since some day of 2010 to 2025, a machine and a count."""
    since = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(days=random.randrange(365 * 15))
    return str(int((datetime(2026, 12, 1, tzinfo=UTC) - since).total_seconds() * 1000) << 22 | random.getrandbits(22))


def _residents_number(random: Random) -> str:
    area = random.choice(("11", "31", "34", "37", "44", "51", "62", "65")) + _digits(random, 4)
    born = datetime(1950, 1, 1, tzinfo=UTC) + timedelta(days=random.randrange(365 * 60))
    body = f"{area}{born:%Y%m%d}{_digits(random, 3)}"
    check = (12 - sum(int(digit) << (17 - place) for place, digit in enumerate(body))) % 11
    return body + ("X" if check == 10 else str(check))


FAMILIES: Final[dict[str, Callable[[Random], str]]] = {
    "ean_13_china": lambda random: _bar_code(random, "69"),
    "ean_13_beginning_with_4": lambda random: _bar_code(random, "4"),
    "isbn": lambda random: "ISBN " + _bar_code(random, "978"),
    "yymmddhhmmss_and_4": lambda random: f"{_moment(random):%y%m%d%H%M%S}{_digits(random, 4)}",
    "yymmdd_and_10": lambda random: f"{_moment(random):%y%m%d}{_digits(random, 10)}",
    "19_digits_beginning_with_4": lambda random: "4" + _digits(random, 18),
    "alipay_trade_number": lambda random: f"{_moment(random):%Y%m%d}{_digits(random, 20)}",
    "wechat_transaction_id": lambda random: f"420000{_digits(random, 4)}{_moment(random):%Y%m%d}{_digits(random, 10)}",
    "x_and_uuid": lambda random: f"x{UUID(int=random.getrandbits(128), version=4).hex}",
    "uuid_behind_a_letter": lambda random: f"o{UUID(int=random.getrandbits(128), version=4)}",
    "16_hexadecimal_digits": lambda random: f"{random.getrandbits(64):016x}",
    "snowflake": _snowflake,
    "two_phones": lambda random: f"13{_digits(random, 9)} 138-{_digits(random, 4)}-{_digits(random, 4)}",
    "phone_with_country": lambda random: f"+86 13{_digits(random, 1)} {_digits(random, 4)} {_digits(random, 4)}",
    "residents_number": _residents_number,
    "time_to_the_microsecond": lambda random: f"{_moment(random):%Y-%m-%d %H:%M:%S}.{_digits(random, 6)}",
    "amounts": lambda random: ",".join(str(random.randrange(100, 100_000)) for _ in range(4)),
}
"""Numbers of other kinds, as merchants write them."""

PER_10_000_MAX: Final = {
    "ean_13_china": 1, "ean_13_beginning_with_4": 1, "isbn": 1, "yymmddhhmmss_and_4": 1, "yymmdd_and_10": 1,
}  # fmt: skip
_PER_10_000_MAX: Final = 10
# What a small sample may have beyond the rate: the third of a thousand is no sign of three in a thousand.
_CHANCE: Final = 3

NETWORKS: Final = {
    "visa_16": ("4", 16), "visa_13": ("4", 13), "mastercard": ("53", 16), "mastercard_2": ("2223", 16),
    "american_express": ("37", 15), "unionpay_16": ("62", 16), "unionpay_17": ("62", 17), "unionpay_18": ("62", 18),
    "unionpay_19": ("62", 19), "jcb": ("3530", 16), "diners_club": ("36", 14), "discover": ("6011", 16),
}  # fmt: skip
"""Beginning and length of cards."""

FORMS: Final[dict[str, Callable[[str, Random], str]]] = {
    "undivided": lambda number, _: number,
    "behind_a_word": lambda number, _: f"card no. {number}",
    "spaces": lambda number, _: _grouped(number, " "),
    "dashes": lambda number, _: _grouped(number, "-"),
    "marks": lambda number, random: _grouped(number, random.choice(_MARKS)),
    "full_width": lambda number, _: _grouped(number.translate(_WIDE), " "),
    "circled": lambda number, _: _grouped(number.translate(_CIRCLED), " "),
    "arabic": lambda number, _: _grouped("".join(chr(0x660 + int(digit)) for digit in number), " "),
    "url_encoded": lambda number, _: "".join(f"%{ord(digit):02X}" for digit in f"card={number}"),
}

# An undivided 2-series number of an unknown issuer reads as yymmdd..., one in ten old Visa numbers is a bar code too,
# and in ten thousand UnionPay's of 18 digits one is a resident's number: let through, and masked where it is shown.
MISSED_PER_1000_MAX: Final = {
    ("mastercard_2", "undivided"): 1000,
    ("visa_13", "undivided"): 150, ("unionpay_18", "undivided"): 1,
}  # fmt: skip


def _grouped(number: str, separator: str) -> str:
    return separator.join(number[start : start + 4] for start in range(0, len(number), 4))


def simulate(arguments: Arguments) -> Outcome:
    """Ask about ``count`` numbers of each family and network. Raises GuardError naming what is worse than allowed."""
    random = Random(arguments.seed)
    refused = {
        family: sum(secret_in(make(random)) is not None for _ in range(arguments.count))
        for family, make in FAMILIES.items()
    }
    each = max(arguments.count // 100, 20)
    missed: dict[str, int] = {}
    shown = 0
    for network, (beginning, length) in NETWORKS.items():
        for form, write in FORMS.items():
            numbers = [luhn_checked(beginning + _digits(random, length - len(beginning) - 1)) for _ in range(each)]
            texts = [write(number, random) for number in numbers]
            let_through = sum(secret_in(text) is None for text in texts)
            shown += sum(number in mask_secrets(text) for number, text in zip(numbers, texts, strict=True))
            if let_through:
                missed[f"{network}_{form}"] = let_through
            if let_through * 1000 > each * MISSED_PER_1000_MAX.get((network, form), 0):
                raise GuardError(f"{let_through} of {each} {network} {form} are let through")
    for family, count in refused.items():
        if (count - _CHANCE) * 10_000 > arguments.count * PER_10_000_MAX.get(family, _PER_10_000_MAX):
            raise GuardError(f"{count} of {arguments.count} {family} are refused as cards: {refused}")
    if shown:
        raise GuardError(f"{shown} card numbers are not masked")
    return {
        **{f"refused_of_{family}": count for family, count in refused.items()},
        "cards": each * len(NETWORKS) * len(FORMS),
        **{f"let_through_of_{of}": count for of, count in missed.items()},
        "cards_not_masked": shown,
    }


if __name__ == "__main__":
    main("card_guard", simulate, count=100_000, option="numbers")
