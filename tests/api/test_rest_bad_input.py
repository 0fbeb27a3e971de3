"""Everything a caller can get wrong over HTTP: a 4xx with a stable reason, at once, and nothing recorded."""

import asyncio
import gzip
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from aiohttp import ClientSession

from api.app import Doors
from pycore.ledger import Ledger

JSON = {"content-type": "application/json"}
TRANSFERS = "/v1/ledger/transfers"
GOOD = '{"id":"7","debit_account_id":"1","credit_account_id":"2","amount":"1","ledger":1,"code":1}'


def one(**replaced: str) -> bytes:
    """A request with one transfer, one of its values replaced by raw JSON."""
    fields = {
        "id": '"7"', "debit_account_id": '"1"', "credit_account_id": '"2"', "amount": '"1"', "ledger": "1", "code": "1"
    } | replaced  # fmt: skip
    text = ",".join(f'"{name}":{value}' for name, value in fields.items())
    return f'{{"transfers":[{{{text}}}]}}'.encode("utf-8", "surrogatepass")


@pytest.fixture
def session(operator_session: ClientSession) -> ClientSession:
    return operator_session


@pytest.fixture(autouse=True)
async def unchanged(ledger: Ledger) -> Any:
    before = ledger.state_hash(), ledger.stats().lsn
    yield
    assert (ledger.state_hash(), ledger.stats().lsn) == before


async def refusal(session: ClientSession, path: str, body: Any, headers: dict[str, str] = JSON) -> tuple[int, str]:
    data = BytesIO(body) if isinstance(body, bytes) else body
    async with asyncio.timeout(10), session.post(path, data=data, headers=headers) as response:
        problem = await response.json(content_type="application/problem+json")
        assert problem["status"] == response.status
        assert problem["title"]
        assert problem["detail"]
        return response.status, problem["reason"]


MALFORMED = {
    "empty": b"",
    "space": b"   ",
    "null": b"null",
    "list": b"[]",
    "no field": b"{}",
    "no item": b'{"transfers":[]}',
    "an item that is none": b'{"transfers":[1]}',
    "half": b'{"transfers":[{"id":"7"',
    "two values": b'{"transfers":[' + GOOD.encode() + b']}{"transfers":[]}',
    "byte order mark": b"\xef\xbb\xbf" + one(),
    "utf-16": one().decode().encode("utf-16"),
    "latin-1": one(id='"é"').decode().encode("latin-1"),
    "lone surrogate, escaped": one(id='"\\ud800"'),
    "lone surrogate, raw": one(id='"\ud800"'),
    "NUL, escaped": one(id='"7\\u0000"'),
    "NUL, raw": one(id='"7\0"'),
    "deep list": b"[" * 100_000,
    "deep object": b'{"transfers":' * 100_000,
    "deep inside": one(amount="[" * 2000 + "]" * 2000),
    "unknown field": one(tip="1"),
    "unknown field at the top": b'{"transfers":[' + GOOD.encode() + b'],"dry_run":true}',
    "repeated field": b'{"transfers":[' + GOOD.replace('"1"', '"1","amount":"2"', 1).encode() + b"]}",
    "repeated field, same value": one(**{'amount":"1","amount': '"1"'}),
    "repeated field, escaped": one(**{'amount":"1","\\u0061mount': '"1"'}),
    "repeated list": b'{"transfers":[' + GOOD.encode() + b'],"transfers":[]}',
    "id as number": one(id="7"),
    "id missing": GOOD.replace('"id":"7",', "").join(['{"transfers":[', "]}"]).encode(),
    "id empty": one(id='""'),
    "id of 10 KB": one(id='"' + "7" * 10_000 + '"'),
    "id of 2^128": one(id=f'"{2**128}"'),
    "id negative": one(id='"-7"'),
    "id with spaces": one(id='" 7 "'),
    "id with CRLF": one(id='"7\\r\\nx-header: 1"'),
    "id with full-width digits": one(id='"７"'),
    "id with emoji": one(id='"😀"'),
    "id in braces": one(id='"{00000000-0000-0000-0000-000000000007}"'),
    "amount NaN": one(amount="NaN"),
    "amount Infinity": one(amount="Infinity"),
    "amount -Infinity": one(amount="-Infinity"),
    "amount 1e309": one(amount="1e309"),
    "amount 1e3": one(amount="1e3"),
    "amount 1.0": one(amount="1.0"),
    "amount 1.10": one(amount="1.10"),
    "amount 01": one(amount="01"),
    "amount +1": one(amount="+1"),
    "amount -1": one(amount="-1"),
    "amount -0": one(amount="-0.0"),
    "amount 0x1": one(amount="0x1"),
    "amount 1_000": one(amount='"1_000"'),
    "amount true": one(amount="true"),
    "amount null": one(amount="null"),
    "amount list": one(amount="[1]"),
    "amount object": one(amount="{}"),
    "amount 2^128": one(amount=str(2**128)),
    "amount 2^128 as text": one(amount=f'"{2**128}"'),
    "amount of 10,000 digits": one(amount="9" * 10_000),
    "amount of 10,000 digits as text": one(amount='"' + "9" * 10_000 + '"'),
    "amount 1.10 as text": one(amount='"1.10"'),
    "amount 01 as text": one(amount='"01"'),
    "amount -1 as text": one(amount='"-1"'),
    "amount NaN as text": one(amount='"NaN"'),
    "amount full-width": one(amount='"１２"'),
    "amount arabic digits": one(amount='"١٢"'),
    "amount empty": one(amount='""'),
    "amount with a line break": one(amount='"1\\n"'),
    "ledger as text": one(ledger='"1"'),
    "ledger 2^32": one(ledger=str(2**32)),
    "ledger -1": one(ledger="-1"),
    "code 2^16": one(code=str(2**16)),
    "code 1.5": one(code="1.5"),
    "flags unknown": one(flags='["paid"]'),
    "flags 2^16": one(flags=str(2**16)),
    "flags as text": one(flags='"pending"'),
    "timeout 2^32": one(timeout=str(2**32)),
    "user_data_64 2^64": one(user_data_64=str(2**64)),
    "user_data_32 2^32": one(user_data_32=str(2**32)),
    "timestamp -1": one(timestamp="-1"),
}


