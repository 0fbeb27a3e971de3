"""Callbacks: written down with the payment they tell of, sent until the merchant takes them or the schedule ends."""

from typing import Protocol

import aiohttp
from msgspec import Struct

from api.sandbox.core.agenda import Agenda
from api.sandbox.core.clock import DAY_MS, Clock
from api.sandbox.core.fault import NOTICE_KINDS, FaultKind, Faults, Operation
from api.sandbox.core.order import Notice, Order, Refund, Task
from api.sandbox.core.store import Store

_TASK = "notice"
_REORDERED_MS = (60_000, 600_000)
_DUPLICATE_AFTER_MS = 1000
_MERCHANT_SECONDS = 5.0
"""How long a merchant's server may take to answer, in real time."""
_ANSWER_BYTES_MAX = 4096


class Letter(Struct, frozen=True):
    """One try of a callback as it goes over the wire: a POST; ``taken_by`` is what its answer must hold."""

    headers: dict[str, str]
    body: bytes
    taken_by: bytes = b""


class Postman(Protocol):
    """How one protocol writes callbacks and takes their answers."""

    resend_after_ms: tuple[int, ...]
    """How long after each failed try the next one follows, in simulated time."""

    def write(self, notice: Notice, order: Order, refund: Refund | None, *, is_forged: bool) -> Letter:
        """Return the callback, with a signature that does not fit where ``is_forged``."""

    def is_taken(self, status: int, body: bytes) -> bool:
        """Return whether the merchant's answer ends the tries."""


class Notices:
    """The callbacks of all protocols."""

    def __init__(self, store: Store, clock: Clock, agenda: Agenda, faults: Faults) -> None:
        self._store = store
        self._clock = clock
        self._agenda = agenda
        self._faults = faults
        self._postmen: dict[str, Postman] = {}
        self._session: aiohttp.ClientSession | None = None
        agenda.register(_TASK, self._send)

    def register(self, protocol: str, postman: Postman) -> None:
        """Say who writes a protocol's callbacks."""
        self._postmen[protocol] = postman

    async def open(self) -> None:
        """Get ready to send."""
        timeout = aiohttp.ClientTimeout(total=_MERCHANT_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Stop sending."""
        if self._session is not None:
            await self._session.close()

    def owe(self, order: Order, refund: Refund | None = None, *, url: str) -> None:
        """Write a callback down, in the transaction of what it tells of; without an address there is none."""
        if not url:
            return
        now = self._clock.now_ms()
        reference = order.reference if refund is None else refund.reference
        hits = self._faults.hits(NOTICE_KINDS, Operation.NOTICE, order.protocol, reference)
        id = self._store.next_id(Notice)
        notice = Notice(
            id=id,
            protocol=order.protocol,
            order_id=order.id,
            refund_id=0 if refund is None else refund.id,
            url=url,
            number=f"{order.token[:16]}{id:016x}",
            created_at=now,
            is_forged=FaultKind.BAD_SIGNATURE in hits,
        )
        self._store.put(notice)
        if FaultKind.NOTICE_LOST in hits:
            return
        due_at = now
        if (hit := hits.get(FaultKind.NOTICE_REORDERED)) is not None:
            shortest, longest = _REORDERED_MS
            due_at += shortest + int(hit.chance * (longest - shortest))
        if FaultKind.NOTICE_LATE in hits:
            due_at += DAY_MS
        self._agenda.add(due_at, _TASK, id)
        if FaultKind.NOTICE_DUPLICATED in hits:
            self._agenda.add(due_at + _DUPLICATE_AFTER_MS, _TASK, id)

    async def _send(self, task: Task) -> None:
        notice = self._store.get(Notice, task.target)
        assert notice is not None
        order = self._store.get(Order, notice.order_id)
        assert order is not None
        refund = self._store.get(Refund, notice.refund_id) if notice.refund_id else None
        postman = self._postmen[notice.protocol]
        letter = postman.write(notice, order, refund, is_forged=notice.is_forged and task.tries == 0)
        is_taken, answer = await self._post(postman, notice.url, letter)
        now = self._clock.now_ms()
        current = self._store.get(Notice, notice.id)
        assert current is not None
        current.tries += 1
        current.last_answer = answer
        current.delivered_at = current.delivered_at or (now if is_taken else 0)
        with self._store.transaction():
            self._store.put(current)
            self._store.drop_task(task.id)
            if not is_taken and task.tries < len(postman.resend_after_ms):
                self._agenda.add(now + postman.resend_after_ms[task.tries], _TASK, notice.id, task.tries + 1)

    async def _post(self, postman: Postman, url: str, letter: Letter) -> tuple[bool, str]:
        """Return whether the merchant took it, and what is to be remembered of the answer."""
        assert self._session is not None
        try:
            async with self._session.post(
                url, data=letter.body, headers=letter.headers, allow_redirects=False
            ) as response:
                body = await response.content.read(_ANSWER_BYTES_MAX)
                is_taken = letter.taken_by in body and postman.is_taken(response.status, body)
                return is_taken, f"HTTP {response.status}"
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return False, f"no answer ({type(error).__name__})"
