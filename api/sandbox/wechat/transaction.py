"""Orders: native, jsapi, app, h5; asked for by either number; closed."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from api.sandbox.core.clock import in_shanghai
from api.sandbox.core.fault import Operation
from api.sandbox.core.order import NewOrder, Order, OrderState
from api.sandbox.keys import MCHID, WECHAT_APPID
from api.sandbox.wechat import PROTOCOL
from api.sandbox.wechat.call import Answer, Call, Interface, Work, World, check_merchant
from api.sandbox.wechat.error import ApiError, parameter_error
from api.sandbox.wechat.field import (
    Fen,
    Reference,
    Text32,
    Text64,
    Text127,
    Text128,
    Text256,
    Text512,
    check_address,
    check_notify_url,
    expiry_ms,
)

TRADE_TYPES: Final = {"native": "NATIVE", "jsapi": "JSAPI", "app": "APP", "h5": "MWEB", "micropay": "MICROPAY"}
"""Ways of paying in this protocol's words."""
STATE_TEXTS: Final = {
    "SUCCESS": "支付成功",
    "REFUND": "转入退款",
    "NOTPAY": "订单未支付",
    "CLOSED": "订单已关闭",
    "REVOKED": "已撤销",
    "USERPAYING": "用户支付中",
    "PAYERROR": "支付失败",
}


class OrderAmount(Struct):
    """What is to be paid."""

    total: Fen
    currency: str = "CNY"


class _Payer(Struct):
    openid: Text128


class _Goods(Struct):
    merchant_goods_id: Text32
    quantity: Annotated[int, Meta(ge=1)]
    unit_price: Annotated[int, Meta(ge=0)]
    wechatpay_goods_id: Text32 = ""
    goods_name: Text256 = ""


class Detail(Struct):
    """What is bought."""

    cost_price: Annotated[int, Meta(ge=0)] = 0
    invoice_id: Text32 = ""
    goods_detail: Annotated[list[_Goods], Meta(max_length=6000)] = []


class SettleInfo(Struct):
    """How it is settled."""

    profit_sharing: bool = False


class _Store(Struct):
    id: Text32
    name: Text256 = ""
    area_code: Text32 = ""
    address: Text512 = ""


class _H5(Struct):
    type: Literal["Wap", "iOS", "Android"]
    app_name: Text64 = ""
    app_url: Text128 = ""
    bundle_id: Text128 = ""
    package_name: Text128 = ""


class _Scene(Struct):
    payer_client_ip: Annotated[str, Meta(min_length=1, max_length=45)]
    device_id: Text32 = ""
    store_info: _Store | None = None
    h5_info: _H5 | None = None


class _NewTransaction(Struct):
    appid: Text32
    mchid: Text32
    description: Text127
    out_trade_no: Reference
    notify_url: Text256
    amount: OrderAmount
    time_expire: Text64 = ""
    attach: Text128 = ""
    goods_tag: Text32 = ""
    support_fapiao: bool = False
    payer: _Payer | None = None
    detail: Detail | None = None
    scene_info: _Scene | None = None
    settle_info: SettleInfo | None = None


class _Close(Struct):
    mchid: str


def trade_state(order: Order) -> str:
    """Return the state in this protocol's words."""
    if order.state is OrderState.PAID:
        return "REFUND" if order.refunded else "SUCCESS"
    if order.state is OrderState.OPEN:
        return "USERPAYING" if order.is_merchant_scan else "NOTPAY"
    return {OrderState.CLOSED: "CLOSED", OrderState.REVERSED: "REVOKED", OrderState.REFUSED: "PAYERROR"}[order.state]


def trade_type(order: Order) -> str:
    """Return the way of paying in this protocol's words."""
    return TRADE_TYPES[order.method]


def moment(at_ms: int) -> str:
    """Return a moment as APIv3 writes it: ``2026-11-22T10:34:56+08:00``."""
    return in_shanghai(at_ms).isoformat(timespec="seconds")


