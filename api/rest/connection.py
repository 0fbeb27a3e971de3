"""One HTTP connection: uvicorn's protocol, with an end to everything a peer can make us keep or wait for.

Uvicorn parses all that has arrived and queues the requests. Here one request is parsed when the one before it is
answered and that answer is on its way; until then bytes wait as they came, and no more are read.
"""

import asyncio
from typing import Final

import httptools
import msgspec
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api import limits
from api.errors import HeadersTooLargeError, MalformedRequestError, RequestTimeoutError
from api.request_id import REQUEST_ID, new_request_id
from api.rest.connections import Connections
from api.rest.problem import Problem, problem_of
from pycore.errors import LedgerOverloadedError

_TOO_LARGE: Final = problem_of(HeadersTooLargeError())
_MALFORMED: Final = problem_of(MalformedRequestError("this is not an HTTP/1.1 request"))
_TOO_SLOW: Final = problem_of(RequestTimeoutError())
_TOO_MUCH: Final = problem_of(
    LedgerOverloadedError(
        "too many requests arrive at once; nothing was recorded, come back later", retry_after_ms=1000
    )
)
_REQUEST_ID: Final = REQUEST_ID.encode()
_HEAD_END: Final = b"\r\n\r\n"
_BODY_PIECE_BYTES_MIN: Final = 64
"""A body full of line ends must not be parsed four bytes at a time. What follows a body holds three heads at most."""
_COUNTED_BYTES_MIN: Final = 4096
"""What waits of a connection is counted from here on: of all connections less is less than 16 MiB."""
_NEVER: Final = float("inf")


class _JoinedWrites(asyncio.Transport):
    """A transport whose writes of one turn of the event loop leave in one piece.

    Uvicorn writes a response's head and its body apart; each would be a system call of its own and wake the caller.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes | bytearray | memoryview] = []
        # What is only handed on.
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]
        self.get_write_buffer_size = transport.get_write_buffer_size  # type: ignore[method-assign]
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.is_reading = transport.is_reading  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]
        self.abort = transport.abort  # type: ignore[method-assign]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        # A connection that was cut meanwhile takes nothing: uvloop raises where asyncio only warns.
        if self._pieces and not self._transport.is_closing():
            self._transport.write(b"".join(self._pieces))
        self._pieces.clear()


class _Flow(FlowControl):
    """Uvicorn's flow control, which reads nothing while something waits to be parsed."""

    is_held = False

    def resume_reading(self) -> None:
        if not self.is_held:
            super().resume_reading()

    def hold(self, is_held: bool) -> None:
        self.is_held = is_held
        if is_held:
            self.pause_reading()
        else:
            self.resume_reading()


