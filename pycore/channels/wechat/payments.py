"""Orders of APIv3: native, jsapi, app, h5; query and close."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from pycore.channels.clock import SHANGHAI, read_iso_time
from pycore.channels.failure import NotTrustedError, require
from pycore.channels.message import HttpRequest, HttpResponse, Stamp
from pycore.channels.order import ChannelOrder, Method
from pycore.channels.outcome import (
    CallApp,
    OpenPage,
    Outcome,
    Pending,
    ReasonClass,
    RequiresAction,
    ShowCode,
    Succeeded,
    Unknown,
    failed,
)
from pycore.channels.strict_json import Id, Link, Text
from pycore.channels.wechat import exchange
from pycore.channels.wechat.exchange import Fen
from pycore.channels.wechat.merchant import WeChatMerchant
from pycore.channels.wechat.signature import lines
from pycore.money import CURRENCIES, Amount

_PATHS: Final = {Method.QR_CODE: "native", Method.JSAPI: "jsapi", Method.APP: "app", Method.H5: "h5"}


class _Created(Struct):
    code_url: Link | None = None
    h5_url: Link | None = None
    prepay_id: Id | None = None


class PaidAmount(Struct):
    """What an order was made out for; ``payer_total`` is less where the channel gave a discount."""

    total: Fen
    currency: Id = "CNY"


class Transaction(Struct):
    """An order as APIv3 tells it, in replies and in notifications."""

    appid: Id
    mchid: Id
    out_trade_no: Id
    trade_state: Id
    transaction_id: Id | None = None
    success_time: Text | None = None
    amount: PaidAmount | None = None
    trade_state_desc: Text = ""


def create_request(merchant: WeChatMerchant, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
    """Return the call that makes the order. Raises UnsupportedOperationError."""
    require(order.method in _PATHS)
    fields: dict[str, Any] = {
        "appid": merchant.app_id,
        "mchid": merchant.merchant_id,
        "description": order.subject,
        "out_trade_no": order.payment_attempt_id,
        "time_expire": order.expires_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "notify_url": order.notify_url,
        "amount": {"total": order.amount.minor, "currency": order.amount.currency.code},
    }
    if order.method is Method.JSAPI:
        fields["payer"] = {"openid": order.payer.open_id}
    if order.method is Method.H5:
        fields["scene_info"] = {"payer_client_ip": order.client_ip, "h5_info": {"type": "Wap"}}
    return exchange.request(merchant, stamp, "POST", f"/v3/pay/transactions/{_PATHS[order.method]}", fields)


def create_outcome(merchant: WeChatMerchant, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
    """Return what the payer must do now."""

    def judge(created: _Created) -> Outcome:
        if order.method is Method.QR_CODE and created.code_url:
            return RequiresAction(ShowCode(created.code_url))
        if order.method is Method.H5 and created.h5_url:
            return RequiresAction(OpenPage(created.h5_url))
        if order.method is Method.JSAPI and created.prepay_id:
            return RequiresAction(CallApp(_jsapi_parameters(merchant, created.prepay_id, stamp)))
        if order.method is Method.APP and created.prepay_id:
            return RequiresAction(CallApp(_app_parameters(merchant, created.prepay_id, stamp)))
        raise NotTrustedError("wrong_fields")

    return exchange.outcome(merchant, response, stamp, _Created, judge)


def _jsapi_parameters(merchant: WeChatMerchant, prepay_id: str, stamp: Stamp) -> dict[str, str]:
    timestamp, package = str(int(stamp.at.timestamp())), f"prepay_id={prepay_id}"
    signed = lines(merchant.app_id, timestamp, stamp.nonce, package)
    return {
        "appId": merchant.app_id,
        "timeStamp": timestamp,
        "nonceStr": stamp.nonce,
        "package": package,
        "signType": "RSA",
        "paySign": merchant.private_key.sign(signed.encode()),
    }


def _app_parameters(merchant: WeChatMerchant, prepay_id: str, stamp: Stamp) -> dict[str, str]:
    timestamp = str(int(stamp.at.timestamp()))
    signed = lines(merchant.app_id, timestamp, stamp.nonce, prepay_id)
    return {
        "appid": merchant.app_id,
        "partnerid": merchant.merchant_id,
        "prepayid": prepay_id,
        "package": "Sign=WXPay",
        "noncestr": stamp.nonce,
        "timestamp": timestamp,
        "sign": merchant.private_key.sign(signed.encode()),
    }


def query_request(merchant: WeChatMerchant, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
    """Return the question what became of the order."""
    uri = f"{order_path(order)}?mchid={quote(merchant.merchant_id, safe='')}"
    return exchange.request(merchant, stamp, "GET", uri)


def query_outcome(merchant: WeChatMerchant, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
    """Return what became of the order."""
    judge = partial(order_outcome, merchant, order)
    return exchange.outcome(merchant, response, stamp, Transaction, judge, question=True)


def order_outcome(merchant: WeChatMerchant, order: ChannelOrder, transaction: Transaction) -> Outcome:
    """Return what a transaction says of an order. Raises NotTrustedError where it is not that order's."""
    check_ours(merchant, transaction)
    if transaction.out_trade_no != order.payment_attempt_id:
        raise NotTrustedError("other_order")
    found = transaction_outcome(transaction)
    if isinstance(found, Succeeded) and found.amount != order.amount:
        return Unknown("other_amount")
    return found


