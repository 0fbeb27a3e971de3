"""A notification whose signature was verified: what the channel says, not yet what we believe."""

from __future__ import annotations

from msgspec import Struct

from pycore.channels.failure import NotificationRefusedError
from pycore.channels.outcome import Outcome, Succeeded
from pycore.money import Amount


class Notification(Struct, frozen=True, kw_only=True):
    """A verified notification; merchant and app are ours already.

    Attributes:
        notification_id: the channel's number of the event; the same event sent again has the same one.
        payment_attempt_id: which attempt; whether it is known the caller must find out.
        refund_id: which refund, by the number it was asked with: ours, or that of a refund made in the channel's own
            back office, which the caller must find out; None where a payment is meant.
        transaction_id: the channel's number of payment or refund: what makes booking it idempotent.
        total_refunded: what the channel has given back of the order in all, whoever asked for it; None where a
            notification of a payment does not say.
    """

    notification_id: str
    payment_attempt_id: str
    refund_id: str | None = None
    transaction_id: str
    outcome: Outcome
    total_refunded: Amount | None = None

    def matched(self, attempt_or_refund_id: str, expected: Amount) -> Outcome:
        """Return the outcome, if it is about this attempt (or refund) and this amount in this currency.

        Raises NotificationRefusedError with the reason ``other_order`` or ``other_amount``: hold and alert.
        """
        if attempt_or_refund_id != (self.refund_id or self.payment_attempt_id):
            raise NotificationRefusedError("other_order")
        if isinstance(self.outcome, Succeeded) and self.outcome.amount != expected:
            raise NotificationRefusedError("other_amount")
        return self.outcome
