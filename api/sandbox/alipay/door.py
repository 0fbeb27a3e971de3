"""The gateway (v2): one address, methods by name, parameters as a form; replies with a signed inner object."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.sandbox.alipay import PROTOCOL, bill, refund, trade
from api.sandbox.alipay.error import ApiError, invalid, refused
from api.sandbox.alipay.method import Answer, Call, Method, Work, World
from api.sandbox.alipay.signature import SignatureError, joined
from api.sandbox.core.refusal import RefusalError
from api.sandbox.gate import Gate, read_body
from api.sandbox.keys import ALIPAY_APP_ID

METHODS: Final = (*trade.METHODS, *refund.METHODS, *bill.METHODS)
_BY_NAME: Final = {each.name: each for each in METHODS}
_PAGES: Final = {each.name: each for each in trade.PAGE_METHODS}
_FIELDS_MAX: Final = 100


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
        return self._enveloped("error_response", error.content)

    async def _answer(self, request: Request) -> Response:
        try:
            fields = _fields(request, await read_body(request))
            method = self._method(fields)
            call = Call(
                fields.get("biz_content", "{}").encode(), fields.get("notify_url", ""), fields.get("return_url", "")
            )
            work = method.read(self._world, call)
        except ApiError as error:
            known = _BY_NAME.get(request.query_params.get("method", ""))
            return self._enveloped("error_response" if known is None else known.response_name, error.content)
        perform = self._page(work) if method.name in _PAGES else self._object(method, work)
        return await self._gate.through(request, self, (method.operation, PROTOCOL, work.reference), perform)

    def _method(self, fields: dict[str, str]) -> Method:
        """Return the method that is called, its caller verified. Raises ApiError."""
        if fields.get("app_id") != ALIPAY_APP_ID:
            raise invalid("isv.invalid-app-id", "无效的AppID参数")
        if fields.get("sign_type") != "RSA2":
            raise invalid("isv.invalid-signature-type", "无效的签名类型")
        if not fields.get("sign"):
            raise ApiError("isv.missing-signature", "缺少签名参数", "40001", "Missing Required Arguments")
        try:
            self._world.signer.verify(joined(fields, "sign"), fields["sign"])
        except SignatureError as error:
            raise invalid(
                str(error), "验签出错，请确认charset参数放在了URL查询字符串中且各参数值使用charset参数指示的字符集编码"
            ) from None
        name = fields.get("method", "")
        method = _BY_NAME.get(name) or _PAGES.get(name)
        if method is None:
            raise invalid("isv.invalid-method", "不存在的方法名")
        return method

    def _object(self, method: Method, work: Work) -> Callable[[bool], Response]:
        def perform(is_forged: bool) -> Response:
            return self._enveloped(method.response_name, _content(work), is_forged=is_forged)

        return perform

    def _page(self, work: Work) -> Callable[[bool], Response]:
        def perform(_is_forged: bool) -> Response:
            content = _content(work)
            if "payer_url" not in content:
                return self._enveloped("error_response", content)
            return RedirectResponse(content["payer_url"], 302)

        return perform

    def _enveloped(self, name: str, content: dict[str, Any], *, is_forged: bool = False) -> Response:
        """Return a reply. The real one escapes slashes, and a client that writes the object anew fails on that."""
        inner = msgspec.json.encode(content).decode().replace("/", "\\/")
        sign = self._world.signer.sign(inner, is_forged=is_forged)
        return Response(f'{{"{name}":{inner},"sign":"{sign}"}}', media_type="text/html;charset=utf-8")

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


def _fields(request: Request, body: bytes | None) -> dict[str, str]:
    """Return the parameters of the query and the form together. Raises ApiError for a name given twice."""
    try:
        text = (body or b"").decode()
        form = parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS_MAX) if text else []
    except ValueError:
        raise invalid("isv.invalid-encoding", "无效的编码") from None
    pairs = [*request.query_params.multi_items(), *form]
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise invalid("isv.invalid-parameter", "参数重复")
    return fields