async def test_a_malformed_body_is_refused(session: ClientSession) -> None:
    answers = {name: await refusal(session, TRANSFERS, body) for name, body in MALFORMED.items()}
    assert answers == dict.fromkeys(MALFORMED, (400, "malformed_request"))


async def test_every_endpoint_with_a_body_is_as_strict(session: ClientSession) -> None:
    for path in (TRANSFERS, "/v1/ledger/accounts", f"{TRANSFERS}/lookup", "/v1/ledger/accounts/lookup"):
        for body in (b"", b"[]", b"{}", b'{"ids":[]}', b'{"ids":["x"]}', b'{"ids":["1"],"ids":["1"]}', b"[" * 100_000):
            assert await refusal(session, path, body) == (400, "malformed_request"), (path, body[:20])


OTHER_TYPES: list[dict[str, str]] = [
    {"content-type": "text/plain"},
    {"content-type": "application/x-www-form-urlencoded"},
    {"content-type": "application/jsonp"},
    {"content-type": ""},
    {**JSON, "content-encoding": "gzip"},
    {**JSON, "content-encoding": "br"},
    {**JSON, "content-encoding": "identity, gzip"},
]


async def test_other_types_and_encodings_are_refused(session: ClientSession) -> None:
    for headers in OTHER_TYPES:
        assert await refusal(session, TRANSFERS, one(), headers) == (415, "unsupported_media_type"), headers


async def test_a_gzip_bomb_is_not_unpacked(session: ClientSession) -> None:
    bomb = gzip.compress(b"[" * (64 << 20))
    assert len(bomb) < 1 << 20
    assert await refusal(session, TRANSFERS, bomb, {**JSON, "content-encoding": "gzip"}) == (
        415,
        "unsupported_media_type",
    )
    assert await refusal(session, TRANSFERS, bomb) == (400, "malformed_request")


async def test_64_mb_are_refused_by_their_announced_length(session: ClientSession) -> None:
    assert await refusal(session, TRANSFERS, b" " * (64 << 20)) == (413, "request_too_large")


async def test_64_mb_are_refused_while_they_arrive(session: ClientSession) -> None:
    async def pieces() -> Any:
        for _ in range(1024):
            yield b" " * (64 << 10)

    assert await refusal(session, TRANSFERS, pieces()) == (413, "request_too_large")


