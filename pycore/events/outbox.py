"""The outbox: everything between an event that became durable and those who are told of it."""

from __future__ import annotations

from typing import Self

from pycore.events.delivery import Deliveries
from pycore.events.dispatcher import WebhookDispatcher
from pycore.events.log import EventLog
from pycore.events.sender import WebhookSender
from pycore.events.tail import EventTail
from pycore.events.target import TargetGuard
from pycore.events.watch import ResourceWatch
from pycore.events.webhook_endpoint import WebhookEndpoints
from pycore.ledger import Ledger
from pycore.vault import Vault


class Outbox:
    """The log, the webhook endpoints and what sends to them; ``async with`` runs it.

    Args:
        ledger: whose writer writes the events.
        vault: seals the endpoints' secrets.
        allow_loopback: let endpoints of test mode be on this machine.
    """

    def __init__(self, ledger: Ledger, vault: Vault, *, allow_loopback: bool = False) -> None:
        pool = ledger.store.pool
        self._ledger = ledger
        self._guard = TargetGuard(allow_loopback=allow_loopback)
        self._tail = EventTail(pool)
        self._sender = WebhookSender(self._guard)
        self.log = EventLog(pool, self._tail)
        self.watch = ResourceWatch(pool, self._tail)
        self.endpoints = WebhookEndpoints(pool, vault, self._guard)
        self.deliveries = Deliveries(pool)
        self.dispatcher = WebhookDispatcher(pool, self._tail, self.endpoints, self.deliveries, self._sender)

    async def __aenter__(self) -> Self:
        self._tail.start()
        self._ledger.call_after_rows(self._tail.tell)
        await self._sender.__aenter__()
        self.dispatcher.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ledger.call_after_rows(None)
        await self.dispatcher.close()
        await self.watch.close()
        await self._sender.__aexit__()
        await self._tail.close()
        await self._guard.close()
