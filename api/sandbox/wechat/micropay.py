"""Payment codes: the older XML interface, in which the merchant scans the payer.

Signed with HMAC-SHA256 or MD5 over the sorted parameters and the API key. The real interface asks for a client
certificate where money goes back (reverse); here the signature is enough.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from xml.etree import ElementTree as ET

from defusedxml.ElementTree import fromstring
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.sandbox.core.clock import in_shanghai
from api.sandbox.core.fault import Operation
from api.sandbox.core.order import NewOrder, Order, OrderState
from api.sandbox.core.refusal import Reason, RefusalError
from api.sandbox.gate import Gate, read_body
from api.sandbox.keys import MCHID, WECHAT_APPID
from api.sandbox.wechat import PROTOCOL
from api.sandbox.wechat.call import World
from api.sandbox.wechat.transaction import AMOUNT_MAX, REFERENCE_PATTERN, STATE_TEXTS, trade_state

_CODE: Final = re.compile(r"1[0-5][0-9]{16}")
_FIELDS_MAX: Final = 64
_ERRORS: Final[dict[Reason, tuple[str, str]]] = {
    Reason.ORDER_UNKNOWN: ("ORDERNOTEXIST", "此交易订单号不存在"),
    Reason.ORDER_PAID: ("ORDERPAID", "订单已支付"),
    Reason.ORDER_CLOSED: ("ORDERCLOSED", "订单已关闭"),
    Reason.ORDER_REVERSED: ("ORDERREVERSED", "当前订单已经被撤销"),
    Reason.ORDER_DIFFERS: ("OUT_TRADE_NO_USED", "商户订单号重复"),
    Reason.PAYMENT_REFUSED: ("TRADE_ERROR", "交易错误"),
    Reason.CODE_UNUSABLE: ("AUTH_CODE_INVALID", "请扫描微信支付被扫条码/二维码"),
}

Fields = dict[str, str]


class _RefusedError(Exception):
    """The business result is FAIL."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.fields = {"result_code": "FAIL", "err_code": code, "err_code_des": message}


class _Path(Struct, frozen=True):
    """One path: the operation and what performs it."""

    path: str
    operation: Operation
    perform: Callable[[World, Fields], Fields]


