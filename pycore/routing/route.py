"""A route: a channel, a method it offers, perhaps one bank; what it takes and what it costs."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from pycore.errors import ConfigurationError

AMOUNT_MAX = 2**64 - 1


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a payment costs on a route: a share of the amount, rounded half up, and a fixed part, within bounds.

    | field | unit |
    |---|---|
    | ``basis_points`` | ten thousandths of the amount, at most 10,000 |
    | ``fixed_minor``, ``min_minor``, ``max_minor`` | minor units |
    """

    basis_points: int = 0
    fixed_minor: int = 0
    min_minor: int = 0
    max_minor: int = AMOUNT_MAX


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a route takes (minor units) and costs in one currency."""

    currency: str
    amount_min: int = 1
    amount_max: int = AMOUNT_MAX
    price: Price = Price()


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to pay. Names are 1 to 32 ASCII letters, digits and underscores.

    Attributes:
        channel: the channel's name.
        method: the method's name.
        bank: the payer's bank. None: every bank that has no route of its own for this channel and method.
        on_us: the money is with us already: tried before all others, unless a rule says otherwise.
        terms: one entry per currency.
    """

    channel: str
    method: str
    bank: str | None = None
    on_us: bool = False
    terms: tuple[Terms, ...]

    @property
    def name(self) -> str:
        """The route as people write it, ``channel/method`` or ``channel/method/bank``."""
        return "/".join(part for part in (self.channel, self.method, self.bank) if part is not None)


class _RouteFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    route: tuple[Route, ...]


def load_routes(file: Path) -> tuple[Route, ...]:
    """Return the routes of a TOML file, one ``[[route]]`` each with its ``[[route.terms]]``.

    Raises ConfigurationError where the file cannot be read or says something else.
    """
    try:
        return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), _RouteFile).route
    except OSError as error:
        raise ConfigurationError(f"the routes {file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"the routes {file}: {error}") from error
