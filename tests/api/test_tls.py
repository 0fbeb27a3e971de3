"""Both doors over TLS, with real clients: what they accept, and what they turn away."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import ClientConnectionError, ClientSession, TCPConnector

from api import limits
from api.app import Doors
from api.services import Services
from api.tls import Tls
from pycore.client import LedgerClient, TlsCredentials, tls_credentials
from pycore.config import ServerSettings, split_address
from pycore.errors import (
    ConfigurationError,
    LedgerUnavailableError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from pycore.ledger import Account, CreateAccountStatus, Transfer
from tests.api.command import pycore
from tests.api.keys import tenant_key
from tests.api.server_process import running


class Authority:
    """A certificate authority that lives for one test, and what it has signed."""

    def __init__(self, folder: Path, name: str) -> None:
        self.authority = trustme.CA()
        self.ca = folder / f"{name}-ca.pem"
        self.certificate, self.key = folder / f"{name}.pem", folder / f"{name}-key.pem"
        self.authority.cert_pem.write_to_path(self.ca)
        signed = self.authority.issue_cert("127.0.0.1", "localhost")
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in signed.cert_chain_pems))
        signed.private_key_pem.write_to_path(self.key)

    def credentials(self, own: "Authority | None" = None) -> TlsCredentials:
        return tls_credentials(self.ca, own.certificate, own.key) if own else tls_credentials(self.ca)

    def context(self, own: "Authority | None" = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca)
        if own is not None:
            context.load_cert_chain(own.certificate, own.key)
        return context


@pytest.fixture
def server_side(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "server")


@pytest.fixture
def client_side(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "client")


@asynccontextmanager
async def serving(services: Services, server: Authority, clients: Authority | None = None) -> AsyncIterator[Doors]:
    settings = ServerSettings(
        tls_certificate_file=str(server.certificate),
        tls_key_file=str(server.key),
        tls_client_ca_file=str(clients.ca) if clients else None,
    )
    doors = Doors(services, Tls.configured(settings))
    await doors.open("127.0.0.1:0", "127.0.0.1:0")
    try:
        yield doors
    finally:
        await doors.close(5)


async def status_of(doors: Doors, context: ssl.SSLContext) -> int:
    async with (
        ClientSession(connector=TCPConnector(ssl=context)) as session,
        session.get(f"{doors.http_url}/healthz") as response,
    ):
        return response.status


async def test_both_doors_speak_tls(services: Services, server_side: Authority) -> None:
    async with serving(services, server_side) as doors:
        key = (await tenant_key(services, None)).secret
        async with LedgerClient(doors.grpc_address, credentials=server_side.credentials(), api_key=key) as client:
            [result] = await client.create_accounts([Account(id=1, ledger=156, code=1)])
            assert result.status is CreateAccountStatus.CREATED
        assert await status_of(doors, server_side.context()) == 200
        code, output, _ = await pycore(
            *("account", "1", "--server", doors.grpc_address),
            PYCORE_CLIENT_TLS_CA_FILE=str(server_side.ca),
            PYCORE_CLIENT_API_KEY=key,
        )
        assert (code, "156" in output) == (0, True)


async def test_a_caller_without_tls_or_with_another_authority_is_turned_away(
    services: Services, server_side: Authority, client_side: Authority
) -> None:
    async with serving(services, server_side) as doors:
        for credentials in (None, client_side.credentials()):
            async with LedgerClient(doors.grpc_address, timeout_seconds=0.5, credentials=credentials) as client:
                with pytest.raises(LedgerUnavailableError):
                    await client.trial_balance()
        with pytest.raises(ClientConnectionError):
            await status_of(doors, client_side.context())
        async with ClientSession() as session:
            with pytest.raises(ClientConnectionError):
                await session.get(f"http://{doors.http_address}/healthz")


async def test_nothing_older_than_tls_1_3(database_dsn: str, tmp_path: Path, server_side: Authority) -> None:
    environment = {
        "PYCORE_SERVER_TLS_CERTIFICATE_FILE": str(server_side.certificate),
        "PYCORE_SERVER_TLS_KEY_FILE": str(server_side.key),
    }
    async with running(database_dsn, tmp_path, **environment) as server:
        for address, protocol in ((server.grpc, "h2"), (server.http, "http/1.1")):
            host, port = split_address(address)
            context = server_side.context()
            context.set_alpn_protocols([protocol])
            _, writer = await asyncio.open_connection(host, port, ssl=context)
            assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
            writer.transport.abort()
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection(host, port, ssl=context)
        assert f"https://{server.http}" in server.lines[-1]
        assert await server.stop() == 0


async def test_s3_a_connection_that_shakes_no_hands_is_counted_and_ends(
    services: Services, server_side: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections that send nothing, or no TLS, cost nobody their place for long."""
    monkeypatch.setattr(limits, "HTTP_HEAD_SECONDS_MAX", 0.3)
    monkeypatch.setattr(limits, "HTTP_CONNECTIONS_PER_ADDRESS_MAX", 2)
    async with serving(services, server_side) as doors:
        host, port = split_address(doors.http_address)
        silent = [await asyncio.open_connection(host, port) for _ in range(2)]
        reader, beyond = await asyncio.open_connection(host, port)
        async with asyncio.timeout(0.2):
            assert await _end_of(reader) == b""
        async with asyncio.timeout(10):
            for quiet, _ in silent:
                assert await _end_of(quiet) == b""
        assert await status_of(doors, server_side.context()) == 200
        for writer in (beyond, *(writer for _, writer in silent)):
            writer.close()


