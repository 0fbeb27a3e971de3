"""Scanned codes over APIv3: ``codepay`` and its reversal, signed as everything else; asked about like any order.

Source: WeChat Pay APIv3, "payment by payment code", published in 2024.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from pycore.channels import scanned_code
from pycore.channels.failure import UnsupportedOperationError
from pycore.channels.message import HttpRequest, HttpResponse, Stamp
from pycore.channels.order import ChannelOrder
from pycore.channels.outcome import Outcome, Succeeded
from pycore.channels.wechat import exchange
from pycore.channels.wechat.merchant import WeChatMerchant
from pycore.channels.wechat.payments import Transaction, order_outcome, order_path

_AUTH_CODE: Final = scanned_code.PATTERNS["wechat"]


def auth_code(order: ChannelOrder) -> str:
    """Return the code the payer showed. Raises UnsupportedOperationError where it is another channel's."""
    code = order.payer.auth_code
    if code is None or not _AUTH_CODE.fullmatch(code.reveal()):
        raise UnsupportedOperationError("a WeChat payment code begins with 10 to 15 and has 18 digits")
    return code.reveal()


def create_request(merchant: WeChatMerchant, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
    """Return the call that charges a scanned code. Raises UnsupportedOperationError for a code of another channel."""
    scene: dict[str, Any] = {"store_info": {"out_id": merchant.store_id}}
    if order.client_ip is not None:
        scene["device_ip"] = order.client_ip
    fields: dict[str, Any] = {
        "appid": merchant.app_id,
        "mchid": merchant.merchant_id,
        "description": order.subject,
        "out_trade_no": order.payment_attempt_id,
        "payer": {"auth_code": auth_code(order)},
        "amount": {"total": order.amount.minor, "currency": order.amount.currency.code},
        "scene_info": scene,
    }
    return exchange.request(merchant, stamp, "POST", "/v3/pay/transactions/codepay", fields)


def create_outcome(merchant: WeChatMerchant, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
    """Return whether the code was charged: success is money moved; the payer may have to confirm first."""
    return exchange.outcome(merchant, response, stamp, Transaction, partial(order_outcome, merchant, order))


def reverse_request(merchant: WeChatMerchant, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
    """Return the call that cancels the order; were it paid, the payer gets it back."""
    fields = {"appid": merchant.app_id, "mchid": merchant.merchant_id}
    return exchange.request(merchant, stamp, "POST", f"{order_path(order)}/reverse", fields)


def reverse_outcome(merchant: WeChatMerchant, response: HttpResponse, stamp: Stamp) -> Outcome:
    """Return what the channel said; its yes has no content."""
    return exchange.outcome(merchant, response, stamp, exchange.Nothing, lambda _: Succeeded())
