"""Calls of the older XML interface: flat fields, signed with HMAC-SHA256 or MD5 over the sorted fields and the key."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from xml.etree import ElementTree as ET

from defusedxml.ElementTree import fromstring
from msgspec import Struct

from api.sandbox.core.clock import SHANGHAI
from api.sandbox.core.fault import Operation
from api.sandbox.core.order import Order
from api.sandbox.core.refusal import Reason
from api.sandbox.keys import MCHID, WECHAT_APPID
from api.sandbox.wechat import PROTOCOL
from api.sandbox.wechat.call import World
from api.sandbox.wechat.field import AMOUNT_MAX, is_address, is_notify_url

INTERFACE: Final = "v2"
"""What an order's details call this interface."""

_FIELDS_MAX: Final = 64
_TIME: Final = "%Y%m%d%H%M%S"
_ERRORS: Final[dict[Reason, tuple[str, str]]] = {
    Reason.ORDER_UNKNOWN: ("ORDERNOTEXIST", "此交易订单号不存在"),
    Reason.ORDER_PAID: ("ORDERPAID", "订单已支付"),
    Reason.ORDER_CLOSED: ("ORDERCLOSED", "订单已关闭"),
    Reason.ORDER_EXPIRED: ("ORDERCLOSED", "订单已过期"),
    Reason.ORDER_REVERSED: ("ORDERREVERSED", "当前订单已经被撤销"),
    Reason.ORDER_DIFFERS: ("OUT_TRADE_NO_USED", "商户订单号重复"),
    Reason.ORDER_NOT_PAID: ("TRADE_STATE_ERROR", "订单状态错误"),
    Reason.PAYMENT_REFUSED: ("TRADE_ERROR", "交易错误"),
    Reason.CODE_UNUSABLE: ("AUTH_CODE_INVALID", "请扫描微信支付被扫条码/二维码"),
    Reason.REFUND_UNKNOWN: ("REFUNDNOTEXIST", "退款订单查询失败"),
    Reason.REFUND_DIFFERS: ("REFUND_FEE_MISMATCH", "订单金额或退款金额与之前请求不一致，请核实后再试"),
    Reason.REFUND_TOO_LARGE: ("INVALID_REQUEST", "申请退款金额大于可退金额"),
    Reason.REFUND_TOO_MANY: ("INVALID_REQUEST", "部分退款次数超出上限"),
    Reason.REFUND_TOO_LATE: ("TRADE_OVERDUE", "订单已经超过退款期限"),
}

Fields = dict[str, str]


