"""Webhook endpoints over HTTP: where a merchant is told of events, and what became of that."""

import time
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from api.rest import resource, writing
from api.rest.body import json_response, read_json
from api.rest.endpoint import TenantEndpoint, read_query
from api.rest.once import once
from api.services import Services
from pycore.errors import (
    IdempotencyMismatchError,
    InvalidRequestError,
    InvalidStateError,
    LedgerUnavailableError,
    NotFoundError,
)
from pycore.events import Delivery, EndpointChange, WebhookEndpoint, WebhookSecret
from pycore.events.delivery import REPLAY_EVENTS_MAX
from pycore.events.event import ID_PREFIX as EVENT_PREFIX
from pycore.events.webhook_endpoint import ID_PREFIX
from pycore.ids import format_typed_id
from pycore.merchants import Caller, Scope
from pycore.moment import moment

_Url = Annotated[
    str,
    Meta(
        description="https, a full name or public IP address.", max_length=2048, examples=["https://example.com/hook"]
    ),
]
_Types = Annotated[list[str], Meta(description="The types of docs/events.md to be told of; none: all.", max_length=100)]
_Description = Annotated[str, Meta(description="Your own words.", max_length=200)]


class NewEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An endpoint to make."""

    url: _Url
    event_types: _Types = []
    description: _Description = ""


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of an endpoint; what is not given stays."""

    url: _Url | UnsetType = UNSET
    event_types: _Types | UnsetType = UNSET
    description: _Description | UnsetType = UNSET
    status: (
        Annotated[
            Literal["enabled", "disabled"],
            Meta(description="Enabled again, it is told of all that happened meanwhile."),
        ]
        | UnsetType
    ) = UNSET


class Rotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the secret before goes on signing too, in seconds."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=604_800)] = 86_400


class Replay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to send again: one ``event_id``, or all since one. Exactly one of the two is given."""

    event_id: Annotated[str | None, Meta(description="This one, whatever became of it.")] = None
    since_event_id: Annotated[str | None, Meta(description="What was given up, from this one on.")] = None
    every: Annotated[bool, Meta(description="With since_event_id: also what was delivered.")] = False


class DeliveryQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which deliveries; the newest event first."""

    limit: Annotated[int, Meta(ge=1, le=resource.LIMIT_MAX, description="At most so many.")] = resource.LIMIT_DEFAULT
    starting_after: Annotated[
        str | None, Meta(description="The event id of the last item of the page before; none: from the newest.")
    ] = None
    status: Annotated[
        Literal["pending", "delivered", "dead"] | None, Meta(description="Only those; dead: given up.")
    ] = None


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook endpoint. ``disabled_reason``: ``by_merchant``, ``gone`` (it answered 410), ``failing`` (for days)."""

    id: str
    live: bool
    url: str
    event_types: list[str]
    description: str
    status: Literal["enabled", "disabled"]
    disabled_reason: str | None
    failing_since: datetime | None
    previous_secret_until: datetime | None
    created_at: datetime


class EndpointWithSecret(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint and the secret its messages are signed with. The secret is not shown again."""

    endpoint: EndpointView
    secret: str


class EndpointList(msgspec.Struct, frozen=True):
    """All endpoints, the oldest first."""

    data: list[EndpointView]


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """How far an event has come: when it is sent next, and what came of the last try."""

    event_id: str
    type: str
    status: Literal["pending", "delivered", "dead"]
    tries_count: int
    next_try_at: datetime | None
    last_status: int | None
    last_error: str | None
    updated_at: datetime


class DeliveryList(msgspec.Struct, frozen=True):
    """Deliveries, the newest event first."""

    data: list[DeliveryView]
    has_more: bool


class Replayed(msgspec.Struct, frozen=True):
    """How many events are sent again."""

    events: int


class Deleted(msgspec.Struct, frozen=True):
    """What is no more."""

    id: str


_CREATE: Final = msgspec.json.Decoder(NewEndpoint)
_CHANGE: Final = msgspec.json.Decoder(Change)
_ROTATE: Final = msgspec.json.Decoder(Rotation)
_REPLAY: Final = msgspec.json.Decoder(Replay)


