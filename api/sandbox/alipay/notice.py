"""Callbacks: forms that say what became of a trade, signed by the channel."""

from typing import Final
from urllib.parse import urlencode

import msgspec

from api.sandbox.alipay import PROTOCOL
from api.sandbox.alipay.method import moment
from api.sandbox.alipay.signature import Signer, joined
from api.sandbox.alipay.trade import BUYER_LOGON_ID, paid_fields, trade_status
from api.sandbox.core.bill import yuan
from api.sandbox.core.clock import Clock
from api.sandbox.core.notices import Letter
from api.sandbox.core.order import Notice, Order, Refund
from api.sandbox.keys import ALIPAY_APP_ID, ALIPAY_SELLER_ID

_MINUTE, _HOUR = 60_000, 3_600_000
RESEND_AFTER_MS: Final = (
    4 * _MINUTE,
    10 * _MINUTE,
    10 * _MINUTE,
    1 * _HOUR,
    2 * _HOUR,
    6 * _HOUR,
    15 * _HOUR,
)
"""Eight tries within 25 hours, as Alipay documents its schedule."""


class AlipayPostman:
    """Writes Alipay's callbacks, and the address a payer's browser goes back to."""

    resend_after_ms: tuple[int, ...] = RESEND_AFTER_MS

    def __init__(self, signer: Signer, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock

    def write(self, notice: Notice, order: Order, refund: Refund | None, *, is_forged: bool) -> Letter:
        """Return one try; the notice's id stays the same in all of them."""
        charset = order.details.get("charset", "utf-8")
        fields = {
            "notify_time": moment(self._clock.now_ms()),
            "notify_type": "trade_status_sync",
            "notify_id": notice.number,
            "charset": charset,
            "version": "1.0",
            **self._identity(order),
            "seller_id": ALIPAY_SELLER_ID,
            "buyer_id": order.payer,
            "buyer_logon_id": BUYER_LOGON_ID,
            "subject": order.description,
            "passback_params": order.attach,
            "trade_status": "TRADE_SUCCESS" if refund is None else trade_status(order),
            "gmt_create": moment(order.created_at),
            "gmt_payment": moment(order.paid_at),
            **_amounts(order),
        }
        if refund is not None:
            fields |= {
                "out_biz_no": refund.reference,
                "refund_fee": yuan(order.refunded),
                "gmt_refund": f"{moment(refund.done_at)}.{refund.done_at % 1000:03d}",
            }
        # An empty field would be signed by some and left out by others.
        sent = {name: value for name, value in fields.items() if value}
        sign = self._signer.sign(joined(sent).encode(charset), is_forged=is_forged)
        body = urlencode({**sent, "sign": sign, "sign_type": "RSA2"}, encoding=charset).encode()
        return Letter({"content-type": f"application/x-www-form-urlencoded; charset={charset}"}, body)

    def is_taken(self, status: int, body: bytes) -> bool:
        """Return whether the answer is the text ``success``."""
        return status == 200 and body.strip() == b"success"

    def return_url(self, order: Order) -> str:
        """Return where a payer's browser goes back to, with the signed result; empty where there is no such address."""
        address = order.details.get("return_url", "")
        if order.protocol != PROTOCOL or not address or not order.paid_at:
            return ""
        fields = {
            "charset": "utf-8",
            "version": "1.0",
            "method": f"alipay.trade.{order.method}.pay.return",
            "timestamp": moment(self._clock.now_ms()),
            **self._identity(order),
            "total_amount": yuan(order.told_amount),
            "seller_id": ALIPAY_SELLER_ID,
        }
        signed = urlencode({**fields, "sign": self._signer.sign(joined(fields).encode()), "sign_type": "RSA2"})
        return f"{address}{'&' if '?' in address else '?'}{signed}"

    def _identity(self, order: Order) -> dict[str, str]:
        return {
            "app_id": ALIPAY_APP_ID,
            "auth_app_id": ALIPAY_APP_ID,
            "out_trade_no": order.reference,
            "trade_no": order.number,
        }


def _amounts(order: Order) -> dict[str, str]:
    fields = paid_fields(order)
    shown = {name: value for name, value in fields.items() if isinstance(value, str) and name.endswith("_amount")}
    bills = [{"fundChannel": each["fund_channel"], "amount": each["amount"]} for each in fields["fund_bill_list"]]
    return {**shown, "total_amount": yuan(order.told_amount), "fund_bill_list": msgspec.json.encode(bills).decode()}