async def test_one_too_many_is_refused(session: ClientSession) -> None:
    transfers = b'{"transfers":[' + b",".join([GOOD.encode()] * 8191) + b"]}"
    assert await refusal(session, TRANSFERS, transfers) == (413, "request_too_large")
    ids = b'{"ids":[' + b",".join([b'"1"'] * 8191) + b"]}"
    assert await refusal(session, f"{TRANSFERS}/lookup", ids) == (413, "request_too_large")


QUERIES = [
    "limit=0", "limit=-1", f"limit={2**31}", "limit=8191", "limit=", "limit=x", "limit=1.5", "limit=1&limit=2",
    "limit=%EF%BC%91", "timestamp_min=-1", f"timestamp_min={2**63}", "timestamp_min=1e9", "debits=maybe",
    "cursor=abc", "code=65536", "user_data_128=zzz", f"user_data_32={2**32}", f"user_data_64={2**64}",
    "%00=1", "limit=1%00",
]  # fmt: skip


async def refused_get(session: ClientSession, path: str) -> tuple[int, str]:
    async with session.get(path) as response:
        return response.status, (await response.json(content_type=None)).get("reason", "")


async def test_a_malformed_query_is_refused(session: ClientSession) -> None:
    paths = [f"/v1/ledger/accounts/1/{what}?{query}" for what in ("transfers", "balances") for query in QUERIES]
    answers = {path: await refused_get(session, path) for path in paths}
    assert answers == dict.fromkeys(paths, (400, "malformed_request"))


async def test_a_query_that_can_find_nothing_is_refused(session: ClientSession) -> None:
    for what in ("transfers", "balances"):
        for query in ("timestamp_min=2&timestamp_max=1", "debits=false&credits=false"):
            path = f"/v1/ledger/accounts/1/{what}?{query}"
            assert await refused_get(session, path) == (400, "invalid_records"), path


async def test_a_malformed_id_in_the_path_is_refused(session: ClientSession) -> None:
    for id in ("x", "-1", f"{2**128}", "%00", "%F0%9F%98%80", "%ff", "1%0d%0ax:1", "１"):
        for path in (f"/v1/ledger/accounts/{id}", f"{TRANSFERS}/{id}", f"/v1/ledger/accounts/{id}/transfers"):
            assert await refused_get(session, path) == (400, "malformed_request"), path


async def test_what_does_not_exist_is_not_found(session: ClientSession) -> None:
    for path in (
        "/v1/ledger/accounts/404",
        f"{TRANSFERS}/404",
        "/v1/ledger/accounts/1/nothing",
        "/v2",
        "/../etc/passwd",
    ):
        async with session.get(path) as response:
            assert (response.status, (await response.json(content_type=None))["reason"]) == (404, "not_found")


async def test_methods_that_a_path_does_not_have(session: ClientSession) -> None:
    for method in ("PUT", "PATCH", "DELETE", "GET"):
        async with session.request(method, TRANSFERS) as response:
            assert (response.status, (await response.json(content_type=None))["reason"]) == (405, "method_not_allowed")
            assert response.headers["allow"] == "POST"


async def test_a_malformed_deadline_is_refused(session: ClientSession) -> None:
    for value in ("x", "-1", "1.5", "", "１"):
        headers = {**JSON, "request-timeout-ms": value}
        assert await refusal(session, TRANSFERS, one(), headers) == (400, "malformed_request"), value


async def test_a_deadline_that_has_passed_starts_nothing(session: ClientSession) -> None:
    assert await refusal(session, TRANSFERS, one(), {**JSON, "request-timeout-ms": "0"}) == (408, "deadline_exceeded")


async def raw(doors: Doors, request: bytes, seconds: float = 10) -> bytes:
    host, port = doors.http_address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), seconds)
    finally:
        writer.close()


def head(*headers: bytes, line: bytes = b"GET /healthz HTTP/1.1") -> bytes:
    return b"\r\n".join([line, b"host: localhost", b"connection: close", *headers, b"", b""])


