"""The gateway (v2): one address, methods by name, parameters as a form; replies with a signed inner object."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.sandbox.alipay import PROTOCOL, bill, refund, trade
from api.sandbox.alipay.error import ApiError, invalid, refused
from api.sandbox.alipay.method import Answer, Call, Method, Work, World
from api.sandbox.alipay.parameter import ERROR_NAME, Parameters, check_common
from api.sandbox.alipay.signature import SignatureError, joined
from api.sandbox.core.refusal import RefusalError
from api.sandbox.gate import Gate, read_body
from api.sandbox.keys import ALIPAY_APP_ID

METHODS: Final = (*trade.METHODS, *refund.METHODS, *bill.METHODS)
_BY_NAME: Final = {each.name: each for each in METHODS}
_PAGES: Final = {each.name: each for each in trade.PAGE_METHODS}
_PHONE: Final = re.compile(r"android|iphone|mobile|harmonyos", re.IGNORECASE)


class Envelope(Struct, frozen=True):
    """How a reply is wrapped: the name of the object, and the codec."""

    name: str
    codec: str


class AlipayDoor:
    """Answers the gateway's address and the links to bills."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[Route]:
        """Return what Starlette routes here."""
        return [
            Route("/gateway.do", self._answer, methods=["GET", "POST"]),
            Route(bill.DOWNLOAD_PATH, self._download, methods=["GET"]),
        ]

    def server_error(self) -> Response:
        """Return the answer of a channel that has failed: a page of its front, no object."""
        return Response("<html><body>502 Bad Gateway</body></html>", 502, media_type="text/html")

    def rate_limited(self) -> Response:
        """Return the answer to a merchant who asks too often."""
        error = ApiError("isv.app-call-limited", "应用调用次数超限", "40005", "Call Limited")
        return self._enveloped(Envelope(ERROR_NAME, "utf-8"), error.content)

    async def _answer(self, request: Request) -> Response:
        parameters = Parameters(request.scope["query_string"], await read_body(request) or b"")
        envelope = Envelope(parameters.response_name, parameters.codec)
        try:
            fields = parameters.fields()
            method = self._method(fields, parameters.codec)
        except ApiError as error:
            # Nobody knows yet who asks, or that it is who he says: such a refusal is not signed.
            return self._enveloped(envelope, error.content, is_signed=False)
        call = Call(
            fields.get("biz_content", "{}").encode(),
            notify_url=fields.get("notify_url", ""),
            return_url=fields.get("return_url", ""),
            charset=parameters.codec,
            is_phone=bool(_PHONE.search(request.headers.get("user-agent", ""))),
        )
        try:
            work = method.read(self._world, call)
        except ApiError as error:
            return self._enveloped(envelope, error.content)
        perform = self._page(envelope, work) if method.name in _PAGES else self._object(envelope, work)
        return await self._gate.through(request, self, (method.operation, PROTOCOL, work.reference), perform)

    def _method(self, fields: dict[str, str], codec: str) -> Method:
        """Return the method that is called, its caller verified. Raises ApiError."""
        check_common(fields)
        if fields["app_id"] != ALIPAY_APP_ID:
            raise invalid("isv.invalid-app-id", "无效的AppID参数")
        try:
            self._world.signer.verify(joined(fields, "sign").encode(codec), fields["sign"])
        except SignatureError as error:
            raise invalid(
                str(error), "验签出错，请确认charset参数放在了URL查询字符串中且各参数值使用charset参数指示的字符集编码"
            ) from None
        name = fields["method"]
        method = _BY_NAME.get(name) or _PAGES.get(name)
        if method is None:
            raise invalid("isv.invalid-method", "不存在的方法名")
        return method

    def _object(self, envelope: Envelope, work: Work) -> Callable[[bool], Response]:
        def perform(is_forged: bool) -> Response:
            return self._enveloped(envelope, _content(work), is_forged=is_forged)

        return perform

    def _page(self, envelope: Envelope, work: Work) -> Callable[[bool], Response]:
        def perform(_is_forged: bool) -> Response:
            content = _content(work)
            if "payer_url" not in content:
                return self._enveloped(envelope, content)
            return RedirectResponse(content["payer_url"], 302)

        return perform

    def _enveloped(
        self, envelope: Envelope, content: dict[str, Any], *, is_signed: bool = True, is_forged: bool = False
    ) -> Response:
        """Return a reply. The real one escapes slashes, and a client that writes the object anew fails on that."""
        # What the alphabet does not have is written as JSON can write it.
        inner = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
        signed = "".join(each if _has(each, envelope.codec) else json.dumps(each)[1:-1] for each in inner)
        said = signed.encode(envelope.codec)
        sign = self._world.signer.sign(said, is_forged=is_forged) if is_signed else ""
        body = f'{{"{envelope.name}":'.encode() + said + (f',"sign":"{sign}"}}' if sign else "}").encode()
        return Response(body, media_type=f"text/html;charset={envelope.codec}")

    async def _download(self, request: Request) -> Response:
        return bill.download(self._world, request)


def _content(work: Work) -> dict[str, Any]:
    try:
        answer: Answer = work.perform()
    except RefusalError as error:
        return refused(error.reason).content
    except ApiError as error:
        return error.content
    code, headline = ("10003", " order success pay inprocess") if answer.is_waiting else ("10000", "Success")
    return {"code": code, "msg": headline, **answer.fields}


def _has(letter: str, codec: str) -> bool:
    try:
        letter.encode(codec)
    except UnicodeEncodeError:
        return False
    return True
