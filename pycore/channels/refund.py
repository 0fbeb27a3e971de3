"""What a channel is asked to give back."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from pycore.channels.order import ChannelOrder, check_id, check_url
from pycore.money import Amount
from pycore.printable import unprintable_in

REASON_CHARACTERS_MAX = 80


class Refund(Struct, frozen=True, kw_only=True):
    """One refund of one paid order. A retry carries the same number, else it is a second refund.

    | field | meaning |
    |---|---|
    | ``refund_id`` | the channel's out_refund_no or out_request_no: 8 to 32 ASCII letters and digits |
    | ``transaction_id`` | the channel's own number of the payment |
    | ``amount`` | more than nothing, at most the order's; whether earlier refunds leave room the caller knows |
    | ``reason`` | what the payer reads: at most 80 printable characters |

    Raises:
        ValueError: a value is not as above.
    """

    refund_id: str
    order: ChannelOrder
    transaction_id: str
    amount: Amount
    reason: str
    created_at: datetime
    notify_url: str | None = None

    def __post_init__(self) -> None:
        check_id(self.refund_id)
        check_url(self.notify_url)
        if self.amount.currency != self.order.amount.currency or not 0 < self.amount.minor <= self.order.amount.minor:
            raise ValueError("a refund is more than nothing and at most the order's amount, in its currency")
        if len(self.reason) > REASON_CHARACTERS_MAX or unprintable_in(self.reason):
            raise ValueError(f"a reason is at most {REASON_CHARACTERS_MAX} printable characters")
        if self.created_at.tzinfo is None:
            raise ValueError("a refund's time needs a zone")
