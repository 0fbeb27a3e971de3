"""Refunds: done at once, asked about by the merchant's request number, which is unique within its trade."""

from typing import Final, Literal

from msgspec import Raw

from api.sandbox.alipay import PROTOCOL
from api.sandbox.alipay.error import ApiError
from api.sandbox.alipay.field import Goods, Named, Number64, Text32, Text256
from api.sandbox.alipay.method import Answer, Call, Method, Work, World, cents, moment
from api.sandbox.alipay.trade import BUYER_LOGON_ID, find
from api.sandbox.core.bill import yuan
from api.sandbox.core.desk import NewRefund
from api.sandbox.core.fault import Operation
from api.sandbox.core.refusal import RefusalError


class _NewRefund(Named, kw_only=True):
    refund_amount: Raw
    out_request_no: Number64 | None = None
    refund_reason: Text256 = ""
    refund_currency: Literal["", "CNY"] = ""
    store_id: Text32 = ""
    terminal_id: Text32 = ""
    refund_goods_detail: Goods | None = None
    refund_royalty_parameters: Goods | None = None


class _Query(Named, kw_only=True):
    out_request_no: Number64


def _read_new(world: World, call: Call) -> Work:
    new = call.content(_NewRefund)
    amount = cents(new.refund_amount)

    def perform() -> Answer:
        order = find(world, new)
        if not new.out_request_no and amount != order.amount:
            raise ApiError("ACQ.INVALID_PARAMETER", "参数无效：部分退款时out_request_no必传")
        wanted = NewRefund(
            scope=order.number,
            reference=new.out_request_no or order.reference,
            amount=amount,
            reason=new.refund_reason,
            notify_url=order.notify_url,
        )
        refund, is_new = world.desk.refund(order, wanted)
        return Answer(
            {
                "trade_no": order.number,
                "out_trade_no": order.reference,
                "buyer_logon_id": BUYER_LOGON_ID,
                "buyer_user_id": order.payer,
                "fund_change": "Y" if is_new else "N",
                "refund_fee": yuan(world.desk.order(order.id).refunded),
                "send_back_fee": yuan(refund.amount),
                "gmt_refund_pay": moment(refund.done_at),
            }
        )

    return Work(new.out_request_no or new.out_trade_no or new.trade_no, perform)


def _read_query(world: World, call: Call) -> Work:
    query = call.content(_Query)

    def perform() -> Answer:
        order = find(world, query)
        try:
            refund = world.desk.find_refund(PROTOCOL, order.number, query.out_request_no)
        except RefusalError:
            return Answer({})  # a success without a refund in it is this interface's way to say that there is none
        return Answer(
            {
                "trade_no": order.number,
                "out_trade_no": order.reference,
                "out_request_no": refund.reference,
                "total_amount": yuan(order.amount),
                "refund_amount": yuan(refund.amount),
                "refund_reason": refund.reason,
                "refund_status": "REFUND_SUCCESS",
                "gmt_refund_pay": moment(refund.done_at),
            }
        )

    return Work(query.out_request_no, perform)


METHODS: Final = (
    Method("alipay.trade.refund", Operation.REFUND, _read_new),
    Method("alipay.trade.fastpay.refund.query", Operation.QUERY_REFUND, _read_query),
)
