"""Channels: the ways to reach a payer's money, each behind the same contract.

The contract is ``Adapter``; ``ChannelConnection`` puts an adapter to work. The adapters themselves are in
``pycore.channels.wechat``, ``.alipay`` and ``.unionpay``.
"""

from pycore.channels.adapter import Adapter
from pycore.channels.bill import (
    BillKind,
    BillLink,
    BillNotReady,
    BillOrder,
    FundBill,
    FundLine,
    LineKind,
    LineState,
    NoBill,
    SetAside,
    TradeBill,
    TradeLine,
)
from pycore.channels.capability import Capability
from pycore.channels.connection import ChannelConnection
from pycore.channels.failure import (
    BillRefusedError,
    NotificationRefusedError,
    NotTrustedError,
    UnsupportedOperationError,
)
from pycore.channels.message import HttpNotification, HttpRequest, HttpResponse, Stamp
from pycore.channels.notification import Notification
from pycore.channels.order import ChannelOrder, Method, Payer
from pycore.channels.outcome import (
    CallApp,
    Failed,
    HandleByHand,
    OpenPage,
    Outcome,
    Pending,
    ReasonClass,
    RequiresAction,
    ShowCode,
    SubmitForm,
    Succeeded,
    Unknown,
)
from pycore.channels.refund import Refund
from pycore.channels.rsa_key import PrivateKey, PublicKey
from pycore.channels.secret import Secret
from pycore.channels.signing_pool import SigningPool
from pycore.channels.title import TitleRule
from pycore.channels.transport import Transport

__all__ = [
    "Adapter",
    "BillKind",
    "BillLink",
    "BillNotReady",
    "BillOrder",
    "BillRefusedError",
    "CallApp",
    "Capability",
    "ChannelConnection",
    "ChannelOrder",
    "Failed",
    "FundBill",
    "FundLine",
    "HandleByHand",
    "HttpNotification",
    "HttpRequest",
    "HttpResponse",
    "LineKind",
    "LineState",
    "Method",
    "NoBill",
    "NotTrustedError",
    "Notification",
    "NotificationRefusedError",
    "OpenPage",
    "Outcome",
    "Payer",
    "Pending",
    "PrivateKey",
    "PublicKey",
    "ReasonClass",
    "Refund",
    "RequiresAction",
    "Secret",
    "SetAside",
    "ShowCode",
    "SigningPool",
    "Stamp",
    "SubmitForm",
    "Succeeded",
    "TitleRule",
    "TradeBill",
    "TradeLine",
    "Transport",
    "Unknown",
    "UnsupportedOperationError",
]
