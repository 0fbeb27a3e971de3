"""A proxy between the ledger's writer and PostgreSQL that cuts the connection exactly around COMMIT.

It reads just enough of the protocol (PostgreSQL documentation: Frontend/Backend Protocol, Message Formats) to see the
statement that appends to the journal: that statement is a transaction of its own, so its reply is the COMMIT's reply.
Everything else passes untouched.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Self

_SSL_REQUEST = 80877103
_APPEND = b"INSERT INTO ledger_journal"
_PARSE, _BIND, _SYNC, _READY = b"P", b"B", b"S", b"Z"


class Cut(StrEnum):
    """Where the connection breaks."""

    BEFORE = "before"  # the statement never reaches PostgreSQL
    HALF_SENT = "half_sent"  # PostgreSQL gets the first half of it
    AFTER_SEND = "after_send"  # PostgreSQL gets it, nobody waits for the reply
    LATE = "late"  # PostgreSQL gets it only after the writer has come back on a new connection
    AFTER_REPLY = "after_reply"  # PostgreSQL committed and replied, the reply is lost


_LATE_SECONDS = 0.15


class _Message:
    """One message of the protocol, with its header."""

    def __init__(self, kind: bytes, raw: bytes) -> None:
        self.kind = kind
        self.raw = raw

    @property
    def text(self) -> list[bytes]:
        """The zero-terminated strings at its beginning, as many as a statement's name and text need."""
        return self.raw[5:].split(b"\0", 2)[:2]


class CuttingProxy:
    """Listens on a Unix socket and forwards to PostgreSQL's."""

    def __init__(self, socket: str, upstream: str) -> None:
        """Both are paths of Unix sockets."""
        self._socket = socket
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self._next: Cut | None = None
        self._away_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self.cuts = 0
        self.appends = 0

    def cut_next_append(self, cut: Cut) -> None:
        """Break the connection that carries the next append."""
        self._next = cut

    def stay_away(self, seconds: float) -> None:
        """Take no new connections for so long."""
        self._away_until = time.monotonic() + seconds

    @property
    def armed(self) -> bool:
        """Whether a cut is still to come."""
        return self._next is not None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._accept, self._socket)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if time.monotonic() < self._away_until:
            writer.transport.abort()
            return
        task = asyncio.create_task(_Session(self, reader, writer).run(self._upstream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take_cut(self) -> Cut | None:
        self.appends += 1
        cut, self._next = self._next, None
        if cut is not None:
            self.cuts += 1
        return cut


class _Session:
    """One connection through the proxy."""

    def __init__(self, proxy: CuttingProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._statements: set[bytes] = set()
        self._drop_reply = False

    async def run(self, upstream: str) -> None:
        """Forward both ways until one side ends."""
        server_reader, server_writer = await asyncio.open_unix_connection(upstream)
        back = asyncio.create_task(self._backward(server_reader))
        try:
            await self._forward(server_writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            back.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
                await back
            for writer in (self._writer, server_writer):
                writer.close()

    async def _forward(self, server: asyncio.StreamWriter) -> None:
        server.write(await self._startup())
        unit: list[_Message] = []
        async for message in _messages(self._reader):
            # A statement is sent as several messages; it runs when the last of them, Sync, arrives.
            unit.append(message)
            if message.kind not in (_SYNC, b"p", b"Q", b"X", b"H", b"c", b"d", b"f"):
                continue
            data = b"".join(each.raw for each in unit)
            cut = self._proxy._take_cut() if self._is_append(unit) else None
            unit.clear()
            if cut is not None:
                await self._break(cut, data, server)
                return
            server.write(data)
            await server.drain()

    async def _startup(self) -> bytes:
        """Return the first message, which alone has no type byte; decline encryption."""
        while True:
            head = await self._reader.readexactly(8)
            length, code = struct.unpack(">ii", head)
            rest = await self._reader.readexactly(length - 8)
            if code != _SSL_REQUEST:
                return head + rest
            self._writer.write(b"N")

    def _is_append(self, unit: list[_Message]) -> bool:
        """Return whether these messages run the append: its text, or the name under which it was prepared."""
        for message in unit:
            if message.kind == _PARSE:
                name, text = message.text
                if _APPEND in text:
                    self._statements.add(name)
                else:
                    self._statements.discard(name)
        bound = [message.text[1] for message in unit if message.kind == _BIND]
        return any(name in self._statements for name in bound)

    async def _break(self, cut: Cut, data: bytes, server: asyncio.StreamWriter) -> None:
        if cut is Cut.HALF_SENT:
            server.write(data[: len(data) // 2])
        elif cut is Cut.AFTER_SEND:
            server.write(data)
        elif cut is Cut.LATE:
            self._writer.transport.abort()
            await asyncio.sleep(_LATE_SECONDS)
            server.write(data)
        elif cut is Cut.AFTER_REPLY:
            self._drop_reply = True
            server.write(data)
            await self._writer.wait_closed()
        with contextlib.suppress(ConnectionError):
            await server.drain()
        self._writer.transport.abort()

    async def _backward(self, server: asyncio.StreamReader) -> None:
        async for message in _messages(server):
            if self._drop_reply:
                if message.kind == _READY:
                    self._writer.transport.abort()
                    return
                continue
            self._writer.write(message.raw)
            await self._writer.drain()
        self._writer.close()


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[_Message]:
    """Yield messages until the stream ends. Raises IncompleteReadError where it ends inside one."""
    while kind := await reader.read(1):
        length = await reader.readexactly(4)
        yield _Message(kind, kind + length + await reader.readexactly(struct.unpack(">i", length)[0] - 4))
