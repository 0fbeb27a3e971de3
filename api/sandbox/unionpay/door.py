"""The gateway over HTTP: messages come as forms, replies go as ``k=v`` joined with ``&`` and not URL-encoded."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.sandbox.core.refusal import RefusalError
from api.sandbox.gate import Gate, read_body
from api.sandbox.unionpay import PROTOCOL
from api.sandbox.unionpay.bill import FILE_TRANSFER
from api.sandbox.unionpay.signature import SignatureError
from api.sandbox.unionpay.transaction import (
    ACCEPTED,
    APP,
    CODES,
    KINDS,
    QUERY,
    QUICK_PAY,
    Fields,
    Kind,
    MessageError,
    World,
    check,
)

_FIELDS_MAX = 100
_ECHOED = (
    *("version", "encoding", "bizType", "txnType", "txnSubType", "accessType", "merId", "orderId", "txnTime"),
    *("txnAmt", "currencyCode", "reqReserved", "settleDate"),
)
"""What a reply repeats of its message."""


class UnionpayDoor:
    """Answers the gateway's addresses."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[Route]:
        """Return what Starlette routes here."""
        return [
            Route("/gateway/api/backTransReq.do", self._answer, methods=["POST"]),
            Route("/gateway/api/queryTrans.do", self._query, methods=["POST"]),
            Route("/gateway/api/appTransReq.do", self._app, methods=["POST"]),
            Route("/gateway/api/frontTransReq.do", self._front, methods=["POST"]),
            Route("/file/", self._file, methods=["POST"]),
            Route("/gateway/api/{other:path}", self._unknown, methods=["POST"]),
        ]

    def server_error(self) -> Response:
        """Return the answer of a channel that has failed."""
        return Response("Internal Server Error", 500, media_type="text/plain")

    def rate_limited(self) -> Response:
        """Return the answer to a merchant who asks too often."""
        return self._reply({}, {}, ("39", "交易不在受理时间范围内或请求过于频繁"))

    async def _answer(self, request: Request) -> Response:
        fields = _fields(await read_body(request))
        kind = KINDS.get((fields.get("txnType", ""), fields.get("txnSubType", "")))
        return await self._handle(request, fields, None if kind is QUERY else kind)

    async def _query(self, request: Request) -> Response:
        fields = _fields(await read_body(request))
        is_query = (fields.get("txnType"), fields.get("txnSubType")) == ("00", "00")
        return await self._handle(request, fields, QUERY if is_query else None)

    async def _app(self, request: Request) -> Response:
        fields = _fields(await read_body(request))
        is_payment = (fields.get("txnType"), fields.get("txnSubType")) == ("01", "01")
        return await self._handle(request, fields, APP if is_payment else None)

    async def _unknown(self, request: Request) -> Response:
        return await self._handle(request, _fields(await read_body(request)), None)

    async def _file(self, request: Request) -> Response:
        fields = _fields(await read_body(request))
        is_transfer = (fields.get("txnType"), fields.get("txnSubType")) == ("76", "01")
        return await self._handle(request, fields, FILE_TRANSFER if is_transfer else None)

    async def _front(self, request: Request) -> Response:
        fields = _fields(await read_body(request))
        is_payment = (fields.get("txnType"), fields.get("txnSubType")) == ("01", "01")
        return await self._handle(request, fields, QUICK_PAY if is_payment else None)

    async def _handle(self, request: Request, fields: Fields, kind: Kind | None) -> Response:
        try:
            self._world.signer.verify(fields)
            if kind is None:
                raise MessageError("txnType")
            check(kind, fields)
        except SignatureError:
            return self._reply({}, {}, ("11", "验证签名失败"))
        except MessageError as error:
            return self._reply(fields, {}, ("10", f"报文格式错误：{error}"))

        def perform(is_forged: bool) -> Response:
            try:
                content, code = kind.perform(self._world, fields), ACCEPTED
            except RefusalError as error:
                content, code = {}, CODES[error.reason]
            except MessageError as error:
                content, code = {}, ("10", f"报文格式错误：{error}")
            if (page := content.get("payerUrl")) is not None:
                return RedirectResponse(page, 303)
            return self._reply(fields, content, code, is_forged=is_forged)

        call = (kind.operation, PROTOCOL, fields.get("orderId", ""))
        return await self._gate.through(request, self, call, perform)

    def _reply(self, fields: Fields, content: Fields, code: tuple[str, str], *, is_forged: bool = False) -> Response:
        echoed = {name: fields[name] for name in _ECHOED if fields.get(name)}
        signed = self._world.signer.signed(
            {**echoed, **content, "respCode": code[0], "respMsg": code[1]}, is_forged=is_forged
        )
        return Response("&".join(f"{name}={value}" for name, value in signed.items()), media_type="text/html")


def _fields(body: bytes | None) -> Fields:
    """Return a message's fields; none at all for what is no form, or has a name twice."""
    try:
        pairs = parse_qsl((body or b"").decode(), max_num_fields=_FIELDS_MAX)
    except ValueError:
        return {}
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else {}
