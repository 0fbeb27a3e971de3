"""Callbacks: forms that tell what became of a payment or a refund."""

from typing import Final
from urllib.parse import urlencode

from api.sandbox.core.notices import Letter
from api.sandbox.core.order import Notice, Order, Refund
from api.sandbox.keys import UNIONPAY_MER_ID
from api.sandbox.unionpay.signature import Signer
from api.sandbox.unionpay.transaction import ACCEPTED, details, query_id

_MINUTE: Final = 60_000
RESEND_AFTER_MS: Final = (1 * _MINUTE, 2 * _MINUTE, 4 * _MINUTE, 15 * _MINUTE)
"""Assumed: there is no public text on the schedule."""


class UnionpayPostman:
    """Writes UnionPay's callbacks."""

    resend_after_ms: tuple[int, ...] = RESEND_AFTER_MS

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def write(self, _notice: Notice, order: Order, refund: Refund | None, *, is_forged: bool) -> Letter:
        """Return one try."""
        record = order if refund is None else refund
        fields = {
            "version": "5.1.0",
            "encoding": "UTF-8",
            "bizType": order.details["bizType"],
            "txnType": "01" if refund is None else "04",
            "txnSubType": order.details["txnSubType"] if refund is None else "00",
            "accessType": "0",
            "merId": UNIONPAY_MER_ID,
            "orderId": record.reference,
            "txnTime": order.details["txnTime"] if refund is None else refund.reason,
            "reqReserved": order.attach,
            "origQryId": "" if refund is None else query_id(order),
            "queryId": query_id(record),
            "respCode": ACCEPTED[0],
            "respMsg": ACCEPTED[1],
            **details(record),
        }
        sent = self._signer.signed({name: value for name, value in fields.items() if value}, is_forged=is_forged)
        return Letter({"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}, urlencode(sent).encode())

    def is_taken(self, status: int, _body: bytes) -> bool:
        """Return whether the answer is a 200."""
        return status == 200