class Connection(HttpToolsProtocol):
    """One connection of the HTTP door, TLS or not.

    Attributes:
        has_begun: whether requests can come: with TLS, once it shook hands.
        origin: the address it counts for; None: a trusted proxy's.
        waiting_bytes: what waits to be parsed or answered, as ``Connections`` last heard.
    """

    # Not in the instance's dict, which with uvicorn's own attributes would be too long for the fast kind.
    __slots__ = (
        "_body_bytes",
        "_connections",
        "_data",
        "_handshake",
        "_head_bytes",
        "_is_receiving",
        "_leave_until",
        "_place",
        "_receive_until",
        "_receiving_since",
        "_too_large",
        "_unfinished_bytes",
        "has_begun",
        "origin",
        "waiting_bytes",
    )
    flow: _Flow

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        self._connections = connections
        state = ServerState()
        state.connections = connections.open  # type: ignore[assignment]
        super().__init__(config, state, {})
        self._handshake: asyncio.Task[None] | None = None
        self.has_begun = False
        self.origin: str | None = None
        self.waiting_bytes = 0
        self._data = b""
        """What was received, parsed as far as ``_place``."""
        self._place = 0
        self._body_bytes = 0
        """Of the request that is answered."""
        self._is_receiving = False
        """Whether the head or body of a request has begun and not ended."""
        self._receiving_since = 0.0
        self._receive_until = _NEVER
        """Loop time at which the request must have arrived, as far as its bytes so far allow."""
        self._leave_until = _NEVER
        """Loop time at which a reply must have been taken, or the closed connection be gone."""
        self._head_bytes = 0
        self._unfinished_bytes: int | None = None
        """Bytes received since the head of a request began, or None while there is none to wait for."""
        self._too_large = False

    @property
    def is_answering(self) -> bool:
        """Whether a whole request has arrived and its answer has not begun to leave."""
        # Uvicorn declares the cycle as always there, but begins without one.
        return bool(self.cycle) and not self.cycle.response_complete and not self._is_receiving

    def admit(self, address: str, handshake: asyncio.Task[None] | None = None) -> bool:
        """Count it for ``address``, and return whether it may stay. ``handshake`` is what is waited for before TLS."""
        self._handshake = handshake
        return self._connections.add(self, address)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection in, or turn it away; one with TLS was admitted before it shook hands."""
        if self._handshake is None and not self.admit(transport.get_extra_info("peername")[0]):
            transport.abort()
            return
        self._receive_until = self.loop.time() + limits.HTTP_HEAD_SECONDS_MAX
        super().connection_made(_JoinedWrites(transport, self.loop))
        self.flow = _Flow(self.transport)
        self.has_begun = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what it held."""
        self._connections.remove(self)
        self._data, self._place = b"", 0
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Keep what has come, and parse it as far as it is its turn."""
        self._data = self._data[self._place :] + data if self._place < len(self._data) else data
        self._place = 0
        self._parse()

    def pause_writing(self) -> None:
        """Note that a reply is not taken; nothing more is parsed or read until it is."""
        size = self.transport.get_write_buffer_size()
        self._leave_until = self.loop.time() + limits.HTTP_GRACE_SECONDS + size / limits.HTTP_BYTES_PER_SECOND_MIN
        super().pause_writing()
        self._connections.is_unread(self, size)

    def resume_writing(self) -> None:
        """Go on with what waited."""
        self._leave_until = _NEVER
        self._connections.is_read(self)
        super().resume_writing()
        self._parse()

    def on_message_begin(self) -> None:
        """Begin to count a request."""
        self._head_bytes = 0
        self._unfinished_bytes = 0
        self._is_receiving = True
        self._receiving_since = self.loop.time()
        self._receive_until = self._receiving_since + limits.HTTP_HEAD_SECONDS_MAX
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count the request line."""
        self._head_bytes += len(url)
        if self._head_bytes > limits.HTTP_HEADER_BYTES_MAX:
            self._refuse_size()
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > limits.HTTP_HEADER_BYTES_MAX or len(self.headers) >= limits.HTTP_HEADERS_MAX:
            self._refuse_size()
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Name the request and hand it on; its body may still be on the way."""
        self._unfinished_bytes = None
        id = new_request_id()
        self.scope[REQUEST_ID] = id  # type: ignore[typeddict-unknown-key]
        self.server_state.default_headers = [(_REQUEST_ID, id.encode())]
        self._receive_until = self._receiving_since + limits.HTTP_GRACE_SECONDS
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count a part of the body, which buys time for the next."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is there."""
        self._is_receiving = False
        self._receive_until = _NEVER
        super().on_message_complete()
        if self.cycle.response_complete:
            self._await_next()

    def on_response_complete(self) -> None:
        """Go on with the next request."""
        self._body_bytes = 0
        if self.pipeline:
            super().on_response_complete()
        elif not self.transport.is_closing():
            self.flow.resume_reading()
            if not self._is_receiving:
                self._await_next()
        if self._place < len(self._data) or self.waiting_bytes:
            self._parse()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, or too much of one, and close."""
        del msg
        self._refuse(_TOO_LARGE if self._too_large else _MALFORMED)

    def shutdown(self) -> None:
        """Finish what has arrived; what has not is not waited for."""
        if self._is_receiving or not self.has_begun:
            self.abort()
        else:
            super().shutdown()

    def look_at_clock(self, now: float) -> None:
        """Cut off a peer that sends or takes too slowly; a handshake has a clock of its own."""
        if not self.has_begun:
            return
        if self._leave_until < now:
            self.abort()
        elif self._receive_until < now and self._receive_until + self._bought_seconds() < now:
            self._receive_until = _NEVER
            self._give_up(_TOO_SLOW)
        elif self._leave_until is _NEVER and self.transport.is_closing():
            self._leave_until = now + limits.HTTP_GRACE_SECONDS

    def _await_next(self) -> None:
        """Wait for the next request. Uvicorn would set and cancel a timer for each; the sweep looks at it here."""
        self._receive_until = self.loop.time() + self.timeout_keep_alive

    def _bought_seconds(self) -> float:
        """Return what the bytes of the body so far add to the time it may take."""
        longest = limits.HTTP_RECEIVE_SECONDS_MAX - limits.HTTP_GRACE_SECONDS
        return min(self._body_bytes / limits.HTTP_BYTES_PER_SECOND_MIN, longest)

    def refuse_load(self) -> None:
        """Turn away what has arrived: it is more than anybody else keeps here, and all of it is too much."""
        self._data, self._place = b"", 0
        self._give_up(_TOO_MUCH)
        self._connections.set_waiting(self, 0)

    def abort(self) -> None:
        """End it at once; what was written and not taken is lost."""
        self._connections.remove(self)
        if self.has_begun:
            self.transport.abort()
        elif self._handshake is not None:
            self._handshake.cancel()

    def _parse(self) -> None:
        """Parse what has arrived as far as it is its turn."""
        data, place = self._data, self._place
        length = len(data)
        while place < length and self._may_parse():
            end = data.find(_HEAD_END, place + _BODY_PIECE_BYTES_MIN if self._is_receiving else place)
            end = length if end < 0 else end + 4
            self._feed(data[place:end])
            place = end
        if self.transport.is_closing():
            data = b""
        self._data, self._place = data, place
        waits = max(len(data) - place, 0)
        kept = self._body_bytes + waits
        if kept > _COUNTED_BYTES_MIN or self.waiting_bytes:
            self._connections.set_waiting(self, kept)
        if self.flow.is_held is not (waits > 0) and not self.transport.is_closing():
            self.flow.hold(waits > 0)

    def _may_parse(self) -> bool:
        return (
            (self._is_receiving or not bool(self.cycle) or self.cycle.response_complete)
            and not self.pipeline
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def _feed(self, piece: bytes) -> None:
        if self._unfinished_bytes is not None:
            self._unfinished_bytes += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            pass  # Another protocol is offered, and not taken.
        except httptools.HttpParserError:
            self.send_400_response("")
        # The parser keeps a header to itself until it is complete, so one that never is has to be noticed here.
        if (self._unfinished_bytes or 0) > limits.HTTP_HEADER_BYTES_MAX and not self.transport.is_closing():
            self._too_large = True
            self.send_400_response("")

    def _give_up(self, problem: Problem) -> None:
        """Answer where the answer to the request has not begun, and close."""
        if bool(self.cycle) and not self.cycle.response_complete and not self.cycle.response_started:
            self._refuse(problem)
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer and close: after this the two sides no longer agree where a request begins."""
        id = new_request_id()
        content = msgspec.json.encode(msgspec.structs.replace(problem, request_id=id))
        head = (
            f"HTTP/1.1 {problem.status} {problem.title}\r\ncontent-type: application/problem+json\r\n"
            f"{REQUEST_ID}: {id}\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + content)
        self.transport.close()

    def _refuse_size(self) -> None:
        self._too_large = True
        raise ValueError("the headers are too large")
