"""Callbacks: who paid and what was refunded, encrypted with the merchant's APIv3 key and signed by the channel."""

from typing import Any, Final

import msgspec

from api.sandbox.core.notices import Letter
from api.sandbox.core.order import Notice, Order, Refund
from api.sandbox.keys import MCHID
from api.sandbox.wechat.micropay import paid
from api.sandbox.wechat.signature import Signer
from api.sandbox.wechat.transaction import moment, transaction
from api.sandbox.wechat.xml_call import INTERFACE, document, signed

_SECOND, _MINUTE, _HOUR = 1000, 60_000, 3_600_000
RESEND_AFTER_MS: Final = (
    15 * _SECOND,
    15 * _SECOND,
    30 * _SECOND,
    3 * _MINUTE,
    10 * _MINUTE,
    20 * _MINUTE,
    30 * _MINUTE,
    30 * _MINUTE,
    30 * _MINUTE,
    60 * _MINUTE,
    3 * _HOUR,
    3 * _HOUR,
    3 * _HOUR,
    6 * _HOUR,
    6 * _HOUR,
)
"""24 h and 4 min in all, as WeChat Pay documents its schedule."""


class WechatPostman:
    """Writes WeChat Pay's callbacks."""

    resend_after_ms: tuple[int, ...] = RESEND_AFTER_MS

    def __init__(self, signer: Signer, api_key: bytes) -> None:
        self._signer = signer
        self._api_key = api_key

    def write(self, notice: Notice, order: Order, refund: Refund | None, *, is_forged: bool) -> Letter:
        """Return one try; the resource is encrypted anew each time, the notice's id stays."""
        if order.details.get("interface") == INTERFACE:
            return self._xml(order, is_forged=is_forged)
        if refund is None:
            event, summary, original = "TRANSACTION.SUCCESS", "支付成功", "transaction"
            content = transaction(order, state="SUCCESS")
        else:
            event, summary, original = "REFUND.SUCCESS", "退款成功", "refund"
            content = _refunded(order, refund)
        sealed = self._signer.seal(msgspec.json.encode(content), original)
        body = msgspec.json.encode(
            {
                "id": notice.number,
                "create_time": moment(notice.created_at),
                "resource_type": "encrypt-resource",
                "event_type": event,
                "summary": summary,
                "resource": {"original_type": original, **sealed},
            }
        )
        headers = self._signer.headers(body, order.details.get("serial", ""), is_forged=is_forged)
        return Letter({"Content-Type": "application/json", **headers}, body)

    def _xml(self, order: Order, *, is_forged: bool) -> Letter:
        """Return the callback of an order made over XML: it wants XML back that says SUCCESS."""
        key = b"forged" if is_forged else self._api_key
        fields = signed({"result_code": "SUCCESS", **paid(order)}, key, order.details["sign_type"])
        return Letter({"Content-Type": "text/xml"}, document(fields), taken_by=b"SUCCESS")

    def is_taken(self, status: int, _body: bytes) -> bool:
        """Return whether the answer is a 200 or a 204."""
        return status in {200, 204}


def _refunded(order: Order, refund: Refund) -> dict[str, Any]:
    return {
        "mchid": MCHID,
        "transaction_id": order.number,
        "out_trade_no": order.reference,
        "refund_id": refund.number,
        "out_refund_no": refund.reference,
        "refund_status": "SUCCESS",
        "success_time": moment(refund.done_at),
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": order.amount,
            "refund": refund.amount,
            "payer_total": order.amount,
            "payer_refund": refund.amount,
        },
    }