async def create(services: Services, caller: Caller, request: Request) -> Response:
    """Make an endpoint."""
    new = await read_json(request, _CREATE)
    endpoint, secret = await services.outbox.endpoints.create(
        caller.tenant,
        url=new.url,
        event_types=new.event_types,
        description=new.description,
        once=once(request, caller.tenant, "webhook_endpoints.create", new),
    )
    return _with_secret(endpoint, secret)


async def list_all(services: Services, caller: Caller, _request: Request) -> Response:
    """Return the endpoints."""
    return json_response(EndpointList([_view(each) for each in await services.outbox.endpoints.of(caller.tenant)]))


async def read(services: Services, caller: Caller, request: Request) -> Response:
    """Return one endpoint."""
    return json_response(_view(await services.outbox.endpoints.get(caller.tenant, _id(request))))


async def update(services: Services, caller: Caller, request: Request) -> Response:
    """Change an endpoint."""
    given = await read_json(request, _CHANGE)
    fields = {name: value for name in given.__struct_fields__ if (value := getattr(given, name)) is not UNSET}
    return json_response(
        _view(await services.outbox.endpoints.update(caller.tenant, _id(request), EndpointChange(**fields)))
    )


async def delete(services: Services, caller: Caller, request: Request) -> Response:
    """Remove an endpoint."""
    id = _id(request)
    await services.outbox.endpoints.delete(caller.tenant, id)
    return json_response(Deleted(format_typed_id(ID_PREFIX, id)))


async def rotate_secret(services: Services, caller: Caller, request: Request) -> Response:
    """Change the secret."""
    id, wanted, endpoints = _id(request), await read_json(request, _ROTATE), services.outbox.endpoints
    secret = await endpoints.rotate_secret(
        caller.tenant,
        id,
        overlap_seconds=wanted.overlap_seconds,
        once=once(request, caller.tenant, "webhook_endpoints.rotate_secret", wanted, id),
    )
    return _with_secret(await endpoints.get(caller.tenant, id), secret)


async def list_deliveries(services: Services, caller: Caller, request: Request) -> Response:
    """Return what became of an endpoint's events."""
    query = read_query(request, DeliveryQuery)
    await services.outbox.endpoints.get(caller.tenant, _id(request))
    before = None
    if query.starting_after is not None:
        last = resource.read_typed_id(query.starting_after, EVENT_PREFIX, "starting_after")
        before = (await services.outbox.log.get(caller.tenant, last)).sequence
    found = await services.outbox.deliveries.of(
        caller.tenant, _id(request), status=query.status, before=before, limit=query.limit + 1
    )
    return json_response(DeliveryList([_delivery(each) for each in found[: query.limit]], len(found) > query.limit))


async def replay(services: Services, caller: Caller, request: Request) -> Response:
    """Send events again."""
    asked = await read_json(request, _REPLAY)
    is_one = asked.event_id is not None
    text, field = (asked.event_id, "event_id") if is_one else (asked.since_event_id, "since_event_id")
    if text is None or (is_one and (asked.since_event_id is not None or asked.every)):
        raise InvalidRequestError("event_id, since_event_id: give one of them, and every with the second only")
    await services.outbox.endpoints.get(caller.tenant, _id(request))
    event = await services.outbox.log.get(caller.tenant, resource.read_typed_id(text, EVENT_PREFIX, field))
    deliveries, now = services.outbox.deliveries, time.time_ns()
    if is_one:
        await deliveries.replay(caller.tenant, _id(request), event, now)
        return json_response(Replayed(1))
    return json_response(
        Replayed(await deliveries.replay_since(caller.tenant, _id(request), event, now, every=asked.every))
    )


def _id(request: Request) -> int:
    return resource.path_id(request, ID_PREFIX)


def _view(endpoint: WebhookEndpoint) -> EndpointView:
    return EndpointView(
        id=format_typed_id(ID_PREFIX, endpoint.id),
        live=endpoint.tenant.live,
        url=endpoint.url,
        event_types=list(endpoint.event_types),
        description=endpoint.description,
        status=endpoint.status,
        disabled_reason=endpoint.disabled_reason,
        failing_since=resource.write_time_or_none(endpoint.failing_since),
        previous_secret_until=resource.write_time_or_none(endpoint.previous_secret_until),
        created_at=moment(endpoint.created_at),
    )


