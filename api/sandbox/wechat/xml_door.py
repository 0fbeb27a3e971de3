"""The older XML interface over HTTP: payment codes, orders and refunds of merchants that are not with APIv3 yet.

The real one asks for a client certificate where money goes back (reverse, refund); here the signature is enough.
"""

import hmac
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.sandbox.core.refusal import RefusalError
from api.sandbox.gate import Gate, read_body
from api.sandbox.keys import MCHID, WECHAT_APPID
from api.sandbox.wechat import PROTOCOL, micropay, unified_order, xml_refund
from api.sandbox.wechat.call import World
from api.sandbox.wechat.reply import SpelledResponse
from api.sandbox.wechat.xml_call import Fields, XmlPath, XmlRefusalError, check, document, parse, refused, sign, signed

PATHS = (*micropay.PATHS, *unified_order.PATHS, *xml_refund.PATHS)


class XmlDoor:
    """Answers the XML interface."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[Route]:
        """Return what Starlette routes here."""
        return [Route(each.path, self._endpoint(each), methods=["POST"]) for each in PATHS]

    def elsewhere(self) -> list[Route]:
        """Return where every other path of the interface is answered: behind all routes, in the channel's own form."""
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return [Route(f"/{folder}/{{path:path}}", _unknown, methods=methods) for folder in ("pay", "secapi/pay")]

    def server_error(self) -> Response:
        """Return the answer of a channel that has failed."""
        return _xml({"return_code": "FAIL", "return_msg": "系统错误"}, 500)

    def rate_limited(self) -> Response:
        """Return the answer to a merchant who asks too often."""
        return _xml({"return_code": "FAIL", "return_msg": "FREQUENCY_LIMITED"})

    def _endpoint(self, path: XmlPath) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                fields = parse(await read_body(request))
                self._check(fields)
            except ValueError as error:
                return _xml({"return_code": "FAIL", "return_msg": str(error)})

            def perform(is_forged: bool) -> Response:
                try:
                    check(path.rules, fields)
                    result = {"result_code": "SUCCESS", **path.perform(self._world, fields)}
                except XmlRefusalError as error:
                    result = error.fields
                except RefusalError as error:
                    result = refused(error.reason).fields
                key = b"forged" if is_forged else self._world.keys.api_key
                return _xml(signed(result, key, fields.get("sign_type", "MD5")))

            call = (path.operation, PROTOCOL, fields.get("out_trade_no", ""))
            return await self._gate.through(request, self, call, perform)

        return answer

    def _check(self, fields: Fields) -> None:
        """Check who sends this. Raises ValueError."""
        kind = fields.get("sign_type", "MD5")
        if kind not in {"MD5", "HMAC-SHA256"}:
            raise ValueError("sign_type参数格式错误")
        if not hmac.compare_digest(sign(fields, self._world.keys.api_key, kind), fields.get("sign", "").encode()):
            raise ValueError("签名错误")
        if (fields.get("mch_id"), fields.get("appid")) != (MCHID, WECHAT_APPID):
            raise ValueError("appid和mch_id不匹配")


async def _unknown(_request: Request) -> Response:
    return _xml({"return_code": "FAIL", "return_msg": "请求的接口不存在"})


def _xml(fields: Fields, status: int = 200) -> Response:
    return SpelledResponse(document(fields), status, media_type="text/xml")