def transaction(order: Order, *, state: str = "") -> dict[str, Any]:
    """Return an order as queries and callbacks show it; ``state`` where it is another than the order's is now."""
    shown = state or trade_state(order)
    content: dict[str, Any] = {
        "appid": WECHAT_APPID,
        "mchid": MCHID,
        "out_trade_no": order.reference,
        "trade_state": shown,
        "trade_state_desc": STATE_TEXTS[shown],
        "attach": order.attach,
        "amount": {"total": order.told_amount, "currency": order.currency},
    }
    if order.paid_at:
        content |= {
            "transaction_id": order.number,
            "trade_type": trade_type(order),
            "bank_type": "OTHERS",
            "success_time": moment(order.paid_at),
            "payer": {"openid": order.payer},
        }
        content["amount"] |= {"payer_total": order.told_amount, "payer_currency": order.currency}
    return content


def _read_new(method: str) -> Interface:
    def read(world: World, call: Call) -> Work:
        new = call.content(_NewTransaction)
        _check_new(new, method)
        order = NewOrder(
            protocol=PROTOCOL,
            merchant=MCHID,
            reference=new.out_trade_no,
            method=method,
            amount=new.amount.total,
            currency=new.amount.currency,
            description=new.description,
            attach=new.attach,
            notify_url=new.notify_url,
            payer=new.payer.openid if new.payer is not None else "oSandboxPayer0000000000000001",
            expires_at=expiry_ms(new.time_expire, world.clock) if new.time_expire else 0,
            details={"serial": call.serial},
        )
        return Work(new.out_trade_no, lambda: Answer(entrance(world.desk.create(order), world.base_url)))

    return Interface("POST", f"/v3/pay/transactions/{method}", Operation.CREATE, read)


def check_order(appid: str, mchid: str, amount: OrderAmount) -> None:
    """Check what every order of a merchant has. Raises ApiError."""
    check_merchant(mchid)
    if appid != WECHAT_APPID:
        raise ApiError(400, "APPID_MCHID_NOT_MATCH", "AppID和mch_id不匹配")
    if amount.currency != "CNY":
        raise parameter_error("amount.currency", "境内商户号仅支持人民币")


def _check_new(new: _NewTransaction, method: str) -> None:
    check_order(new.appid, new.mchid, new.amount)
    check_notify_url(new.notify_url)
    if method == "jsapi" and new.payer is None:
        raise parameter_error("payer", "缺少参数")
    if new.scene_info is not None:
        check_address("scene_info.payer_client_ip", new.scene_info.payer_client_ip)
    if method == "h5" and new.scene_info is None:
        raise parameter_error("scene_info", "缺少参数")
    if method == "h5" and new.scene_info is not None and new.scene_info.h5_info is None:
        raise parameter_error("scene_info.h5_info", "缺少参数")


def entrance(order: Order, base_url: str) -> dict[str, str]:
    """Return what the merchant shows or hands to the payer's app."""
    if order.method == "native":
        return {"code_url": f"weixin://wxpay/bizpayurl?pr={order.token}"}
    if order.method == "h5":
        return {"h5_url": f"{base_url}/payer/?token={order.token}"}
    return {"prepay_id": f"wx{order.token}"}


def _read_query(world: World, call: Call) -> Work:
    check_merchant(call.query.get("mchid", ""), "query")
    reference, number = call.path.get("out_trade_no", ""), call.path.get("transaction_id", "")
    return Work(
        reference or number,
        lambda: Answer(transaction(world.desk.find(PROTOCOL, MCHID, reference=reference, number=number))),
    )


def _read_close(world: World, call: Call) -> Work:
    check_merchant(call.content(_Close).mchid)
    reference = call.path["out_trade_no"]

    def perform() -> Answer:
        world.desk.close(world.desk.find(PROTOCOL, MCHID, reference=reference))
        return Answer()

    return Work(reference, perform)


INTERFACES: Final = (
    *(_read_new(method) for method in ("native", "jsapi", "app", "h5")),
    Interface("GET", "/v3/pay/transactions/out-trade-no/{out_trade_no}", Operation.QUERY, _read_query),
    Interface("GET", "/v3/pay/transactions/id/{transaction_id}", Operation.QUERY, _read_query),
    Interface("POST", "/v3/pay/transactions/out-trade-no/{out_trade_no}/close", Operation.CLOSE, _read_close),
)