def _with_secret(endpoint: WebhookEndpoint, secret: WebhookSecret) -> Response:
    return json_response(EndpointWithSecret(endpoint=_view(endpoint), secret=secret.reveal()))


def _delivery(delivery: Delivery) -> DeliveryView:
    return DeliveryView(
        event_id=format_typed_id(EVENT_PREFIX, delivery.event_id),
        type=delivery.type,
        status=delivery.status,
        tries_count=delivery.tries_count,
        next_try_at=resource.write_time_or_none(delivery.next_try_at),
        last_status=delivery.last_status,
        last_error=delivery.last_error,
        updated_at=moment(delivery.updated_at),
    )


_READ_ERRORS: Final = (NotFoundError, LedgerUnavailableError)
_CHANGE_ERRORS: Final = (*writing.CHANGE_ERRORS, InvalidStateError)
_PATH: Final = "/v1/webhook_endpoints"

ENDPOINTS: Final = (
    TenantEndpoint(
        method="POST",
        path=_PATH,
        handler=create,
        scope=Scope.WEBHOOKS_WRITE,
        summary="Make a webhook endpoint",
        description="It is told of what happens from now on. The answer has its secret, which is not shown again.",
        body=NewEndpoint,
        answer=EndpointWithSecret,
        errors=(*_CHANGE_ERRORS, IdempotencyMismatchError),
        may_have_key=True,
        tag="webhooks",
    ),
    TenantEndpoint(
        method="GET",
        path=_PATH,
        handler=list_all,
        scope=Scope.WEBHOOKS_READ,
        summary="List webhook endpoints",
        answer=EndpointList,
        errors=(LedgerUnavailableError,),
        tag="webhooks",
    ),
    TenantEndpoint(
        method="GET",
        path=f"{_PATH}/{{id}}",
        id_prefix=ID_PREFIX,
        handler=read,
        scope=Scope.WEBHOOKS_READ,
        summary="Read one webhook endpoint",
        answer=EndpointView,
        errors=_READ_ERRORS,
        tag="webhooks",
    ),
    TenantEndpoint(
        method="PATCH",
        path=f"{_PATH}/{{id}}",
        id_prefix=ID_PREFIX,
        handler=update,
        scope=Scope.WEBHOOKS_WRITE,
        summary="Change a webhook endpoint",
        body=Change,
        answer=EndpointView,
        errors=(*_CHANGE_ERRORS, NotFoundError),
        tag="webhooks",
    ),
    TenantEndpoint(
        method="DELETE",
        path=f"{_PATH}/{{id}}",
        id_prefix=ID_PREFIX,
        handler=delete,
        scope=Scope.WEBHOOKS_WRITE,
        summary="Remove a webhook endpoint, and what was to be sent to it",
        answer=Deleted,
        errors=writing.ACTION_ERRORS,
        tag="webhooks",
    ),
    TenantEndpoint(
        method="POST",
        path=f"{_PATH}/{{id}}/rotate_secret",
        id_prefix=ID_PREFIX,
        handler=rotate_secret,
        scope=Scope.WEBHOOKS_WRITE,
        summary="Change the secret of a webhook endpoint",
        description="Until the overlap ends every message carries two signatures, the new secret's first.",
        body=Rotation,
        answer=EndpointWithSecret,
        errors=(*_CHANGE_ERRORS, NotFoundError, IdempotencyMismatchError),
        may_have_key=True,
        tag="webhooks",
    ),
    TenantEndpoint(
        method="GET",
        path=f"{_PATH}/{{id}}/deliveries",
        id_prefix=ID_PREFIX,
        handler=list_deliveries,
        scope=Scope.WEBHOOKS_READ,
        summary="See what became of an endpoint's events",
        query=DeliveryQuery,
        answer=DeliveryList,
        errors=writing.LIST_ERRORS,
        tag="webhooks",
    ),
    TenantEndpoint(
        method="POST",
        path=f"{_PATH}/{{id}}/replay",
        id_prefix=ID_PREFIX,
        handler=replay,
        scope=Scope.WEBHOOKS_WRITE,
        summary="Send events again",
        description=f"At most {REPLAY_EVENTS_MAX} at once, the oldest first.",
        body=Replay,
        answer=Replayed,
        errors=(*_CHANGE_ERRORS, NotFoundError),
        tag="webhooks",
    ),
)
