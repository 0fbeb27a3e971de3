"""APIv3 over HTTP: requests verified before anything else, replies signed, errors in the documented shape.

What is refused before the merchant is known (its headers, its signature) is answered without a signature.
"""

from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.sandbox.core.refusal import RefusalError
from api.sandbox.gate import Gate, read_body
from api.sandbox.wechat import PROTOCOL, bill, certificate, codepay, refund, transaction
from api.sandbox.wechat.call import Answer, Call, Interface, World
from api.sandbox.wechat.error import ApiError, header_error, parameter_error, refused, signature_error
from api.sandbox.wechat.reply import SpelledResponse
from api.sandbox.wechat.signature import SignatureError, Signed

INTERFACES = (
    *transaction.INTERFACES,
    *codepay.INTERFACES,
    *refund.INTERFACES,
    *bill.INTERFACES,
    *certificate.INTERFACES,
)


class UnknownMerchantError(Exception):
    """Nobody knows yet who asks: the answer cannot be signed for a merchant."""

    def __init__(self, answer: ApiError) -> None:
        super().__init__(answer.code)
        self.answer = answer


class WechatDoor:
    """Answers the JSON interface."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[Route]:
        """Return what Starlette routes here."""
        return [Route(each.path, self._endpoint(each), methods=[each.method]) for each in INTERFACES]

    def elsewhere(self) -> list[Route]:
        """Return where every other path of the interface is answered: behind all routes, in the channel's own form."""
        return [Route("/v3/{path:path}", self._unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]

    async def _unknown(self, request: Request) -> Response:
        serial = request.headers.get("wechatpay-serial", "")
        try:
            await self._verified(request, serial)
        except UnknownMerchantError as error:
            return _unsigned(error.answer)
        except ApiError as error:
            return self._refuse(error, serial)
        return self._refuse(ApiError(404, "RESOURCE_NOT_EXISTS", "请求的资源不存在"), serial)

    def server_error(self) -> Response:
        """Return the answer of a channel that has failed."""
        return self._refuse(ApiError(500, "SYSTEM_ERROR", "系统异常，请稍后重试"), "")

    def rate_limited(self) -> Response:
        """Return the answer to a merchant who asks too often."""
        return self._refuse(ApiError(429, "FREQUENCY_LIMITED", "频率超限，请降低请求接口频率"), "")

    def _endpoint(self, interface: Interface) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            serial = request.headers.get("wechatpay-serial", "")
            try:
                call = await self._verified(request, serial)
                work = interface.read(self._world, call)
            except UnknownMerchantError as error:
                return _unsigned(error.answer)
            except ApiError as error:
                return self._refuse(error, serial)

            def perform(is_forged: bool) -> Response:
                try:
                    return self._reply(work.perform(), serial, is_forged=is_forged)
                except RefusalError as error:
                    return self._refuse(refused(error.reason), serial)
                except ApiError as error:
                    return self._refuse(error, serial)

            return await self._gate.through(request, self, (interface.operation, PROTOCOL, work.reference), perform)

        return answer

    async def _verified(self, request: Request, serial: str) -> Call:
        body = await read_body(request)
        if (wrong := _wrong_headers(request)) is not None:
            raise UnknownMerchantError(wrong)
        if body is None:
            raise parameter_error("body", "请求包体过大")
        query = request.scope["query_string"]
        uri = request.scope["raw_path"] + (b"?" + query if query else b"")
        signed = Signed(request.method, uri.decode("latin-1"), body)
        try:
            self._world.signer.verify(request.headers.get("authorization", ""), signed)
        except SignatureError as error:
            raise UnknownMerchantError(signature_error(str(error))) from None
        if serial and not self._world.signer.holds(serial):
            raise parameter_error("Wechatpay-Serial", "平台证书序列号Wechatpay-Serial错误", "header")
        return Call(request.path_params, request.query_params, body, serial)

    def _reply(self, answer: Answer, serial: str, *, is_forged: bool) -> Response:
        if answer.file is not None:
            return SpelledResponse(answer.file, media_type="application/octet-stream")
        body = b"" if answer.content is None else msgspec.json.encode(answer.content)
        headers = self._world.signer.headers(body, serial, is_forged=is_forged)
        # The real one names the type of an empty body too, and clients look at it.
        return SpelledResponse(body, 200 if body else 204, headers, "application/json")

    def _refuse(self, error: ApiError, serial: str) -> Response:
        body = msgspec.json.encode(error.content)
        return SpelledResponse(body, error.status, self._world.signer.headers(body, serial), "application/json")


def _unsigned(error: ApiError) -> Response:
    return SpelledResponse(msgspec.json.encode(error.content), error.status, media_type="application/json")


def _wrong_headers(request: Request) -> ApiError | None:
    accepted = [each.partition(";")[0].strip() for each in request.headers.get("accept", "").split(",")]
    if not {"application/json", "*/*"} & set(accepted) or not request.headers.get("user-agent"):
        return header_error("Http头缺少Accept或User-Agent")
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if request.method == "POST" and kind != "application/json":
        return header_error("Http头Content-Type应为application/json")
    return None
