"""Refunds over the XML interface: asked for, asked about. Their callbacks, sealed another way, are not sent here."""

from typing import Final

from api.sandbox.core.clock import in_shanghai
from api.sandbox.core.desk import NewRefund
from api.sandbox.core.fault import Operation
from api.sandbox.core.order import Order, Refund, RefundState
from api.sandbox.core.refusal import Reason, RefusalError
from api.sandbox.keys import MCHID
from api.sandbox.wechat import PROTOCOL
from api.sandbox.wechat.call import World
from api.sandbox.wechat.field import is_notify_url
from api.sandbox.wechat.refund import TAKES_MS
from api.sandbox.wechat.xml_call import (
    IDENTITY,
    REFERENCE,
    Fields,
    Rule,
    XmlPath,
    XmlRefusalError,
    find,
    is_amount,
    matching,
    needed,
    within,
)

_NUMBER: Final = r"[0-9A-Za-z_\-|*@]{1,64}"
_RULES: Final = (
    *IDENTITY,
    Rule("transaction_id", matching("[0-9]{1,32}")),
    Rule("out_trade_no", matching(REFERENCE)),
    needed("out_refund_no", matching(_NUMBER)),
    needed("total_fee", is_amount),
    needed("refund_fee", is_amount),
    Rule("refund_fee_type", matching("CNY")),
    Rule("refund_desc", within(80)),
    Rule("refund_account", matching("REFUND_SOURCE_(?:UNSETTLED|RECHARGE)_FUNDS")),
    Rule("notify_url", is_notify_url),
)


def _refund(world: World, fields: Fields) -> Fields:
    order = find(world, fields)
    if int(fields["total_fee"]) != order.amount:
        raise RefusalError(Reason.REFUND_DIFFERS)
    wanted = NewRefund(
        scope=MCHID,
        reference=fields["out_refund_no"],
        amount=int(fields["refund_fee"]),
        reason=fields.get("refund_desc", ""),
        takes_ms=TAKES_MS,
    )
    refund, _ = world.desk.refund(order, wanted)
    return {**_numbers(order), **_shown(refund), "refund_channel": "ORIGINAL", "cash_refund_fee": str(refund.amount)}


def _query(world: World, fields: Fields) -> Fields:
    number = fields.get("out_refund_no", "")
    if number:
        refund = world.desk.find_refund(PROTOCOL, MCHID, number)
        order, refunds = world.desk.order(refund.order_id), [refund]
    elif fields.get("transaction_id") or fields.get("out_trade_no"):
        order = find(world, fields)
        refunds = world.desk.refunds_of(order)
    else:
        raise XmlRefusalError("LACK_PARAMS", "缺少参数out_refund_no")
    if not refunds:
        raise RefusalError(Reason.REFUND_UNKNOWN)
    shown = {**_numbers(order), "refund_count": str(len(refunds))}
    for index, each in enumerate(refunds):
        listed = {**_shown(each), "refund_status": "SUCCESS" if each.state is RefundState.DONE else "PROCESSING"}
        if each.done_at:
            listed["refund_success_time"] = f"{in_shanghai(each.done_at):%Y-%m-%d %H:%M:%S}"
        shown |= {f"{name}_{index}": value for name, value in listed.items()}
    return shown


def _numbers(order: Order) -> Fields:
    return {
        "transaction_id": order.number,
        "out_trade_no": order.reference,
        "total_fee": str(order.amount),
        "cash_fee": str(order.amount),
    }


def _shown(refund: Refund) -> Fields:
    return {"out_refund_no": refund.reference, "refund_id": refund.number, "refund_fee": str(refund.amount)}


PATHS: Final = (
    XmlPath("/secapi/pay/refund", Operation.REFUND, _RULES, _refund),
    XmlPath("/pay/refundquery", Operation.QUERY_REFUND, IDENTITY, _query),
)