class XmlRefusalError(Exception):
    """The business result is FAIL."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.fields = {"result_code": "FAIL", "err_code": code, "err_code_des": message}


class XmlPath(Struct, frozen=True):
    """One path: the operation, what it takes, and what performs it."""

    path: str
    operation: Operation
    rules: "tuple[Rule, ...]"
    perform: Callable[[World, Fields], Fields]


class Rule(Struct, frozen=True):
    """What a parameter must be; an empty one counts as absent."""

    name: str
    holds: Callable[[str], bool]
    is_needed: bool = False


def needed(name: str, holds: Callable[[str], bool]) -> Rule:
    """Return the rule of a parameter that must be there."""
    return Rule(name, holds, is_needed=True)


def refused(reason: Reason) -> XmlRefusalError:
    """Return the channel's no in this protocol's words."""
    return XmlRefusalError(*_ERRORS[reason])


def check(rules: tuple[Rule, ...], fields: Mapping[str, str]) -> None:
    """Raise XmlRefusalError, which names the parameter, where one is missing or not what it must be."""
    for rule in rules:
        value = fields.get(rule.name, "")
        if not value and rule.is_needed:
            raise XmlRefusalError("LACK_PARAMS", f"缺少参数{rule.name}")
        if value and not rule.holds(value):
            raise XmlRefusalError("PARAM_ERROR", f"{rule.name}参数格式错误")


def within(bytes_max: int) -> Callable[[str], bool]:
    """Return a test for texts of so many bytes at most."""
    return lambda value: len(value.encode()) <= bytes_max


def matching(pattern: str) -> Callable[[str], bool]:
    """Return a test for texts that are of a pattern, whole."""
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def is_amount(text: str) -> bool:
    """Return whether ``text`` is an amount in fen."""
    return re.fullmatch(r"[1-9][0-9]{0,10}", text) is not None and int(text) <= AMOUNT_MAX


def is_time(text: str) -> bool:
    """Return whether ``text`` is a moment written in 14 digits."""
    try:
        return _moment(text).strftime(_TIME) == text
    except ValueError:
        return False


def time_ms(text: str) -> int:
    """Return the moment written in 14 digits, in Shanghai."""
    return int(_moment(text).timestamp()) * 1000


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=SHANGHAI)


REFERENCE: Final = r"[0-9A-Za-z_\-|*]{6,32}"
IDENTITY: Final = (needed("nonce_str", matching(r"[!-~]{1,32}")),)
"""What every call has besides the merchant's numbers and the signature."""
ORDER: Final = (
    *IDENTITY,
    needed("body", within(128)),
    needed("out_trade_no", matching(REFERENCE)),
    needed("total_fee", is_amount),
    needed("spbill_create_ip", is_address),
    Rule("fee_type", matching("CNY")),
    Rule("attach", within(127)),
    Rule("detail", within(6000)),
    Rule("device_info", within(32)),
    Rule("goods_tag", within(32)),
    Rule("limit_pay", matching("no_credit")),
    Rule("time_start", is_time),
    Rule("time_expire", is_time),
    Rule("receipt", matching("Y")),
    Rule("profit_sharing", matching("[YN]")),
)
"""What every order has."""
NOTIFY_URL: Final = needed("notify_url", is_notify_url)


def find(world: World, fields: Fields) -> Order:
    """Return the order by the channel's number, or the merchant's. Raises RefusalError, XmlRefusalError."""
    number, reference = fields.get("transaction_id", ""), fields.get("out_trade_no", "")
    if not number and not reference:
        raise XmlRefusalError("LACK_PARAMS", "缺少参数out_trade_no")
    return world.desk.find(PROTOCOL, MCHID, reference="" if number else reference, number=number)


def parse(body: bytes | None) -> Fields:
    """Return the elements of the XML by name. Raises ValueError for anything but one flat element, once each."""
    try:
        root = fromstring(body or b"", forbid_dtd=True)
    except (ET.ParseError, ValueError):  # what defusedxml forbids is a ValueError
        raise ValueError("XML格式错误") from None
    fields = {each.tag: each.text or "" for each in root}
    is_flat = not any(len(each) or each.attrib for each in root)
    if root.tag != "xml" or len(fields) != len(root) or len(root) > _FIELDS_MAX or not is_flat:
        raise ValueError("XML格式错误")
    return fields


def sign(fields: Mapping[str, str], key: bytes, kind: str) -> bytes:
    """Return the signature over the parameters that are not empty."""
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name] and name != "sign")
    message = f"{text}&key=".encode() + key
    if kind == "MD5":
        return hashlib.md5(message, usedforsecurity=False).hexdigest().upper().encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest().upper().encode()


def signed(result: Fields, key: bytes, kind: str) -> Fields:
    """Return a reply or a callback: the result with who it is for, signed."""
    fields = {
        "return_code": "SUCCESS",
        "return_msg": "OK",
        "appid": WECHAT_APPID,
        "mch_id": MCHID,
        "nonce_str": secrets.token_hex(16),
        **result,
    }
    return {**fields, "sign": sign(fields, key, kind).decode()}


def document(fields: Mapping[str, str]) -> bytes:
    """Return the XML of flat fields."""
    root = ET.Element("xml")
    for name, value in fields.items():
        ET.SubElement(root, name).text = value
    content: bytes = ET.tostring(root, encoding="utf-8")
    return content
