"""Events over HTTP."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from api.rest import resource, writing
from api.rest.body import json_response, read_json
from api.rest.endpoint import TenantEndpoint, read_query
from api.services import Services
from pycore.errors import InvalidStateError, LedgerUnavailableError, NotFoundError
from pycore.events import EventView
from pycore.events.event import ID_PREFIX, checked_types, parse_resource_id
from pycore.merchants import Caller, Scope
from pycore.payments.sample import trigger


class EventQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events: oldest first, to catch up, or newest first, to look back."""

    limit: Annotated[int, Meta(ge=1, le=resource.LIMIT_MAX, description="At most so many.")] = resource.LIMIT_DEFAULT
    starting_after: Annotated[
        str | None, Meta(description="The id of the last event you have; none: from the beginning of the order.")
    ] = None
    types: Annotated[str | None, Meta(description="Only of these types, with commas between.")] = None
    resource_id: Annotated[
        str | None, Meta(description="Only what happened to this payment, refund or withdrawal.")
    ] = None
    reversed: Annotated[bool, Meta(description="Newest first; starting_after then asks for older ones.")] = False


class EventList(msgspec.Struct, frozen=True):
    """Events in the order asked for; ``has_more``: there are more now, after the last one."""

    data: list[EventView]
    has_more: bool


class NewEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event to make up."""

    type: Annotated[str, Meta(description="One of the types of docs/events.md.", examples=["payment.succeeded"])]


_TRIGGER: Final = msgspec.json.Decoder(NewEvent)


async def read(services: Services, caller: Caller, request: Request) -> Response:
    """Return one event."""
    event = await services.outbox.log.get(caller.tenant, resource.path_id(request, ID_PREFIX))
    return json_response(event.view())


async def list_all(services: Services, caller: Caller, request: Request) -> Response:
    """Return events."""
    query = read_query(request, EventQuery)
    log, after = services.outbox.log, 0
    if query.starting_after is not None:
        last = resource.read_typed_id(query.starting_after, ID_PREFIX, "starting_after")
        after = (await log.get(caller.tenant, last)).sequence
    events = await log.read(
        caller.tenant,
        after=after,
        types=checked_types(query.types.split(","), "types") if query.types else (),
        resource_id=None if query.resource_id is None else parse_resource_id(query.resource_id),
        limit=query.limit + 1,
        reversed=query.reversed,
    )
    return json_response(EventList([each.view() for each in events[: query.limit]], len(events) > query.limit))


async def create_sample(services: Services, caller: Caller, request: Request) -> Response:
    """Make an event of something that never was."""
    new = await read_json(request, _TRIGGER)
    event = await trigger(services.ledger, services.outbox.log, caller.tenant, new.type)
    return json_response(event.view())


ENDPOINTS: Final = (
    TenantEndpoint(
        method="GET",
        path="/v1/events",
        handler=list_all,
        scope=Scope.EVENTS_READ,
        summary="List events",
        description="In the order they became durable: who has seen one has missed none before it.",
        query=EventQuery,
        answer=EventList,
        errors=writing.LIST_ERRORS,
        tag="events",
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/events/{id}",
        id_prefix=ID_PREFIX,
        handler=read,
        scope=Scope.EVENTS_READ,
        summary="Read one event",
        answer=EventView,
        errors=(NotFoundError, LedgerUnavailableError),
        tag="events",
    ),
    TenantEndpoint(
        method="POST",
        path="/v1/test_helpers/events",
        handler=create_sample,
        scope=Scope.WEBHOOKS_WRITE,
        summary="Make up an event, in test mode",
        description="It is told like any other; what it tells of does not exist.",
        body=NewEvent,
        answer=EventView,
        errors=(*writing.ERRORS, *writing.CHANGE_ERRORS, InvalidStateError),
        tag="events",
    ),
)
