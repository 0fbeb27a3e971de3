"""What the payment service asks of the channels; how they do it is theirs."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from pycore._core import NewPayment
from pycore.errors import InvalidRequestError, InvalidStateError
from pycore.payments.idempotency import Reply
from pycore.payments.payment import PaymentMethod
from pycore.payments.record import PaymentRecord, RefundRecord
from pycore.payments.request import Payer


class Confirmation(NamedTuple):
    """How a payment is to be paid through a channel.

    Attributes:
        channel: which; None: the routing rules choose.
        reply: where the reply to the request is kept.
        seconds: how long it can be paid at the channel; None: as long as the payment has.
    """

    method: PaymentMethod
    channel: str | None
    payer: Payer
    reply: Reply
    seconds: int | None = None


class ChannelMethods(Protocol):
    """Payments through channels. Every method leaves what it did in the book, whatever the channel did."""

    def refusal(self, payment: NewPayment) -> InvalidRequestError | None:
        """Return why no channel could take a new payment, or None; nothing is recorded of it then."""
        ...

    async def confirm(self, record: PaymentRecord, confirmation: Confirmation) -> PaymentRecord:
        """Ask the payer through a channel; the caller holds the payment's lock.

        The intention and the reply are durable before the channel is called, the outcome before this returns. An
        outcome that is not known leaves the payment ``processing``.

        Raises InvalidRequestError or InvalidStateError where no channel can do it; nothing was recorded.
        """
        ...

    async def cancel(self, record: PaymentRecord, reply: Reply) -> PaymentRecord:
        """Close what is open at channels, then the payment; the caller holds its lock.

        Where a channel does not say that it is closed the payment stays as it is and is asked about later.

        Raises InvalidStateError where it is paid already; nothing was recorded.
        """
        ...

    async def clear(self, record: PaymentRecord) -> PaymentRecord:
        """Close what is open at channels, so that the payment can be paid another way; the caller holds its lock.

        Returns the payment as it is then: it may have been paid meanwhile. Raises InvalidStateError where a channel
        does not say that it is closed.
        """
        ...

    async def is_open(self, record: PaymentRecord) -> bool:
        """Return whether a channel may still take money for a payment."""
        ...

    async def refund(self, refund: RefundRecord) -> RefundRecord:
        """Ask the channel to give back; the refund is durable and its money in transit. Never raises for channels."""
        ...


class WithoutChannels:
    """What there is where no channel account is configured: balances only."""

    def refusal(self, payment: NewPayment) -> InvalidRequestError | None:
        """Refuse nothing: what an account will take that is configured later is not known."""
        del payment
        return None

    async def confirm(self, record: PaymentRecord, confirmation: Confirmation) -> PaymentRecord:
        """Refuse. Raises InvalidRequestError."""
        del record
        raise InvalidRequestError(
            f"method: no channel here offers {confirmation.method}; nothing was recorded: choose another, or configure"
            " a channel account"
        )

    async def cancel(self, record: PaymentRecord, reply: Reply) -> PaymentRecord:
        """Refuse. Raises InvalidStateError."""
        del reply
        raise InvalidStateError(f"no channel is configured that could close the payment, which is {record.status}")

    async def clear(self, record: PaymentRecord) -> PaymentRecord:
        """Refuse: a channel was asked while there was one. Raises InvalidStateError."""
        raise InvalidStateError(f"no channel is configured that could close the payment, which is {record.status}")

    async def is_open(self, record: PaymentRecord) -> bool:
        """Return that none does that we could ask."""
        del record
        return False

    async def refund(self, refund: RefundRecord) -> RefundRecord:
        """Leave it to a time when its channel is configured again."""
        return refund
