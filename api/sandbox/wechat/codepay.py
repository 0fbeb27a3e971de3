"""Payment codes over APIv3: charged at once, or after the payer has confirmed; undone by a reversal."""

import re
from typing import Annotated, Final

from msgspec import Meta, Struct

from api.sandbox.core.fault import Operation
from api.sandbox.core.order import NewOrder, OrderState
from api.sandbox.core.refusal import Reason
from api.sandbox.keys import MCHID
from api.sandbox.wechat import PROTOCOL
from api.sandbox.wechat.call import Answer, Call, Interface, Work, World
from api.sandbox.wechat.error import ApiError, parameter_error, refused
from api.sandbox.wechat.field import CODE_PATTERN, Reference, Text32, Text127, Text128, check_address
from api.sandbox.wechat.transaction import Detail, OrderAmount, SettleInfo, check_order, transaction

REVERSIBLE_MS: Final = 7 * 86_400_000
"""How long after it was made an order may be reversed."""


class _Payer(Struct):
    auth_code: str


class _Store(Struct):
    id: Text32 = ""
    out_id: Text32 = ""


class _Scene(Struct):
    store_info: _Store
    device_id: Text32 = ""
    device_ip: Annotated[str, Meta(min_length=1, max_length=45)] = ""


class _NewCharge(Struct):
    appid: Text32
    mchid: Text32
    description: Text127
    out_trade_no: Reference
    payer: _Payer
    amount: OrderAmount
    scene_info: _Scene
    attach: Text128 = ""
    goods_tag: Text32 = ""
    support_fapiao: bool = False
    detail: Detail | None = None
    settle_info: SettleInfo | None = None


class _Reversal(Struct):
    appid: Text32
    mchid: Text32


def scanned(reference: str, amount: int, description: str, attach: str, code: str) -> NewOrder:
    """Return the order of a payer's code, whichever interface it comes through."""
    return NewOrder(
        protocol=PROTOCOL,
        merchant=MCHID,
        reference=reference,
        method="micropay",
        amount=amount,
        description=description,
        attach=attach,
        payer=f"oSandboxPayer{code[-16:]}",
        is_merchant_scan=True,
    )


def _read_new(world: World, call: Call) -> Work:
    new = call.content(_NewCharge)
    check_order(new.appid, new.mchid, new.amount)
    if not re.match(CODE_PATTERN, new.payer.auth_code):
        raise refused(Reason.CODE_UNUSABLE)
    if new.scene_info.device_ip:
        check_address("scene_info.device_ip", new.scene_info.device_ip)
    store = new.scene_info.store_info
    if not store.id and not store.out_id:
        raise parameter_error("scene_info.store_info", "id和out_id必须二选一")

    def perform() -> Answer:
        code = new.payer.auth_code
        order = world.desk.charge(scanned(new.out_trade_no, new.amount.total, new.description, new.attach, code))
        if order.state is OrderState.OPEN:
            raise ApiError(400, "USERPAYING", "需要用户输入支付密码")
        if order.state is not OrderState.PAID:
            raise refused(Reason.PAYMENT_REFUSED)
        return Answer(transaction(order))

    return Work(new.out_trade_no, perform)


def _read_reverse(world: World, call: Call) -> Work:
    new = call.content(_Reversal)
    check_order(new.appid, new.mchid, OrderAmount(total=1))
    reference = call.path["out_trade_no"]

    def perform() -> Answer:
        order = world.desk.find(PROTOCOL, MCHID, reference=reference)
        if not order.is_merchant_scan:
            raise ApiError(400, "INVALID_REQUEST", "仅付款码支付订单可撤销")
        if world.clock.now_ms() > order.created_at + REVERSIBLE_MS:
            raise ApiError(400, "REVERSE_EXPIRE", "订单无法撤销")
        world.desk.reverse(order)
        return Answer()

    return Work(reference, perform)


INTERFACES: Final = (
    Interface("POST", "/v3/pay/transactions/codepay", Operation.CHARGE, _read_new),
    Interface("POST", "/v3/pay/transactions/out-trade-no/{out_trade_no}/reverse", Operation.REVERSE, _read_reverse),
)
