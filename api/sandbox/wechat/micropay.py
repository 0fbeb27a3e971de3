"""Payment codes over the XML interface: charged at once, asked about, undone."""

import re
from typing import Final

from api.sandbox.core.clock import in_shanghai
from api.sandbox.core.fault import Operation
from api.sandbox.core.order import Order, OrderState
from api.sandbox.core.refusal import Reason, RefusalError
from api.sandbox.wechat.call import World
from api.sandbox.wechat.codepay import REVERSIBLE_MS, scanned
from api.sandbox.wechat.field import CODE_PATTERN
from api.sandbox.wechat.transaction import STATE_TEXTS, trade_state, trade_type
from api.sandbox.wechat.xml_call import IDENTITY, ORDER, Fields, XmlPath, XmlRefusalError, find


def _micropay(world: World, fields: Fields) -> Fields:
    code = fields.get("auth_code", "")
    if not re.match(CODE_PATTERN, code):
        raise RefusalError(Reason.CODE_UNUSABLE)
    amount, attach = int(fields["total_fee"]), fields.get("attach", "")
    order = world.desk.charge(scanned(fields["out_trade_no"], amount, fields["body"], attach, code))
    if order.state is OrderState.OPEN:
        raise XmlRefusalError("USERPAYING", "需要用户输入支付密码")
    if order.state is not OrderState.PAID:
        raise XmlRefusalError("TRADE_ERROR", "交易错误，余额不足或银行拒绝")
    return paid(order)


def _query(world: World, fields: Fields) -> Fields:
    order = find(world, fields)
    state = trade_state(order)
    shown = {"trade_state": state, "trade_state_desc": STATE_TEXTS[state], "out_trade_no": order.reference}
    return {**paid(order), **shown} if order.paid_at else shown


def _reverse(world: World, fields: Fields) -> Fields:
    order = find(world, fields)
    if world.clock.now_ms() > order.created_at + REVERSIBLE_MS:
        raise XmlRefusalError("REVERSE_EXPIRE", "订单无法撤销")
    world.desk.reverse(order)
    return {"recall": "N"}


def paid(order: Order) -> Fields:
    """Return a paid order as replies and callbacks show it."""
    return {
        "openid": order.payer,
        "is_subscribe": "N",
        "trade_type": trade_type(order),
        "bank_type": "OTHERS",
        "fee_type": order.currency,
        "total_fee": str(order.told_amount),
        "cash_fee": str(order.told_amount),
        "transaction_id": order.number,
        "out_trade_no": order.reference,
        "attach": order.attach,
        "time_end": f"{in_shanghai(order.paid_at):%Y%m%d%H%M%S}",
    }


PATHS: Final = (
    XmlPath("/pay/micropay", Operation.CHARGE, ORDER, _micropay),
    XmlPath("/pay/orderquery", Operation.QUERY, IDENTITY, _query),
    XmlPath("/secapi/pay/reverse", Operation.REVERSE, IDENTITY, _reverse),
)