class MicropayDoor:
    """Answers the XML interface."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[Route]:
        """Return what Starlette routes here."""
        return [Route(each.path, self._endpoint(each), methods=["POST"]) for each in PATHS]

    def server_error(self) -> Response:
        """Return the answer of a channel that has failed."""
        return _xml({"return_code": "FAIL", "return_msg": "系统错误"}, 500)

    def rate_limited(self) -> Response:
        """Return the answer to a merchant who asks too often."""
        return _xml({"return_code": "FAIL", "return_msg": "FREQUENCY_LIMITED"})

    def _endpoint(self, path: _Path) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                fields = _parse(await read_body(request))
                self._check(fields)
            except ValueError as error:
                return _xml({"return_code": "FAIL", "return_msg": str(error)})

            def perform(is_forged: bool) -> Response:
                try:
                    result = {"result_code": "SUCCESS", **path.perform(self._world, fields)}
                except _RefusedError as error:
                    result = error.fields
                except RefusalError as error:
                    result = _RefusedError(*_ERRORS[error.reason]).fields
                return _xml(self._signed(result, fields.get("sign_type", "MD5"), is_forged=is_forged))

            call = (path.operation, PROTOCOL, fields.get("out_trade_no", ""))
            return await self._gate.through(request, self, call, perform)

        return answer

    def _check(self, fields: Fields) -> None:
        """Check who sends this. Raises ValueError."""
        kind = fields.get("sign_type", "MD5")
        if kind not in {"MD5", "HMAC-SHA256"}:
            raise ValueError("sign_type参数格式错误")
        if not hmac.compare_digest(_sign(fields, self._world.keys.api_key, kind), fields.get("sign", "").encode()):
            raise ValueError("签名错误")
        if (fields.get("mch_id"), fields.get("appid")) != (MCHID, WECHAT_APPID):
            raise ValueError("appid和mch_id不匹配")

    def _signed(self, result: Fields, kind: str, *, is_forged: bool) -> Fields:
        fields = {
            "return_code": "SUCCESS",
            "return_msg": "OK",
            "appid": WECHAT_APPID,
            "mch_id": MCHID,
            "nonce_str": secrets.token_hex(16),
            **result,
        }
        key = b"forged" if is_forged else self._world.keys.api_key
        return {**fields, "sign": _sign(fields, key, kind).decode()}


def _micropay(world: World, fields: Fields) -> Fields:
    amount = fields.get("total_fee", "")
    if not re.fullmatch(r"[1-9][0-9]{0,10}", amount) or int(amount) > AMOUNT_MAX:
        raise _RefusedError("PARAM_ERROR", "total_fee参数格式错误")
    if not re.fullmatch(REFERENCE_PATTERN, fields.get("out_trade_no", "")) or not fields.get("body"):
        raise _RefusedError("PARAM_ERROR", "out_trade_no或body参数格式错误")
    if not _CODE.fullmatch(fields.get("auth_code", "")):
        raise RefusalError(Reason.CODE_UNUSABLE)
    new = NewOrder(
        protocol=PROTOCOL,
        merchant=MCHID,
        reference=fields["out_trade_no"],
        method="micropay",
        amount=int(amount),
        description=fields["body"],
        attach=fields.get("attach", ""),
        payer=f"oSandboxPayer{fields['auth_code'][-16:]}",
        is_merchant_scan=True,
    )
    order = world.desk.charge(new)
    if order.state is OrderState.OPEN:
        raise _RefusedError("USERPAYING", "需要用户输入支付密码")
    if order.state is not OrderState.PAID:
        raise _RefusedError("TRADE_ERROR", "交易错误，余额不足或银行拒绝")
    return _paid(order)


def _query(world: World, fields: Fields) -> Fields:
    order = _find(world, fields)
    state = trade_state(order)
    shown = {"trade_state": state, "trade_state_desc": STATE_TEXTS[state], "out_trade_no": order.reference}
    return {**_paid(order), **shown} if order.paid_at else shown


def _reverse(world: World, fields: Fields) -> Fields:
    world.desk.reverse(_find(world, fields))
    return {"recall": "N"}


def _find(world: World, fields: Fields) -> Order:
    number = fields.get("transaction_id", "")
    return world.desk.find(PROTOCOL, MCHID, reference="" if number else fields.get("out_trade_no", ""), number=number)


def _paid(order: Order) -> Fields:
    return {
        "openid": order.payer,
        "is_subscribe": "N",
        "trade_type": "MICROPAY",
        "bank_type": "OTHERS",
        "fee_type": order.currency,
        "total_fee": str(order.told_amount),
        "cash_fee": str(order.told_amount),
        "transaction_id": order.number,
        "out_trade_no": order.reference,
        "attach": order.attach,
        "time_end": f"{in_shanghai(order.paid_at):%Y%m%d%H%M%S}",
    }


def _parse(body: bytes | None) -> Fields:
    """Return the elements of the XML by name. Raises ValueError for anything but one flat element, once each."""
    try:
        root = fromstring(body or b"", forbid_dtd=True)
    except (ET.ParseError, ValueError):  # what defusedxml forbids is a ValueError
        raise ValueError("XML格式错误") from None
    fields = {each.tag: each.text or "" for each in root}
    if root.tag != "xml" or len(fields) != len(root) or len(root) > _FIELDS_MAX or any(len(each) for each in root):
        raise ValueError("XML格式错误")
    return fields


def _sign(fields: Mapping[str, str], key: bytes, kind: str) -> bytes:
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name] and name != "sign")
    message = f"{text}&key=".encode() + key
    if kind == "MD5":
        return hashlib.md5(message, usedforsecurity=False).hexdigest().upper().encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest().upper().encode()


def _xml(fields: Mapping[str, str], status: int = 200) -> Response:
    root = ET.Element("xml")
    for name, value in fields.items():
        ET.SubElement(root, name).text = value
    return Response(ET.tostring(root, encoding="utf-8"), status, media_type="text/xml")


PATHS: Final = (
    _Path("/pay/micropay", Operation.CHARGE, _micropay),
    _Path("/pay/orderquery", Operation.QUERY, _query),
    _Path("/secapi/pay/reverse", Operation.REVERSE, _reverse),
)
