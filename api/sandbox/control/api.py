"""JSON under ``/control``: play the payer, order faults, turn the clock. There is no login: keep it on loopback.

| call | does |
|---|---|
| ``GET /control/orders?state=&reference=&token=&limit=`` | the latest orders |
| ``GET /control/orders/{id}`` | one order, with its refunds and callbacks |
| ``POST /control/orders/{id}/scan``, ``pay``, ``refuse``, ``expire`` | what the payer does |
| ``POST /control/orders/latest/…`` | the same with the newest order that waits |
| ``GET /control/faults``, ``POST``, ``DELETE``, ``DELETE /control/faults/{id}`` | the rules in force |
| ``GET /control/clock``, ``PUT`` with ``factor``, ``advance_s``, ``merchant_follows`` | the simulated time |
| ``DELETE /control/clock`` | back to the real time |
| ``PUT /control/seed`` with ``seed`` | what faults are drawn from |
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.sandbox.core.agenda import Agenda
from api.sandbox.core.clock import Clock, in_shanghai
from api.sandbox.core.desk import Desk
from api.sandbox.core.fault import FaultRule, Faults
from api.sandbox.core.order import Notice, Order, OrderState
from api.sandbox.core.refusal import Reason, RefusalError
from api.sandbox.core.store import Store
from api.sandbox.gate import read_body

Value = TypeVar("Value", bound=Struct)
Answer = Callable[[Request], Awaitable[Response]]

_ORDERS_MAX = 500


class _Clock(Struct, forbid_unknown_fields=True):
    factor: Annotated[float, Meta(ge=0.001, le=1_000_000)] | None = None
    advance_s: Annotated[int, Meta(ge=0, le=315_360_000)] = 0
    merchant_follows: bool = False


class _Seed(Struct, forbid_unknown_fields=True):
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Homeward(Protocol):
    """Knows where a payer's browser goes after paying."""

    def return_url(self, order: Order) -> str:
        """Return the address, signed as the protocol wants it; empty where the merchant named none."""


class Control:
    """The control interface of one sandbox."""

    def __init__(
        self, desk: Desk, store: Store, clock: Clock, agenda: Agenda, faults: Faults, homeward: Homeward
    ) -> None:
        self._desk = desk
        self._store = store
        self._clock = clock
        self._agenda = agenda
        self._faults = faults
        self._homeward = homeward
        self._acts = {"scan": desk.scan, "pay": desk.pay, "refuse": desk.refuse, "expire": desk.expire}

    def routes(self) -> list[Route]:
        """Return what Starlette routes here."""
        table: tuple[tuple[str, str, Answer], ...] = (
            ("GET", "/control/orders", self._list),
            ("GET", "/control/orders/{id:int}", self._show),
            ("POST", "/control/orders/{id:int}/{act}", self._act),
            ("POST", "/control/orders/latest/{act}", self._act),
            ("GET", "/control/faults", self._show_faults),
            ("POST", "/control/faults", self._add_fault),
            ("DELETE", "/control/faults", self._remove_faults),
            ("DELETE", "/control/faults/{id:int}", self._remove_faults),
            ("GET", "/control/clock", self._show_clock),
            ("PUT", "/control/clock", self._turn_clock),
            ("DELETE", "/control/clock", self._reset_clock),
            ("PUT", "/control/seed", self._set_seed),
        )
        return [Route(path, _answering(answer), methods=[method]) for method, path, answer in table]

    async def _list(self, request: Request) -> Response:
        given = request.query_params
        columns = [name for name in ("state", "reference", "token", "protocol") if given.get(name)]
        limit = given.get("limit", "50")
        if not limit.isdecimal() or (given.get("state") or "open") not in set(OrderState):
            raise ValueError("limit must be a number and state one of: " + ", ".join(OrderState))
        where = " AND ".join(["id > 0", *(f"{name} = ?" for name in columns)])
        values = [given[name] for name in columns]
        orders = self._store.select(Order, f"{where} ORDER BY id DESC", *values, limit=min(int(limit), _ORDERS_MAX))
        return _json({"orders": [self._shown(each) for each in orders], "now": self._now()})

    async def _show(self, request: Request) -> Response:
        order = self._desk.order(request.path_params["id"])
        notices = self._store.select(Notice, "order_id = ? ORDER BY id", order.id)
        return _json(self._shown(order) | {"refunds": self._desk.refunds_of(order), "notices": notices})

    async def _act(self, request: Request) -> Response:
        act = self._acts.get(request.path_params["act"])
        if act is None:
            raise ValueError("a payer can: " + ", ".join(self._acts))
        await _content(request, _Nothing)
        id = request.path_params.get("id")
        return _json(self._shown(act(self._latest() if id is None else self._desk.order(id))))

    def _latest(self) -> Order:
        waiting = self._store.select(Order, "state = ? ORDER BY id DESC", OrderState.OPEN, limit=1)
        if not waiting:
            raise RefusalError(Reason.ORDER_UNKNOWN)
        return waiting[0]

    async def _show_faults(self, _request: Request) -> Response:
        return _json({"seed": self._faults.seed, "faults": self._faults.active})

    async def _add_fault(self, request: Request) -> Response:
        return _json(self._faults.add(await _content(request, FaultRule)), 201)

    async def _remove_faults(self, request: Request) -> Response:
        self._faults.remove(request.path_params.get("id"))
        return Response(status_code=204)

    async def _show_clock(self, _request: Request) -> Response:
        clock = self._clock
        times = {"now": self._now(), "now_ms": clock.now_ms(), "merchant_now_ms": clock.merchant_now_ms()}
        return _json({**times, "factor": clock.setting.factor})

    async def _turn_clock(self, request: Request) -> Response:
        wanted = await _content(request, _Clock)
        self._clock.turn(
            factor=wanted.factor, advance_ms=wanted.advance_s * 1000, merchant_follows=wanted.merchant_follows
        )
        self._keep_clock()
        return await self._show_clock(request)

    async def _reset_clock(self, request: Request) -> Response:
        self._store.bring_forward(self._clock.reset())
        self._keep_clock()
        return await self._show_clock(request)

    def _keep_clock(self) -> None:
        self._store.set_setting("clock", msgspec.json.encode(self._clock.setting).decode())
        self._agenda.wake()

    async def _set_seed(self, request: Request) -> Response:
        self._faults.set_seed((await _content(request, _Seed)).seed)
        return await self._show_faults(request)

    def _shown(self, order: Order) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(order)
        del plain["details"]
        return plain | {"return_url": self._homeward.return_url(order)}

    def _now(self) -> str:
        return in_shanghai(self._clock.now_ms()).isoformat()


class _Nothing(Struct, forbid_unknown_fields=True):
    """A body that has nothing to say: ``{}`` or none at all."""


async def _content(request: Request, kind: type[Value]) -> Value:
    body = await read_body(request)
    # A web page of another origin could post a form here, but not this content type without asking first.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ValueError("send the body as content-type: application/json")
    return msgspec.json.decode(body or b"{}", type=kind)


def _answering(answer: Answer) -> Answer:
    async def answering(request: Request) -> Response:
        try:
            return await answer(request)
        except RefusalError as error:
            return _json({"error": error.reason.value}, 404 if error.reason is Reason.ORDER_UNKNOWN else 409)
        except (ValueError, OverflowError, RecursionError) as error:
            return _json({"error": str(error)}, 400)

    return answering


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
