"""What a channel can do and what it asks for: data with a date and a source, read from ``capability.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from pycore.channels.clock import SHANGHAI
from pycore.channels.order import Method
from pycore.channels.title import TitleRule
from pycore.errors import ConfigurationError

CHANNELS: Final = ("wechat", "alipay", "unionpay")
"""The channels there are, each a package of this one."""

Count = Annotated[int, Meta(ge=0)]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule of a channel, in force from a day on.

    Attributes:
        effective_from: the first day, in Shanghai.
        source: where it is written.
        verified: False where nobody has checked it against the channel's current documents or our contract.
    """

    effective_from: date
    source: str
    verified: bool = False


AnyRule = TypeVar("AnyRule", bound=Rule)


class AmountLimit(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Smallest and largest amount of one order, minor units of its currency.

    Attributes:
        currency: three letters; what has no limit in force is not taken.
        methods: whose orders; empty: those of all methods that no other rule names.
    """

    currency: str
    methods: frozenset[Method] = frozenset()
    minimum_minor: Count
    maximum_minor: Count

    def allows(self, amount: int) -> bool:
        """Return whether one order may be of so many minor units."""
        return self.minimum_minor <= amount <= self.maximum_minor


class RefundRule(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How refunds are taken.

    Attributes:
        window_days: days after the payment.
        partial_max: refunds of one order.
        interval_seconds: seconds between two refunds of one order.
    """

    window_days: Count
    partial_max: Count
    interval_seconds: Count


class BillRule(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a day's bill can be fetched.

    Attributes:
        ready_minute: minutes after midnight of the next day, Shanghai.
        kept_days: days it can be fetched.
        link_seconds: seconds its link lives; 0 where the content comes at once.
    """

    ready_minute: Count
    kept_days: Count
    link_seconds: Count


class Price(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The list price of a payment, hundredths of a percent; a contract may say otherwise."""

    basis_points: Count


class Capability(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel's capability record. Of several rules of a kind the newest in force counts.

    Attributes:
        channel: its name here.
        closes: methods whose unpaid order can be closed.
        reverses: methods whose order can be reversed (cancelled whether paid or not).
        tells_reversed: whether a query of a reversed order says so, and not what was paid before.
        splits: whether the channel shares payments among receivers.
        titles: what it takes as a title; at most one rule for a method.
    """

    channel: str
    methods: frozenset[Method]
    closes: frozenset[Method]
    reverses: frozenset[Method]
    tells_reversed: bool
    splits: bool
    amount_limits: tuple[AmountLimit, ...]
    refund_rules: tuple[RefundRule, ...]
    bill_rules: tuple[BillRule, ...]
    prices: tuple[Price, ...]
    titles: tuple[TitleRule, ...] = ()

    def title(self, method: Method, subject: str) -> str:
        """Return ``subject`` as this channel takes it: that is an order's subject, and the timeline says so."""
        rule = next((each for each in self.titles if method in each.methods), None)
        return subject if rule is None else rule.applied(subject)

    @property
    def currencies(self) -> frozenset[str]:
        """Three-letter codes of what has limits."""
        return frozenset(limit.currency for limit in self.amount_limits)

    def amount_limit(self, method: Method, currency: str, day: date) -> AmountLimit | None:
        """Return what one order may be of on ``day``; None: the channel takes no such order.

        A rule that names the method comes before one for all of them.
        """
        rules = [
            limit
            for limit in self.amount_limits
            if limit.currency == currency
            and limit.effective_from <= day
            and method in (limit.methods or self.methods) & self.methods
        ]
        return max(rules, key=lambda limit: (bool(limit.methods), limit.effective_from), default=None)

    def bill_ready_at(self, day: date) -> datetime:
        """Return from when on the channel has a day's bill."""
        in_force = [rule for rule in self.bill_rules if rule.effective_from <= day] or list(self.bill_rules)
        rule = max(in_force, key=lambda each: each.effective_from)
        return datetime.combine(day + timedelta(days=1), time(), SHANGHAI) + timedelta(minutes=rule.ready_minute)


def load_capability(package: str) -> Capability:
    """Return the record in a channel's package.

    Raises:
        ConfigurationError: the file is not such a record.
    """
    try:
        text = resources.files(package).joinpath("capability.toml").read_text(encoding="utf-8")
        return msgspec.convert(tomllib.loads(text), Capability)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{package}/capability.toml: {error}") from error


@cache
def known_capabilities() -> tuple[Capability, ...]:
    """Return the records of all channels there are, whether we have an account there or not."""
    return tuple(load_capability(f"pycore.channels.{name}") for name in CHANNELS)


def in_force(rules: Sequence[AnyRule], day: date) -> AnyRule:
    """Return the newest of ``rules`` that is in force on ``day``.

    Raises:
        ConfigurationError: none is.
    """
    candidates = [rule for rule in rules if rule.effective_from <= day]
    if not candidates:
        raise ConfigurationError(f"no rule is in force on {day}")
    return max(candidates, key=lambda rule: rule.effective_from)
