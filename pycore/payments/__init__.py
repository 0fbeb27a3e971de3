"""Payments: asked for once, paid at most once, and always with a true outcome."""

from pycore.payments.balance_limits import Authentication
from pycore.payments.channel_methods import ChannelMethods, Confirmation, WithoutChannels
from pycore.payments.desk import PaymentDesk
from pycore.payments.listing import PaymentFilter, RefundFilter, TimelineEntry, WithdrawalFilter
from pycore.payments.payment import (
    Action,
    CaptureMethod,
    NextAction,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Purpose,
    Refund,
    RefundStatus,
)
from pycore.payments.request import (
    CancelPayment,
    CapturePayment,
    ConfirmPayment,
    CreatePayment,
    CreateRefund,
    Payer,
    UpdatePayment,
)

__all__ = [
    "Action",
    "Authentication",
    "CancelPayment",
    "CaptureMethod",
    "CapturePayment",
    "ChannelMethods",
    "ConfirmPayment",
    "Confirmation",
    "CreatePayment",
    "CreateRefund",
    "NextAction",
    "Payer",
    "Payment",
    "PaymentDesk",
    "PaymentFilter",
    "PaymentMethod",
    "PaymentStatus",
    "Purpose",
    "Refund",
    "RefundFilter",
    "RefundStatus",
    "TimelineEntry",
    "UpdatePayment",
    "WithdrawalFilter",
    "WithoutChannels",
]