REQUESTS = {
    "10,000 headers": (head(*[b"h%d: 1" % number for number in range(10_000)]), b"431"),
    "101 headers": (head(*[b"h%d: 1" % number for number in range(101)]), b"431"),
    "a long header": (head(b"h: " + b"x" * 20_000), b"431"),
    "a long path": (head(line=b"GET /" + b"x" * 20_000 + b" HTTP/1.1"), b"431"),
    "no HTTP": (b"\x16\x03\x01\x02\x00" * 20, b"400"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400"),
    "header without name": (head(b": 1"), b"400"),
    "header with NUL": (head(b"h: a\0b"), b"400"),
    "bare line feed in a header": (head(b"h: a\nx y z"), b"400"),
    "negative length": (head(b"content-length: -1", line=b"POST /v1/ledger/transfers HTTP/1.1"), b"400"),
    "two lengths": (
        head(b"content-length: 1", b"content-length: 2", line=b"POST /v1/ledger/transfers HTTP/1.1"),
        b"400",
    ),
    "length and chunks": (
        head(b"content-length: 5", b"transfer-encoding: chunked", line=b"POST /v1/ledger/transfers HTTP/1.1")
        + b"0\r\n\r\n",
        b"400",
    ),
    "a huge length": (
        head(b"content-length: 99999999999999999999", line=b"POST /v1/ledger/transfers HTTP/1.1"),
        b"400",
    ),
    "a broken chunk": (
        head(
            b"content-type: application/json",
            b"transfer-encoding: chunked",
            line=b"POST /v1/ledger/transfers HTTP/1.1",
        )
        + b"zz\r\n",
        b"400",
    ),
    "an unknown method": (head(line=b"PAY /healthz HTTP/1.1"), b"400"),
    "an asterisk": (head(line=b"OPTIONS * HTTP/1.1"), b"4"),
}


async def test_what_is_no_request_is_refused(doors: Doors) -> None:
    for name, (request_bytes, status) in REQUESTS.items():
        answer = await raw(doors, request_bytes)
        assert answer.startswith(b"HTTP/1.1 " + status), (name, answer[:200])


async def test_a_header_that_never_ends_is_cut_off_before_it_fills_memory(doors: Doors) -> None:
    host, port = doors.http_address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nh: ")
    # The answer may be lost with the connection: it is closed while we are still sending.
    sent = 0
    with suppress(ConnectionError):
        while sent < 64 << 20 and not reader.at_eof():
            writer.write(b"x" * 4096)
            await writer.drain()
            await asyncio.sleep(0)
            sent += 4096
    assert sent < 16 << 20
    writer.close()


async def test_a_request_that_never_ends_is_cut_off(
    doors: Doors, operator_secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.limits.HTTP_HEAD_SECONDS_MAX", 0.3)
    monkeypatch.setattr("api.limits.HTTP_GRACE_SECONDS", 0.3)
    assert await raw(doors, b"GET /healthz HTT", 5) == b""
    assert await raw(doors, b"", 5) == b""
    key = f"authorization: Bearer {operator_secret}".encode()
    post = b"POST /v1/ledger/transfers HTTP/1.1"
    slow = head(b"content-type: application/json", b"content-length: 9", key, line=post)
    assert (await raw(doors, slow + b"{", 5)).startswith(b"HTTP/1.1 408")


async def test_the_limit_on_requests_under_way(session: ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.rest.app.HTTP_CONCURRENCY_MAX", 0)
    async with session.get("/v1/ledger/trial_balance") as response:
        assert response.status == 429
        assert response.headers["retry-after"] == "1"
        assert (await response.json(content_type=None))["reason"] == "ledger_overloaded"
    for path in ("/healthz", "/readyz"):
        async with session.get(path) as response:
            assert response.status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/ledger/trial_balance"), ("GET", "/v1/ledger/accounts/1"), ("POST", TRANSFERS), ("GET", "/metrics")],
)
async def test_s10_a_query_is_refused_where_none_is_defined(session: ClientSession, method: str, path: str) -> None:
    """A misspelt filter passed for none on paths that define no query parameter at all."""
    async with session.request(method, f"{path}?limit=1", data=one(), headers=JSON) as response:
        assert (response.status, (await response.json())["reason"]) == (400, "malformed_request")
    async with session.get("/healthz?verbose") as response:
        assert response.status == 200
