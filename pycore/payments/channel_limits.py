"""What the channels take: which currency, by which method, from which amount to which.

A payment that none of them can take is refused when it is asked for: its payer would find no way, and its merchant
would never learn why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from pycore._core import NewPayment
from pycore.channels import ChannelConnection, Method
from pycore.channels.accounts import ChannelAccounts
from pycore.channels.capability import AmountLimit
from pycore.channels.clock import SHANGHAI
from pycore.errors import InvalidRequestError
from pycore.payments.payment import CaptureMethod, PaymentMethod

_BALANCE: Final = PaymentMethod.BALANCE.value


class Way(NamedTuple):
    """A channel and a method that take a currency, and how much of it."""

    channel: str
    method: PaymentMethod
    limit: AmountLimit


class ChannelLimits:
    """The limits of the accounts there are now."""

    def __init__(self, channels: ChannelAccounts, clock_ns: Callable[[], int]) -> None:
        self._channels = channels
        self._clock_ns = clock_ns
        self._known: dict[bool, _Known] = {}

    def ways(
        self, currency: str, *, live: bool, channel: str | None = None, method: str | None = None
    ) -> Sequence[Way]:
        """Return how a currency can be paid, whatever the amount; with ``channel`` or ``method`` by that alone."""
        known = self._known_now(self._channels.connections(live=live), live=live)
        asked = (currency, channel, method)
        found = known.ways.get(asked)
        if found is None:
            found = known.ways[asked] = _ways(known, *asked)
        return found

    def refusal(self, payment: NewPayment) -> InvalidRequestError | None:
        """Return why a new payment cannot be paid by anybody, or None.

        A customer may pay any amount of any currency from a balance. Where there is no account at all yet, nobody
        knows.
        """
        live = payment.tenant.live
        is_from_balance = payment.method == _BALANCE or (payment.method is None and payment.customer_id is not None)
        if is_from_balance or not self._channels.connections(live=live):
            return None
        if payment.capture_method == CaptureMethod.MANUAL:
            return cannot_hold()
        asked = (payment.currency, payment.channel, payment.method)
        return self.excluded(payment.amount, *asked, live=live)

    def excluded(
        self, amount: int, currency: str, channel: str | None, method: str | None, *, live: bool
    ) -> InvalidRequestError | None:
        """Return why a payment cannot be paid so, with the limit, or None."""
        ways = self.ways(currency, live=live, channel=channel, method=method)
        if any(way.limit.allows(amount) for way in ways):
            return None
        if ways:
            return _out_of_limits(amount, currency, ways)
        return self._not_taken(currency, channel, method, live=live)

    def _not_taken(self, currency: str, channel: str | None, method: str | None, *, live: bool) -> InvalidRequestError:
        connections = self._channels.connections(live=live)
        if channel is not None and channel not in connections:
            return InvalidRequestError(
                f"channel: there is no account at {channel} now; nothing was recorded: name one of"
                f" {', '.join(sorted(connections))}"
            )
        mine = [connections[channel]] if channel is not None else list(connections.values())
        who = channel or "no channel"
        taken = frozenset().union(*(each.capability.currencies for each in mine))
        if currency not in taken:
            takes = "does not take" if channel else "takes"
            return InvalidRequestError(
                f"currency: {who} {takes} {currency}; nothing was recorded: use {' or '.join(sorted(taken))}"
            )
        offered = frozenset().union(*(each.capability.methods for each in mine))
        offers = "does not offer" if channel else "offers"
        return InvalidRequestError(
            f"method: {who} {offers} {method}; nothing was recorded: use one of {', '.join(sorted(offered))}"
        )

    def _known_now(self, connections: Mapping[str, ChannelConnection], *, live: bool) -> _Known:
        day = datetime.fromtimestamp(self._clock_ns() // 10**9, SHANGHAI).date()
        known = self._known.get(live)
        if known is None or known.connections is not connections or known.day != day:
            known = self._known[live] = _Known(connections, day, {})
        return known


class _Known(NamedTuple):
    """What was found for the accounts of one mode on one day: it is asked for every new payment."""

    connections: Mapping[str, ChannelConnection]
    day: date
    ways: dict[tuple[str, str | None, str | None], Sequence[Way]]


def cannot_hold() -> InvalidRequestError:
    """Return the refusal of a payment that a channel should hold."""
    return InvalidRequestError(
        "capture_method: channels take the money at once and cannot hold it; nothing was recorded: use automatic, or"
        " name the customer_id whose balance pays"
    )


def _ways(known: _Known, currency: str, channel: str | None, method: str | None) -> Sequence[Way]:
    found = []
    for name, connection in known.connections.items():
        if channel not in {None, name}:
            continue
        for each in sorted(connection.capability.methods):
            limit = connection.capability.amount_limit(Method(each), currency, known.day)
            if limit is not None and method in {None, each.value}:
                found.append(Way(name, PaymentMethod(each.value), limit))
    return tuple(found)


def _out_of_limits(amount: int, currency: str, ways: Sequence[Way]) -> InvalidRequestError:
    spans = {way.channel: (way.limit.minimum_minor, way.limit.maximum_minor) for way in ways}
    told = ", ".join(f"{channel} takes {least} to {most}" for channel, (least, most) in sorted(spans.items()))
    return InvalidRequestError(
        f"amount: {amount} minor units of {currency} cannot be paid at once: {told}; nothing was recorded: ask for an"
        " amount within, or for several payments"
    )
