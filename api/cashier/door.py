"""Where payers come in: ``/pay/{token}`` for a payment, ``/pay/s/{token}`` for a store's printed code.

| path | answers |
|---|---|
| ``GET /pay/{token}`` | the page |
| ``GET …/state`` | the payment as JSON |
| ``GET …/events`` | the same, again after each change (server-sent events) |
| ``GET …/code.svg`` | the code to scan: the channel's while there is one, else this page's own address |
| ``POST …/choose`` | ``{"channel", "method"}``: asks the channel; answers the payment |
| ``GET …/go`` | leads to the channel's page |
| ``POST /pay/{token}`` | the page: UnionPay sends browsers back with a form |
| ``GET /pay/s/{token}``, ``…/state``, ``…/code.svg`` | the store's page, the store as JSON, its code to print |
| ``POST /pay/s/{token}/order`` | ``{"order", "amount", "channel"}``: makes a payment; answers where it is paid |

No key is asked for and none is shown: who holds the link may pay.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from api.cashier.code import code_picture
from api.cashier.device import device_of
from api.cashier.limits import ACTS, LOOKS, CashierLimits
from api.cashier.page import form_page, in_languages, language_of, page_headers, read_file, redirect
from api.cashier.stream import states
from api.cashier.view import PaymentView, payment_view, store_view
from api.limits import PAYER_BYTES_MAX
from api.proxies import origin_of
from api.rest.body import read_json
from api.rest.problem import problem_response
from api.services import Services
from pycore.errors import InvalidRequestError, NotFoundError
from pycore.money import CNY, minor_units
from pycore.payments import PaymentMethod
from pycore.payments.cashier import PaymentAtCashier
from pycore.payments.cashier_links import Link
from pycore.rate_limit import Quota

Answer = Callable[[Request], Awaitable[Response]]

_FILES: Final = (
    ("cashier.css", "text/css"),
    ("cashier.js", "text/javascript"),
    ("go.js", "text/javascript"),
    ("icon.svg", "image/svg+xml"),
)


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the payer wants to pay."""

    channel: Annotated[str, Meta(max_length=32)]
    method: PaymentMethod


