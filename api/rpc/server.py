"""The gRPC server: the ledger's service, and what an operator's tools ask for (health, reflection, channelz)."""

import asyncio
from contextlib import suppress
from functools import partial

import grpc
from grpc import aio
from grpc_channelz.v1 import channelz, channelz_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH_NAME
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection

from api import limits
from api.rpc.bounds import CallBounds
from api.rpc.calls import operator_allowed
from api.rpc.events import SERVICE_NAME as EVENTS_NAME
from api.rpc.events import EventService
from api.rpc.ledger import SERVICE_NAME, LedgerService
from api.rpc.payments import SERVICE_NAME as PAYMENTS_NAME
from api.rpc.payments import PaymentService
from api.services import Services
from pycore.merchants import OperatorScope

CHANNELZ_NAME = channelz_pb2.DESCRIPTOR.services_by_name["Channelz"].full_name
_HEALTH_SECONDS = 0.1

_OPTIONS = (
    ("grpc.max_receive_message_length", limits.MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", limits.MESSAGE_BYTES_MAX),
    ("grpc.max_metadata_size", limits.RPC_METADATA_BYTES_MAX),
    ("grpc.absolute_max_metadata_size", limits.RPC_METADATA_BYTES_MAX),
    ("grpc.max_concurrent_streams", limits.RPC_STREAMS_PER_CONNECTION_MAX),
    # Two servers on one port would share its calls; the second has to fail.
    ("grpc.so_reuseport", 0),
    ("grpc.max_allowed_incoming_connections", limits.RPC_CONNECTIONS_MAX),
    ("grpc.server_handshake_timeout_ms", limits.RPC_HANDSHAKE_SECONDS_MAX * 1000),
    ("grpc.max_connection_idle_ms", limits.RPC_IDLE_SECONDS_MAX * 1000),
    ("grpc.server.max_pending_requests", limits.RPC_PENDING_CALLS_MAX // 2),
    ("grpc.server.max_pending_requests_hard_limit", limits.RPC_PENDING_CALLS_MAX),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.enable_channelz", 1),
    # A compressed message is unpacked before its size is known, so none is taken: a small bomb would fill memory.
    ("grpc.compression_enabled_algorithms_bitset", 1),
)


class RpcServer:
    """One gRPC server in the running event loop."""

    def __init__(self, services: Services, credentials: grpc.ServerCredentials | None = None) -> None:
        """``credentials`` make it speak TLS; without them it speaks plain HTTP/2."""
        self._ledger = services.ledger
        self._credentials = credentials
        self._service = LedgerService(services)
        self._payments = PaymentService(services)
        self._events = EventService(services)
        self._health = health.HealthServicer()
        # Who calls through which connection is an operator's to know.
        operators = partial(operator_allowed, services.access, OperatorScope.METRICS_READ)
        self._bounds = CallBounds(services.access.proxies, {CHANNELZ_NAME: operators}, apart=frozenset({HEALTH_NAME}))
        self._server = aio.server(interceptors=(self._bounds,), options=_OPTIONS)
        self._server.add_generic_rpc_handlers(
            (self._service.handler(), self._payments.handler(), self._events.handler())
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        channelz.add_channelz_servicer(self._server)
        names = (SERVICE_NAME, PAYMENTS_NAME, EVENTS_NAME, HEALTH_NAME, CHANNELZ_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self._watcher: asyncio.Task[None] | None = None

    async def start(self, address: str) -> str:
        """Listen on ``host:port`` (port 0: any that is free) and return the address. Raises OSError."""
        try:
            if self._credentials is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, self._credentials)
        except RuntimeError as error:
            raise OSError(f"cannot listen for gRPC on {address}: {error}") from error
        await self._server.start()
        self._watcher = asyncio.create_task(self._watch(), name="rpc-health")
        return f"{address.rpartition(':')[0]}:{port}"

    async def stop(self, seconds: float) -> None:
        """Take nothing new, finish what was accepted; what is not done after ``seconds`` is cut off."""
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
        await self._health.enter_graceful_shutdown()
        self._service.stopping.set()
        self._payments.stopping.set()
        self._events.stopping.set()
        await self._server.stop(seconds)

    async def _watch(self) -> None:
        """Tell balancers the truth: SERVING only while the ledger can write."""
        shown: object = None
        while True:
            status = health_pb2.HealthCheckResponse.SERVING
            if self._ledger.refusal is not None:
                status = health_pb2.HealthCheckResponse.NOT_SERVING
            if status != shown:
                shown = status
                for name in ("", SERVICE_NAME, PAYMENTS_NAME, EVENTS_NAME):
                    await self._health.set(name, status)
            await asyncio.sleep(_HEALTH_SECONDS)
