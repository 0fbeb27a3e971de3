"""What moved on a day, for the protocols to write their bills from."""

from collections.abc import Iterator

from msgspec import Struct

from api.sandbox.core.order import Order, Refund
from api.sandbox.core.store import Store


class Movement(Struct, frozen=True):
    """A payment, or the refund of one: when, and of what order."""

    at_ms: int
    order: Order
    refund: Refund | None = None


class Totals(Struct, frozen=True):
    """Sums over movements, in minor units."""

    payments: int
    refunds: int
    paid: int
    refunded: int
    fees: int
    """What the channel took, less what it gave back."""


def movements(store: Store, protocol: str, merchant: str, start_ms: int, end_ms: int) -> list[Movement]:
    """Return the payments and the finished refunds from ``start_ms`` until before ``end_ms``, in order of time."""
    when = ">= ? AND {0} < ? AND {0} > 0 AND protocol = ?"
    paid = store.select(Order, f"paid_at {when.format('paid_at')}", start_ms, end_ms, protocol)
    done = store.select(Refund, f"done_at {when.format('done_at')}", start_ms, end_ms, protocol)
    found = [Movement(order.paid_at, order) for order in paid]
    for refund in done:
        order = store.get(Order, refund.order_id)
        assert order is not None
        found.append(Movement(refund.done_at, order, refund))
    mine = (each for each in found if each.order.merchant == merchant)
    return sorted(mine, key=lambda each: (each.at_ms, each.order.id, 0 if each.refund is None else each.refund.id))


def totals(moved: list[Movement]) -> Totals:
    """Return the sums of these movements."""
    refunds = [each.refund for each in moved if each.refund is not None]
    payments = [each.order for each in moved if each.refund is None]
    return Totals(
        payments=len(payments),
        refunds=len(refunds),
        paid=sum(each.amount for each in payments),
        refunded=sum(each.amount for each in refunds),
        fees=sum(each.fee for each in payments) - sum(each.fee for each in refunds),
    )


class Posting(Struct, frozen=True):
    """A change of the merchant's account: what it is, how much (negative: out), and what is left."""

    movement: Movement
    is_fee: bool
    amount: int
    balance: int


def postings(store: Store, protocol: str, moved: list[Movement], start_ms: int) -> Iterator[Posting]:
    """Yield the account's changes: each payment and its fee, each refund and the fee that comes back."""
    paid, fees = store.paid_before(protocol, start_ms)
    refunded, fees_back = store.refunded_before(protocol, start_ms)
    balance = paid - fees - refunded + fees_back
    for each in moved:
        sign, amount, fee = (
            (1, each.order.amount, each.order.fee) if each.refund is None else (-1, each.refund.amount, each.refund.fee)
        )
        for is_fee, change in ((False, sign * amount), (True, -sign * fee)):
            if change:
                balance += change
                yield Posting(each, is_fee, change, balance)


def yuan(amount: int) -> str:
    """Return minor units as the text of an amount in yuan: ``-1.05``."""
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02d}"
