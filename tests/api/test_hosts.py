"""Which names the HTTP door answers to, and whose pages may call it."""

import asyncio
import json

import pytest
from starlette.types import Scope

from api.app import Doors
from api.cashier.page import is_return
from api.errors import ForeignOriginError, MisdirectedRequestError
from api.hosts import Hosts


def asked(host: str, origin: str | None = None) -> Scope:
    headers = [(b"host", host.encode()), *([] if origin is None else [(b"origin", origin.encode())])]
    return {"type": "http", "method": "POST", "path": "/v1/payments", "headers": headers}


@pytest.fixture
def hosts() -> Hosts:
    hosts = Hosts(["pay.example.com", "10.0.0.7:7480"])
    hosts.add_address("127.0.0.1:7480")
    return hosts


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:7480", "localhost:7480", "LOCALHOST:7480", "[::1]:7480", "Pay.example.com:443", "10.0.0.7:7480"],
)
def test_s1_our_own_names_are_answered(hosts: Hosts, host: str) -> None:
    hosts.check(asked(host), from_anywhere=False)
    hosts.check(asked(host, f"https://{host}"), from_anywhere=False)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost:7481", "pay.example.com:7480", "10.0.0.7", "127.0.0.1:7480@evil.example"],
)
def test_s1_a_foreign_host_is_refused(hosts: Hosts, host: str) -> None:
    # DNS rebinding: evil.example led to 127.0.0.1, and its page asked there in the name of the browser's machine.
    with pytest.raises(MisdirectedRequestError):
        hosts.check(asked(host), from_anywhere=False)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", "http://localhost:3000", "localhost:7480"])
def test_s1_a_page_of_another_site_is_refused(hosts: Hosts, origin: str) -> None:
    with pytest.raises(ForeignOriginError):
        hosts.check(asked("localhost:7480", origin), from_anywhere=False)
    hosts.check(asked("localhost:7480", origin), from_anywhere=True)


def test_s1_only_the_page_payers_come_back_to_takes_forms_from_elsewhere() -> None:
    assert is_return({"method": "POST", "path": "/pay/token"})
    for path in ("/pay/token/choose", "/pay/s/token/order", "/v1/payments"):
        assert not is_return({"method": "POST", "path": path})


async def answer_to(doors: Doors, path: str, *headers: str, version: str = "1.1") -> tuple[int, str | None]:
    """Return the status, and the reason where it is a problem."""
    host, _, port = doors.http_address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write("\r\n".join([f"GET {path} HTTP/{version}", *headers, "connection: close", "", ""]).encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), json.loads(body)["reason"] if b"problem+json" in head else None


async def test_s10_requests_without_one_host_of_ours_are_refused_before_anything_else(doors: Doors) -> None:
    ours, evil = f"host: {doors.http_address}", "host: evil.example"
    for path in ("/v1/payments", "/openapi.json", "/", "/nowhere", "/pay/token/state", "/metrics"):
        assert await answer_to(doors, path, evil) == (421, "misdirected_request")
        assert await answer_to(doors, path) == (400, "malformed_request")
        assert await answer_to(doors, path, version="1.0") == (400, "malformed_request")
        assert await answer_to(doors, path, ours, ours) == (400, "malformed_request")
        assert await answer_to(doors, path, ours, evil) == (400, "malformed_request")
        assert await answer_to(doors, path, ours, "origin: https://evil.example") == (403, "foreign_origin")
    assert await answer_to(doors, "/openapi.json", ours, f"origin: http://{doors.http_address}") == (200, None)
    assert await answer_to(doors, "/healthz", evil) == (200, None)