def check_ours(merchant: WeChatMerchant, transaction: Transaction) -> None:
    """Raise NotTrustedError where a transaction is another merchant's or another app's."""
    if transaction.mchid != merchant.merchant_id:
        raise NotTrustedError("other_merchant")
    if transaction.appid != merchant.app_id:
        raise NotTrustedError("other_app")


def transaction_outcome(transaction: Transaction) -> Outcome:
    """Return what an order's state means. Raises NotTrustedError where a paid one lacks number, amount or time."""
    state = transaction.trade_state
    if state in {"SUCCESS", "REFUND"}:  # an order with refunds was paid all the same
        if transaction.transaction_id is None or transaction.amount is None or transaction.success_time is None:
            raise NotTrustedError("wrong_fields")
        return Succeeded(
            transaction_id=transaction.transaction_id,
            amount=amount_of(transaction.amount.total, transaction.amount.currency),
            at=read_iso_time(transaction.success_time),
        )
    if state in {"NOTPAY", "USERPAYING", "ACCEPT"}:
        return Pending(state)
    if state in {"CLOSED", "REVOKED"}:
        return failed(ReasonClass.FINAL, state, transaction.trade_state_desc)
    if state == "PAYERROR":
        return failed(ReasonClass.NEEDS_PAYER, state, transaction.trade_state_desc)
    raise NotTrustedError("unknown_state")


def amount_of(minor: int, currency: str) -> Amount:
    """Return an amount of a reply. Raises NotTrustedError for a currency nobody knows."""
    if currency not in CURRENCIES:
        raise NotTrustedError("other_currency")
    return Amount(minor, CURRENCIES[currency])


def close_request(merchant: WeChatMerchant, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
    """Return the call that closes an unpaid order."""
    return exchange.request(merchant, stamp, "POST", f"{order_path(order)}/close", {"mchid": merchant.merchant_id})


def close_outcome(merchant: WeChatMerchant, response: HttpResponse, stamp: Stamp) -> Outcome:
    """Return what the channel said; its yes is a signed 204 without a body."""
    return exchange.outcome(merchant, response, stamp, exchange.Nothing, lambda _: Succeeded())


def order_path(order: ChannelOrder) -> str:
    """Return where an order is, by our number."""
    return f"/v3/pay/transactions/out-trade-no/{order.payment_attempt_id}"
