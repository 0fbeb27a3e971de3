"""The REST interface (v3): the same methods, each with a path of its own, signed through headers."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.sandbox.alipay import PROTOCOL
from api.sandbox.alipay.door import METHODS
from api.sandbox.alipay.error import ApiError, refused
from api.sandbox.alipay.method import Call, Method, World
from api.sandbox.alipay.signature import SignatureError
from api.sandbox.core.refusal import RefusalError
from api.sandbox.gate import Gate, read_body

_VERBS: Final = ["DELETE", "GET", "PATCH", "POST", "PUT"]


class AlipayRestDoor:
    """Answers the paths of v3."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[Route]:
        """Return what Starlette routes here."""
        known = [Route(each.rest_path, self._endpoint(each), methods=[each.verb]) for each in METHODS]
        return [*known, Route("/v3/alipay/{path:path}", self._unknown, methods=_VERBS)]

    async def _unknown(self, request: Request) -> Response:
        """Answer a path, or a verb on one, that is no method's; as every refusal it is signed."""
        await read_body(request)
        return self._refuse(ApiError("invalid-method", "不存在的方法名"), 404)

    def server_error(self) -> Response:
        """Return the answer of a channel that has failed."""
        return self._refuse(ApiError("SYSTEM_ERROR", "系统繁忙"), 500)

    def rate_limited(self) -> Response:
        """Return the answer to a merchant who asks too often."""
        return self._refuse(ApiError("app-call-limited", "应用调用次数超限"), 429)

    def _endpoint(self, method: Method) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            body = await read_body(request)
            try:
                self._verify(request, body or b"")
            except SignatureError as error:
                return self._refuse(ApiError(str(error), "验签失败"), 401)
            try:
                business = _query(request) if method.verb == "GET" else body or b"{}"
                work = method.read(self._world, Call(business))
            except ApiError as error:
                return self._refuse(error)

            def perform(is_forged: bool) -> Response:
                try:
                    done = work.perform()
                except RefusalError as error:
                    return self._refuse(refused(error.reason))
                except ApiError as error:
                    return self._refuse(error)
                return self._reply(done.fields, 202 if done.is_waiting else 200, is_forged=is_forged)

            return await self._gate.through(request, self, (method.operation, PROTOCOL, work.reference), perform)

        return answer

    def _verify(self, request: Request, body: bytes) -> None:
        query = request.scope["query_string"]
        uri = (request.scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1")
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise SignatureError("invalid-signature") from None
        token = request.headers.get("alipay-app-auth-token", "")
        self._world.signer.verify_rest(request.headers.get("authorization", ""), request.method, uri, text, token)

    def _reply(self, content: dict[str, Any], status: int, *, is_forged: bool = False) -> Response:
        body = msgspec.json.encode(content).decode()
        headers = self._world.signer.rest_headers(body, is_forged=is_forged)
        return Response(body, status, headers, "application/json")

    def _refuse(self, error: ApiError, status: int = 400) -> Response:
        return self._reply({"code": error.sub_code, "message": error.message, "links": []}, status)


def _query(request: Request) -> bytes:
    """Return a GET's parameters as business content. Raises ApiError for a name given twice."""
    fields = dict(request.query_params)
    if len(fields) != len(request.query_params.multi_items()):
        raise ApiError("invalid-parameter", "参数重复")
    return msgspec.json.encode(fields)