async def _end_of(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the end, which may be a reset."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_client_certificates(services: Services, server_side: Authority, client_side: Authority) -> None:
    async with serving(services, server_side, client_side) as doors:
        known = server_side.credentials(client_side)
        key = (await tenant_key(services, None)).secret
        async with LedgerClient(doors.grpc_address, credentials=known, api_key=key) as client:
            assert await client.trial_balance() == []
        assert await status_of(doors, server_side.context(client_side)) == 200

        for stranger in (None, server_side):
            credentials = server_side.credentials(stranger)
            async with LedgerClient(doors.grpc_address, timeout_seconds=0.5, credentials=credentials) as client:
                with pytest.raises(LedgerUnavailableError):
                    await client.trial_balance()
            with pytest.raises((ClientConnectionError, ssl.SSLError)):
                await status_of(doors, server_side.context(stranger))


def test_files_that_cannot_be_used_are_named(tmp_path: Path, server_side: Authority, client_side: Authority) -> None:
    missing, nonsense = tmp_path / "missing.pem", tmp_path / "nonsense.pem"
    nonsense.write_text("no certificate")
    for certificate, key, ca in (
        (missing, server_side.key, None),
        (server_side.certificate, missing, None),
        (server_side.certificate, client_side.key, None),
        (nonsense, server_side.key, None),
        (server_side.certificate, server_side.key, missing),
        (server_side.certificate, server_side.key, nonsense),
    ):
        settings = ServerSettings(
            tls_certificate_file=str(certificate), tls_key_file=str(key), tls_client_ca_file=str(ca) if ca else None
        )
        with pytest.raises(ConfigurationError, match="does not listen"):
            Tls.configured(settings)
    assert Tls.configured(ServerSettings()) is None


async def test_beyond_this_machine_the_ledger_needs_an_operators_key(
    database_dsn: str, tmp_path: Path, server_side: Authority
) -> None:
    environment = {
        "PYCORE_SERVER_TLS_CERTIFICATE_FILE": str(server_side.certificate),
        "PYCORE_SERVER_TLS_KEY_FILE": str(server_side.key),
    }
    where = ("--dsn", database_dsn, "--data", str(tmp_path))
    async with running(database_dsn, tmp_path, **environment) as server:
        _, output, _ = await pycore("key", "create", "--scope", "ledger:read", "--json", *where)
        secret = json.loads(output)["secret"]
        credentials = server_side.credentials()
        async with LedgerClient(server.grpc, credentials=credentials, timeout_seconds=5) as client:
            with pytest.raises(UnauthenticatedError):
                await client.trial_balance()
        async with LedgerClient(server.grpc, credentials=credentials, api_key=secret, timeout_seconds=5) as client:
            assert await client.trial_balance() == []
            with pytest.raises(PermissionDeniedError, match="ledger:write"):
                await client.create_accounts([Account(id=1, ledger=156, code=1)])
            with pytest.raises(PermissionDeniedError, match="ledger:write"):
                async for _ in client.stream_transfers([[Transfer(id=1)]]):
                    pass
        code, _, _ = await pycore(
            "trial-balance",
            "--server",
            server.grpc,
            PYCORE_CLIENT_TLS_CA_FILE=str(server_side.ca),
            PYCORE_CLIENT_API_KEY=secret,
        )
        assert code == 0
        assert await server.stop() == 0
