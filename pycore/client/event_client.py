"""The typed async client of ``pycore.events.v1.EventService``."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC
from typing import Final

import msgspec
from grpc import aio

from pycore.client._generated.pycore.events.v1 import events_pb2 as pb
from pycore.client.credentials import TlsCredentials
from pycore.client.failure import Failure
from pycore.client.server import Client, Server
from pycore.events import EventView

SERVICE: Final = "pycore.events.v1.EventService"
TIMEOUT_SECONDS: Final = 10.0
_LAST_EVENT_ID: Final = "last-event-id"
_DELAY_SECONDS_MIN: Final = 0.05
_DELAY_SECONDS_MAX: Final = 5.0


class EventClient(Client):
    """What happens to one merchant's payments, in the mode of its key.

    ``async with EventClient("127.0.0.1:7400", api_key="sk_test_…") as events``. Raises, from every method:
    UnauthenticatedError, PermissionDeniedError, MerchantDisabledError (the key), InvalidRequestError, NotFoundError.
    """

    def __init__(
        self,
        address: str,
        *,
        api_key: str,
        timeout_seconds: float = TIMEOUT_SECONDS,
        credentials: TlsCredentials | None = None,
    ) -> None:
        """``address`` is ``host:port``; ``credentials`` (``tls_credentials(…)``) are for a server that speaks TLS."""
        super().__init__(Server(address, timeout_seconds, credentials, api_key))
        self._trigger = self._server.method(f"/{SERVICE}/TriggerEvent")

    async def trigger(self, type: str) -> EventView:
        """Make an event of a payment that never was, in test mode.

        Raises, besides: InvalidStateError (the key is a live one), and what ``PaymentClient`` raises from its writes.
        """
        request = pb.TriggerEventRequest(type=type).SerializeToString()
        response = await self._server.call(self._trigger, request, writes=True)
        return _view(pb.TriggerEventResponse.FromString(response).event)

    async def listen(
        self, *, after: str | None = None, types: Sequence[str] = (), from_now: bool = False
    ) -> AsyncGenerator[EventView, None]:
        """Yield events as they become durable, each once and in order, until the caller stops asking.

        A stream that breaks is begun again after the last event, for as long as it takes.

        Args:
            after: the id of the last event you have; None: from the oldest.
            types: only of these; none: all.
            from_now: begin with what happens next; not with ``after``.
        """
        request = pb.StreamEventsRequest(after_event_id=after or "", types=types, from_now=from_now)
        delay = _DELAY_SECONDS_MIN
        while True:
            call = self._server.listen(f"/{SERVICE}/StreamEvents", request.SerializeToString())
            try:
                if request.from_now:
                    # Found out once: should the stream break now, the next one begins where this one did.
                    last = dict(await call.initial_metadata()).get(_LAST_EVENT_ID, "")
                    request.from_now, request.after_event_id = False, str(last)
                async for response in call:
                    event = pb.StreamEventsResponse.FromString(response).event
                    yield _view(event)
                    request.after_event_id, delay = event.id, _DELAY_SECONDS_MIN
            except aio.AioRpcError as error:
                failure = Failure(error)
                if not failure.is_retried:
                    raise failure.error from None
                delay = max(delay, failure.delay_seconds)
            finally:
                call.cancel()
            await asyncio.sleep(delay * random.uniform(1.0, 1.5))  # noqa: S311 - spreads those who begin again
            delay = min(delay * 2, _DELAY_SECONDS_MAX)


def _view(event: pb.Event) -> EventView:
    return EventView(
        id=event.id,
        type=event.type,
        timestamp=event.timestamp.ToDatetime(tzinfo=UTC),
        live=event.live,
        resource_id=event.resource_id,
        data=msgspec.Raw(event.data_json.encode()),
    )