class Ordered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the payer wants to pay at a store, in major units as text, and through whom."""

    order: Annotated[str, Meta(max_length=64)]
    amount: Annotated[str, Meta(max_length=32)]
    channel: Annotated[str, Meta(max_length=32)]


class Place(msgspec.Struct, frozen=True):
    """Where the payment is paid."""

    path: str


_CHOSEN: Final = msgspec.json.Decoder(Chosen)
_ORDERED: Final = msgspec.json.Decoder(Ordered)


class CashierDoor:
    """The cashier's part of the HTTP door."""

    def __init__(self, services: Services, stopping: asyncio.Event) -> None:
        """``stopping``: once set, streams end."""
        self._cashier = services.cashier
        self._accounts = services.channels.accounts
        self._watch = services.outbox.watch
        self._stopping = stopping
        self._limits = CashierLimits()
        self._page = in_languages(read_file("cashier.html"))

    def routes(self) -> list[Route]:
        """Return what Starlette routes here."""
        table: tuple[tuple[str, str, Quota, Answer], ...] = (
            ("GET", "/pay/s/{token}", LOOKS, self._show_store),
            ("GET", "/pay/s/{token}/state", LOOKS, self._store_state),
            ("GET", "/pay/s/{token}/code.svg", LOOKS, self._store_code),
            ("POST", "/pay/s/{token}/order", ACTS, self._order),
            ("GET", "/pay/{token}", LOOKS, self._show),
            ("GET", "/pay/{token}/state", LOOKS, self._state),
            ("GET", "/pay/{token}/events", LOOKS, self._events),
            ("GET", "/pay/{token}/code.svg", LOOKS, self._code),
            ("GET", "/pay/{token}/go", LOOKS, self._go),
            ("POST", "/pay/{token}/choose", ACTS, self._choose),
            ("POST", "/pay/{token}", LOOKS, self._come_back),
        )
        files = [_file_route(name, media_type) for name, media_type in _FILES]
        return files + [
            Route(path, self._answering(quota, answer), methods=[method]) for method, path, quota, answer in table
        ]

    def _answering(self, quota: Quota, answer: Answer) -> Answer:
        async def answering(request: Request) -> Response:
            try:
                self._limits.charge(quota, origin_of(_address(request)))
                return await answer(request)
            except Exception as error:
                response = problem_response(error, language_of(request))
            response.headers.update(page_headers())
            return response

        return answering

    async def _show(self, request: Request) -> Response:
        return self._html(request, self._is_link(Link.PAYMENT, request))

    async def _show_store(self, request: Request) -> Response:
        return self._html(request, self._is_link(Link.STORE, request))

    async def _state(self, request: Request) -> Response:
        return _json(self._view(request, await self._cashier.look(_token(request))))

    async def _events(self, request: Request) -> Response:
        token = _token(request)
        found = await self._cashier.look(token)
        address = origin_of(_address(request))
        self._limits.open_stream(address)

        async def look() -> PaymentView:
            return self._view(request, await self._cashier.look(token))

        async def content() -> AsyncIterator[bytes]:
            try:
                async for state in states(found.payment_id, look, self._watch, self._stopping):
                    yield state
            finally:
                self._limits.close_stream(address)

        headers = {**page_headers(), "x-accel-buffering": "no"}
        return StreamingResponse(content(), headers=headers, media_type="text/event-stream")

    async def _code(self, request: Request) -> Response:
        token = _token(request)
        found = await self._cashier.look(token)
        action = found.payment.next_action
        content = None if action is None else action.content
        return _picture(content or self._cashier.links.payment_url(found.payment_id))

    async def _store_code(self, request: Request) -> Response:
        found = await self._cashier.look_at_store(_token(request))
        return _picture(self._cashier.links.store_url(found.store.code.id))

    async def _go(self, request: Request) -> Response:
        found = await self._cashier.look(_token(request))
        action = found.payment.next_action
        try:
            if action is not None and action.type == "submit_form":
                return form_page(action.url or "", action.fields or {}, language_of(request))
            if action is not None and action.type == "open_page":
                return redirect(action.url or "")
        except ValueError:
            raise NotFoundError("the channel named no page that a browser can open") from None
        # It was paid meanwhile, or another way was chosen: the page tells.
        return await self._come_back(request)

    async def _come_back(self, request: Request) -> Response:
        # What a form says is not looked at: channels tell what happened at the door for notifications, signed.
        token = self._cashier.links.token(Link.PAYMENT, self._cashier.links.id_of(Link.PAYMENT, _token(request)))
        language = request.query_params.get("lang")
        query = f"?lang={language}" if language in {"en", "zh"} else ""
        return Response(status_code=303, headers={**page_headers(), "location": f"/pay/{token}{query}"})

    async def _choose(self, request: Request) -> Response:
        chosen = await read_json(request, _CHOSEN, PAYER_BYTES_MAX)
        found = await self._cashier.choose(_token(request), chosen.channel, chosen.method, _address(request))
        return _json(self._view(request, found))

    async def _store_state(self, request: Request) -> Response:
        found = await self._cashier.look_at_store(_token(request))
        return _json(store_view(found, device_of(_user_agent(request))))

    async def _order(self, request: Request) -> Response:
        ordered = await read_json(request, _ORDERED, PAYER_BYTES_MAX)
        try:
            amount = minor_units(ordered.amount, CNY)
        except ValueError as error:
            raise InvalidRequestError(f"amount: {error}; nothing was recorded") from None
        origin = origin_of(_address(request))
        token = await self._cashier.order_at_store(_token(request), ordered.order, amount, ordered.channel, origin)
        return _json(Place(f"/pay/{token}"))

    def _view(self, request: Request, found: PaymentAtCashier) -> PaymentView:
        return payment_view(found, device_of(_user_agent(request)), self._accounts.payer_page)

    def _html(self, request: Request, is_known: bool) -> Response:
        content = self._page[language_of(request)]
        return Response(content, 200 if is_known else 404, page_headers(), "text/html")

    def _is_link(self, link: Link, request: Request) -> bool:
        try:
            self._cashier.links.id_of(link, _token(request))
        except NotFoundError:
            return False
        return True


def _file_route(name: str, media_type: str) -> Route:
    content, headers = read_file(name), {**page_headers(), "cache-control": "no-cache"}

    async def show(_request: Request) -> Response:
        return Response(content, headers=headers, media_type=media_type)

    return Route(f"/pay/{name}", show, methods=["GET"])


def _token(request: Request) -> str:
    token: str = request.path_params["token"]
    return token


def _user_agent(request: Request) -> str:
    return request.headers.get("user-agent", "")


def _address(request: Request) -> str:
    host: str = request.scope["client"][0]
    return host


def _json(value: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(value), headers=page_headers(), media_type="application/json")


def _picture(content: str) -> Response:
    return Response(code_picture(content), headers=page_headers(), media_type="image/svg+xml")
