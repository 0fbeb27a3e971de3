"""A call of 5.1.0: fields signed and posted as a form; fields back, verified before they are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import urlencode

from pycore.channels.clock import DIGITS, write_time
from pycore.channels.failure import NotTrustedError
from pycore.channels.message import REPLY_BYTES_MAX, HttpRequest, HttpResponse, Stamp
from pycore.channels.outcome import Unknown, unknown
from pycore.channels.unionpay.merchant import UnionPayMerchant
from pycore.channels.unionpay.signature import SIGNATURE, read_reply, sign, verify
from pycore.money import CNY

Result = TypeVar("Result")

CURRENCY: Final = str(CNY.number)
FRONT: Final = "/gateway/api/frontTransReq.do"
BACK: Final = "/gateway/api/backTransReq.do"
QUERY: Final = "/gateway/api/queryTrans.do"


def signed_fields(
    merchant: UnionPayMerchant, kind: tuple[str, str, str], order_id: str, created_at: datetime, fields: dict[str, str]
) -> dict[str, str]:
    """Return all fields of a call, the signature among them; ``kind`` is txnType, txnSubType and bizType."""
    txn_type, txn_sub_type, biz_type = kind
    complete = {
        "version": "5.1.0",
        "encoding": "UTF-8",
        "signMethod": "01",
        "certId": merchant.certificate_id,
        "txnType": txn_type,
        "txnSubType": txn_sub_type,
        "bizType": biz_type,
        "accessType": "0",
        "merId": merchant.merchant_id,
        "orderId": order_id,
        "txnTime": write_time(created_at, DIGITS),
        **fields,
    }
    complete = {name: value for name, value in complete.items() if value}
    return {**complete, SIGNATURE: sign(complete, merchant.private_key)}


def post(url: str, fields: dict[str, str], *, reply_bytes_max: int = REPLY_BYTES_MAX) -> HttpRequest:
    """Return the call that posts the fields."""
    return HttpRequest(
        method="POST",
        url=url,
        headers={"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"},
        body=urlencode(fields).encode(),
        reply_bytes_max=reply_bytes_max,
    )


def judged(
    merchant: UnionPayMerchant, response: HttpResponse, stamp: Stamp, judge: Callable[[dict[str, str]], Result]
) -> Result | Unknown:
    """Return what ``judge`` makes of a verified reply to our merchant; otherwise ``Unknown``."""
    try:
        if response.status != 200:
            raise NotTrustedError(f"http_{response.status}")
        fields = read_reply(response.body)
        _verify(fields, merchant, stamp)
        if fields.get("merId") != merchant.merchant_id:
            raise NotTrustedError("other_merchant")
        return judge(fields)
    except NotTrustedError as error:
        return unknown(error.code, error.unverified)


def _verify(fields: dict[str, str], merchant: UnionPayMerchant, stamp: Stamp) -> None:
    """Return if UnionPay signed the fields. Raises NotTrustedError with the words nobody vouches for."""
    try:
        verify(fields, merchant.trust, stamp.at)
    except NotTrustedError as error:
        words = " ".join(filter(None, (fields.get("respCode"), fields.get("respMsg"))))
        raise NotTrustedError(error.code, words) from None
