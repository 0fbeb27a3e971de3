"""What a merchant asks a payer for, and what goes back: orders and refunds, as the channel keeps them.

Amounts are integer minor units, times are milliseconds of the simulated clock, 0 where something has not happened.
"""

from enum import StrEnum

from msgspec import Struct


class OrderState(StrEnum):
    """Where an order stands."""

    OPEN = "open"
    PAID = "paid"
    REFUSED = "refused"
    """A payment from a scanned code failed; orders the payer opens stay open when a try fails."""
    CLOSED = "closed"
    REVERSED = "reversed"


class RefundState(StrEnum):
    """Where a refund stands."""

    PROCESSING = "processing"
    DONE = "done"


class NewOrder(Struct, kw_only=True, frozen=True):
    """What a merchant sends.

    ``is_merchant_scan``: the merchant scanned the payer's code, not the other way round. ``reference`` is the
    merchant's own number, unique per merchant; ``expires_at`` is 0 where the channel's default holds; ``details`` are
    what the protocol wants to find again.
    """

    protocol: str
    merchant: str
    reference: str
    method: str
    amount: int
    currency: str = "CNY"
    description: str = ""
    attach: str = ""
    notify_url: str = ""
    payer: str = ""
    is_merchant_scan: bool = False
    expires_at: int = 0
    details: dict[str, str] = {}


class Order(Struct, kw_only=True):
    """An order. ``number`` is the channel's own; ``token`` is what the code that a payer scans carries."""

    id: int
    protocol: str
    merchant: str
    reference: str
    method: str
    amount: int
    currency: str
    description: str
    attach: str
    notify_url: str
    payer: str
    is_merchant_scan: bool
    details: dict[str, str]
    number: str
    token: str
    state: OrderState = OrderState.OPEN
    told_amount: int
    """What merchants are told was paid; differs from ``amount`` only where the fault "wrong amount" was ordered."""
    fee: int = 0
    refunded: int = 0
    refusals: int = 0
    created_at: int
    expires_at: int
    scanned_at: int = 0
    paid_at: int = 0
    closed_at: int = 0


class Refund(Struct, kw_only=True):
    """A refund. ``scope`` is where its ``reference`` is unique: the merchant at one channel, the order at another."""

    id: int
    order_id: int
    protocol: str
    scope: str
    reference: str
    number: str
    amount: int
    fee: int
    reason: str
    notify_url: str
    state: RefundState = RefundState.PROCESSING
    created_at: int
    done_at: int = 0


class Notice(Struct, kw_only=True):
    """A callback the channel owes a merchant: of a payment, or of the refund ``refund_id`` (0: none)."""

    id: int
    protocol: str
    order_id: int
    refund_id: int
    url: str
    number: str
    created_at: int
    is_forged: bool = False
    """The first try carries a signature that does not fit."""
    tries: int = 0
    delivered_at: int = 0
    last_answer: str = ""


class Task(Struct, kw_only=True):
    """Something to do at ``due_at``: ``kind`` names the doer, ``target`` what it is about, ``tries`` counts."""

    id: int
    due_at: int
    kind: str
    target: int
    tries: int = 0


FEE_PER_MILLE = 6
"""The channels' price: 0.60 % of each payment, half a cent up."""


def fee_of(amount: int) -> int:
    """Return the channel's price for an amount, in minor units."""
    return (amount * FEE_PER_MILLE + 500) // 1000
