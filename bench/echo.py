"""The empty servers the front doors are compared with: same transport, same loop, same answer size, no ledger."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator

import grpc
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SERVICE = "bench.Echo"
# As long as the ledger's answer to one transfer: a time and a status.
GRPC_ANSWER = bytes.fromhex("0a0c09") + bytes(8) + bytes.fromhex("10d00f")
HTTP_ANSWER = b'{"results":[{"timestamp":"2026-01-01T00:00:00.000000000Z","status":"created"}]}'


async def serve_grpc(answer: bytes = GRPC_ANSWER) -> None:
    """Serve until SIGTERM; print the address first."""

    async def unary(_request: bytes, _context: object) -> bytes:
        return answer

    async def stream(requests: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
        async for _request in requests:
            yield answer

    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Stream": grpc.stream_stream_rpc_method_handler(stream),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await server.stop(0)


async def serve_http() -> None:
    """Serve until SIGTERM; print the address first."""

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(HTTP_ANSWER, media_type="application/json")

    app = Starlette(routes=[Route("/transfers", answer, methods=["POST"])])
    config = uvicorn.Config(app, port=0, log_level="critical", access_log=False, http="httptools", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    print(f"{host}:{port}", flush=True)
    await serving


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.echo")
    parser.add_argument("kind", choices=["grpc", "http"])
    parser.add_argument("--answer-size", type=int, default=len(GRPC_ANSWER), help="bytes of the gRPC answer")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        answer = GRPC_ANSWER.ljust(options.answer_size, b"\0")
        runner.run(serve_grpc(answer) if options.kind == "grpc" else serve_http())
