"""Scanned codes over v2: the XML calls ``micropay``, ``orderquery`` and ``reverse``, signed with HMAC-SHA256.

Source: WeChat Pay merchant platform API v2, "paying with a payment code". XML from outside is read by defusedxml:
no entities, no document types, nothing fetched.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Final
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from pycore.channels.clock import DIGITS, read_time, write_time
from pycore.channels.failure import NotTrustedError
from pycore.channels.form import check_one_reading, sorted_text, unique
from pycore.channels.message import HttpRequest, HttpResponse, Stamp
from pycore.channels.order import ChannelOrder, Method
from pycore.channels.outcome import Failed, Outcome, Pending, ReasonClass, Succeeded, Unknown, answer, failed, unknown
from pycore.channels.secret import Secret
from pycore.channels.title import TitleRule
from pycore.channels.wechat.codepay import auth_code
from pycore.channels.wechat.merchant import WeChatMerchant
from pycore.channels.wechat.payments import amount_of
from pycore.channels.wechat.reasons import NOT_FOUND, refusal
from pycore.errors import ConfigurationError

_NUMBER: Final = re.compile(r"[!-~]{1,64}")
_FEN: Final = re.compile(r"0|[1-9][0-9]{0,11}")
_XML_BYTES_MAX: Final = 64 << 10

TITLE: Final = TitleRule(
    methods=frozenset({Method.BAR_CODE}),
    source="WeChat Pay API v2, body: 128 bytes; marks that part signed fields are kept out of them",
    bytes_max=128,
    forbidden="&=",
)


def create_request(merchant: WeChatMerchant, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
    """Return the call that charges a scanned code. Raises UnsupportedOperationError for a code of another channel."""
    return _request(
        merchant,
        stamp,
        "/pay/micropay",
        {
            "auth_code": auth_code(order),
            "body": order.subject,
            "fee_type": order.amount.currency.code,
            "out_trade_no": order.payment_attempt_id,
            "spbill_create_ip": order.client_ip or merchant.server_ip or "",
            "time_expire": write_time(order.expires_at, DIGITS),
            "total_fee": str(order.amount.minor),
        },
    )


def create_outcome(merchant: WeChatMerchant, order: ChannelOrder, response: HttpResponse) -> Outcome:
    """Return whether the code was charged: success is money moved."""
    return _outcome(merchant, response, lambda fields: _paid(merchant, order, fields))


def query_request(merchant: WeChatMerchant, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
    """Return the question what became of the order."""
    return _request(merchant, stamp, "/pay/orderquery", {"out_trade_no": order.payment_attempt_id})


def query_outcome(merchant: WeChatMerchant, order: ChannelOrder, response: HttpResponse) -> Outcome:
    """Return what became of the order."""

    def judge(fields: Mapping[str, str]) -> Outcome:
        _check_ours(merchant, order, fields)
        state = fields.get("trade_state", "")
        if state in {"SUCCESS", "REFUND"}:
            return _paid(merchant, order, fields)
        if state in {"NOTPAY", "USERPAYING", "ACCEPT"}:
            return Pending(state)
        if state in {"CLOSED", "REVOKED"}:
            return failed(ReasonClass.FINAL, state)
        if state == "PAYERROR":
            return failed(ReasonClass.NEEDS_PAYER, state, fields.get("trade_state_desc", ""))
        raise NotTrustedError("unknown_state")

    def refused(fields: Mapping[str, str]) -> Outcome:
        return answer(_refusal(fields), not_found=NOT_FOUND)

    return _outcome(merchant, response, judge, refusal_of=refused)


def reverse_request(merchant: WeChatMerchant, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
    """Return the call that cancels the order; the channel asks for our TLS certificate."""
    fields = {"out_trade_no": order.payment_attempt_id}
    return _request(merchant, stamp, "/secapi/pay/reverse", fields, with_client_certificate=True)


def reverse_outcome(merchant: WeChatMerchant, response: HttpResponse) -> Outcome:
    """Return what the channel said; ``recall=Y`` is its request to call again."""

    def judge(fields: Mapping[str, str]) -> Outcome:
        _check_merchant(merchant, fields)
        return Succeeded() if fields.get("recall", "N") == "N" else Unknown("recall")

    return _outcome(merchant, response, judge, refusal_of=_reverse_refusal)


def _reverse_refusal(fields: Mapping[str, str]) -> Outcome:
    if fields.get("recall") == "Y":
        return Failed(ReasonClass.RETRY_SAME_ID, fields.get("err_code", ""))
    return refusal(fields.get("err_code", ""), fields.get("err_code_des", ""))


def _refusal(fields: Mapping[str, str]) -> Outcome:
    return refusal(fields.get("err_code", ""), fields.get("err_code_des", ""))


def _paid(merchant: WeChatMerchant, order: ChannelOrder, fields: Mapping[str, str]) -> Outcome:
    _check_ours(merchant, order, fields)
    total, transaction_id = fields.get("total_fee", ""), fields.get("transaction_id", "")
    if not _FEN.fullmatch(total) or not _NUMBER.fullmatch(transaction_id):
        raise NotTrustedError("wrong_fields")
    amount = amount_of(int(total), fields.get("fee_type", "CNY"))
    if amount != order.amount:
        return Unknown("other_amount")
    return Succeeded(transaction_id=transaction_id, amount=amount, at=read_time(fields.get("time_end", ""), DIGITS))


def _check_ours(merchant: WeChatMerchant, order: ChannelOrder, fields: Mapping[str, str]) -> None:
    _check_merchant(merchant, fields)
    if fields.get("out_trade_no") != order.payment_attempt_id:
        raise NotTrustedError("other_order")


def _check_merchant(merchant: WeChatMerchant, fields: Mapping[str, str]) -> None:
    if fields.get("mch_id") != merchant.merchant_id:
        raise NotTrustedError("other_merchant")
    if fields.get("appid") != merchant.app_id:
        raise NotTrustedError("other_app")


def sign(fields: Mapping[str, str], key: Secret) -> str:
    """Return the signature of API v2: HMAC-SHA256 in upper-case hexadecimal over the sorted fields and the key."""
    text = sorted_text({name: value for name, value in fields.items() if value}, without=("sign",))
    secret = key.reveal()
    return hmac.new(secret.encode(), f"{text}&key={secret}".encode(), hashlib.sha256).hexdigest().upper()


def _key(merchant: WeChatMerchant) -> Secret:
    if merchant.api_v2_key is None:
        raise ConfigurationError("scanned codes at WeChat need the APIv2 key, and none is configured")
    return merchant.api_v2_key


def _request(
    merchant: WeChatMerchant, stamp: Stamp, path: str, fields: dict[str, str], *, with_client_certificate: bool = False
) -> HttpRequest:
    fields |= {
        "appid": merchant.app_id,
        "mch_id": merchant.merchant_id,
        "nonce_str": stamp.nonce,
        "sign_type": "HMAC-SHA256",
    }
    document = Element("xml")
    for name, value in {**fields, "sign": sign(fields, _key(merchant))}.items():
        SubElement(document, name).text = value
    return HttpRequest(
        method="POST",
        url=merchant.base_url + path,
        headers={"Content-Type": "text/xml; charset=utf-8"},
        body=tostring(document, encoding="utf-8"),
        with_client_certificate=with_client_certificate,
    )


def _outcome(
    merchant: WeChatMerchant,
    response: HttpResponse,
    judge: Callable[[Mapping[str, str]], Outcome],
    refusal_of: Callable[[Mapping[str, str]], Outcome] = _refusal,
) -> Outcome:
    try:
        fields = read_xml(response.body)
    except NotTrustedError as error:
        return Unknown(error.code)
    try:
        expected = sign(fields, _key(merchant))
        if not hmac.compare_digest(expected.encode(), fields.get("sign", "").encode()):
            raise NotTrustedError("bad_signature")
        check_one_reading({name: value for name, value in fields.items() if value}, without=("sign",))
        if fields.get("return_code") != "SUCCESS":
            raise NotTrustedError("call_refused")
        return judge(fields) if fields.get("result_code") == "SUCCESS" else refusal_of(fields)
    except NotTrustedError as error:
        # A refusal of the call itself (return_code FAIL) carries no signature: it proves nothing, and tells a reader.
        said = ("return_code", "return_msg", "err_code", "err_code_des")
        return unknown(error.code, *(fields.get(name, "") for name in said))


def read_xml(body: bytes) -> dict[str, str]:
    """Return the flat fields of a document ``<xml><name>value</name>…</xml>``.

    Raises NotTrustedError for entities, document types, nested or repeated elements, attributes, or no XML at all.
    """
    if len(body) > _XML_BYTES_MAX:
        raise NotTrustedError("too_long")
    try:
        document = ElementTree.fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise NotTrustedError("not_xml") from None
    if document.tag != "xml" or any(len(each) or each.attrib for each in document):
        raise NotTrustedError("not_xml")
    return unique([(each.tag, each.text or "") for each in document])
