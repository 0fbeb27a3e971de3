"""Why the channel says no. Each protocol has its own words for these."""

from enum import StrEnum


class Reason(StrEnum):
    """A business reason, as a sentence without its protocol's dialect."""

    ORDER_UNKNOWN = "there is no such order"
    ORDER_PAID = "the order is paid"
    ORDER_CLOSED = "the order is closed"
    ORDER_EXPIRED = "the order's time is over"
    ORDER_REVERSED = "the order was reversed"
    ORDER_NOT_PAID = "the order is not paid"
    ORDER_DIFFERS = "the order number was used with other contents"
    PAYMENT_REFUSED = "the payment failed"
    CODE_UNUSABLE = "the payment code is not usable"
    REFUND_UNKNOWN = "there is no such refund"
    REFUND_DIFFERS = "the refund number was used with other contents"
    REFUND_TOO_LARGE = "more would be refunded than was paid"
    REFUND_TOO_MANY = "the order has as many refunds as it may have"
    BILL_UNKNOWN = "there is no file of that day"
    REFUND_TOO_LATE = "the time for refunds is over"


class RefusalError(Exception):
    """The channel's no."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
