"""``pycore.events.v1.EventService``: what happened, asked for or listened to."""

import asyncio
from contextlib import aclosing
from typing import Any, Final

import grpc

from api.rpc.calls import Context, authorized, fail, tenant_caller, watched
from api.rpc.calls import message as read_message
from api.rpc.payment_messages import parsed, read_id
from api.services import Services
from pycore.client._generated.pycore.events.v1 import events_pb2 as pb
from pycore.errors import InvalidRequestError, LedgerUnavailableError
from pycore.events import Event
from pycore.events.event import ID_PREFIX, checked_types, parse_resource_id
from pycore.merchants import Caller, Scope
from pycore.payments.sample import trigger

SERVICE_NAME: Final = pb.DESCRIPTOR.services_by_name["EventService"].full_name
LAST_EVENT_ID: Final = "last-event-id"
_PAGE_SIZE: Final = 20
_PAGE_SIZE_MAX: Final = 100


class EventService:
    """The event service's methods."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.stopping = asyncio.Event()
        """Once set, streams end with UNAVAILABLE: their callers begin again elsewhere."""

    async def list_events(self, request: bytes, _context: Context, caller: Caller) -> bytes:
        """Return a page of events."""
        message = parsed(pb.ListEventsRequest, request)
        size = message.page_size or _PAGE_SIZE
        if not 1 <= size <= _PAGE_SIZE_MAX:
            raise InvalidRequestError(f"page_size: must be 1 to {_PAGE_SIZE_MAX}")
        events = await self._services.outbox.log.read(
            caller.tenant,
            after=await self._place(caller, message.after_event_id) if message.after_event_id else 0,
            types=checked_types(message.types, "types"),
            resource_id=parse_resource_id(message.resource_id) if message.resource_id else None,
            limit=size + 1,
            reversed=message.reversed,
        )
        page = pb.ListEventsResponse(events=map(_write, events[:size]), has_more=len(events) > size)
        return page.SerializeToString()

    async def get_event(self, request: bytes, _context: Context, caller: Caller) -> bytes:
        """Return one event."""
        event = await self._services.outbox.log.get(
            caller.tenant, read_id(ID_PREFIX, parsed(pb.GetEventRequest, request).id)
        )
        return pb.GetEventResponse(event=_write(event)).SerializeToString()

    async def trigger_event(self, request: bytes, _context: Context, caller: Caller) -> bytes:
        """Make an event of a payment that never was."""
        type = parsed(pb.TriggerEventRequest, request).type
        event = await trigger(self._services.ledger, self._services.outbox.log, caller.tenant, type)
        return pb.TriggerEventResponse(event=_write(event)).SerializeToString()

    async def stream_events(self, context: Context) -> None:
        """Tell of events as they become durable, until the caller goes or the server stops."""
        telling = asyncio.ensure_future(self._tell(context))
        stopping = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait((telling, stopping), return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                await telling
            raise LedgerUnavailableError("the server is stopping: begin again after the last event", retry_after_ms=500)
        except Exception as error:
            await fail(context, error)
        finally:
            telling.cancel()
            stopping.cancel()

    async def _tell(self, context: Context) -> None:
        caller = await self._may_read(context, 0)
        message = parsed(pb.StreamEventsRequest, await read_message(context))
        types = checked_types(message.types, "types")
        if message.from_now and message.after_event_id:
            raise InvalidRequestError("from_now, after_event_id: give one of them")
        last = await self._services.outbox.log.last(caller.tenant) if message.from_now else None
        after = await self._place(caller, message.after_event_id) if message.after_event_id else 0
        await context.send_initial_metadata(((LAST_EVENT_ID, last.public_id if last is not None else ""),))
        after = after if last is None else last.sequence
        async with aclosing(self._services.outbox.log.follow(caller.tenant, after=after, types=types)) as events:
            async for event in events:
                await context.write(pb.StreamEventsResponse(event=_write(event)).SerializeToString())

    async def _place(self, caller: Caller, id: str) -> int:
        """Return the sequence of an event. Raises NotFoundError."""
        return (await self._services.outbox.log.get(caller.tenant, read_id(ID_PREFIX, id))).sequence

    async def _may_read(self, context: Context, requests: int) -> Caller:
        return await tenant_caller(self._services.access, Scope.EVENTS_READ, context, requests)

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the service as gRPC takes it: every method by its name in the .proto file, and the scope it needs."""
        access = self._services.access
        methods = {
            "ListEvents": (Scope.EVENTS_READ, self.list_events),
            "GetEvent": (Scope.EVENTS_READ, self.get_event),
            "TriggerEvent": (Scope.WEBHOOKS_WRITE, self.trigger_event),
        }
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            name: grpc.stream_unary_rpc_method_handler(authorized(access, scope, method))
            for name, (scope, method) in methods.items()
        }
        handlers["StreamEvents"] = grpc.stream_stream_rpc_method_handler(
            watched(access, self._may_read, self.stream_events)
        )
        return grpc.method_handlers_generic_handler(SERVICE_NAME, handlers)


def _write(event: Event) -> pb.Event:
    message = pb.Event(
        id=event.public_id,
        type=event.type,
        live=event.tenant.live,
        resource_id=event.public_resource_id,
        data_json=event.data.decode(),
    )
    message.timestamp.FromMicroseconds(event.created_at // 1000)
    return message
