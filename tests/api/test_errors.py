"""The one table of errors: complete, and the same behind both doors."""

import inspect
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc import aio

from api import errors
from api.app import Doors
from pycore import errors as library
from pycore.client import LedgerClient
from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.client._generated.pycore.ledger.v1.ledger_pb2_grpc import LedgerServiceStub
from pycore.errors import PycoreError
from pycore.ledger import Transfer
from tests.api.door import to_the_end
from tests.api.services import services_without_database

AT_START_ONLY = {
    "ConfigurationError",
    "DataFolderInUseError",
    "DatabaseStartError",
    "JournalDamagedError",
    "JournalKeyError",
    "JournalVersionError",
    "LedgerInUseError",
    "MigrationError",
    "StateMismatchError",
    "VaultKeyError",
}
# Of the vault, which no door uses yet.
BEHIND_NO_DOOR = {"InvalidCardError", "InvalidPersonalDataError", "SealRefusedError", "SealedValueError"}


def error_types(module: Any) -> list[type[PycoreError]]:
    found = [each for _, each in inspect.getmembers(module, inspect.isclass) if issubclass(each, PycoreError)]
    return [each for each in found if each not in {PycoreError, library.RetryLaterError}]


def make(kind: type[PycoreError]) -> PycoreError:
    if issubclass(kind, library.RetryLaterError):
        return kind(retry_after_ms=1500)
    return kind()


TRANSIENT = [make(kind) for kind in errors.OUTSIDE]


def test_every_error_has_its_line() -> None:
    known = {each.__name__ for each in (*error_types(library), *error_types(errors))}
    assert {each.__name__ for each in errors.OUTSIDE} == known - AT_START_ONLY - BEHIND_NO_DOOR
    assert len({each.code for each in errors.OUTSIDE}) == len(errors.OUTSIDE)


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: error.code)
def test_the_rich_status(error: PycoreError) -> None:
    status = errors.rpc_status(error)
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == (error.code.upper(), "ledger.pycore")
    assert status.message == str(error)
    delay_ms = errors.retry_after_ms(error)
    assert (len(status.details) == 2) is (delay_ms is not None)
    if delay_ms is not None:
        retry = RetryInfo()
        assert status.details[1].Unpack(retry)
        assert retry.retry_delay.ToMilliseconds() == delay_ms


class BrokenLedger:
    """A ledger whose every call ends with the error at hand."""

    refusal = None
    error: BaseException = PycoreError()

    def enqueue(self, *_: Any, **__: Any) -> Any:
        raise self.error

    lookup_accounts_records = enqueue


@pytest.fixture
def ledger() -> Any:
    return BrokenLedger()


@pytest.fixture
async def doors(ledger: Any) -> AsyncIterator[Doors]:
    doors = Doors(services_without_database(ledger))
    await doors.open("127.0.0.1:0", "127.0.0.1:0")
    yield doors
    await doors.close(1)


ONE = {"transfers": [{"id": "1", "amount": 1}]}
# A name, a secret and a path: none may leave the process.
DEFECT = ValueError("postgresql://user:hunter2@db/ledger at /srv/secret.py")


@pytest.mark.parametrize("error", [*TRANSIENT, DEFECT], ids=lambda error: getattr(error, "code", "defect"))
async def test_both_doors_say_the_same(
    ledger: Any, rpc: LedgerServiceStub, session: aiohttp.ClientSession, error: Exception
) -> None:
    ledger.error = error
    public = error if isinstance(error, PycoreError) else errors.InternalError()
    outside = errors.OUTSIDE[type(public)]
    with pytest.raises(aio.AioRpcError) as caught:
        await rpc.CreateTransfers(ledger_pb2.CreateTransfersRequest(transfers=[ledger_pb2.Transfer()]))
    assert (caught.value.code(), caught.value.details()) == (outside.rpc, str(public))
    call = rpc.StreamTransfers()
    await call.write(ledger_pb2.StreamTransfersRequest(transfers=[ledger_pb2.Transfer()]))
    if not isinstance(error, library.LedgerOverloadedError):  # a full queue slows a stream down
        assert await to_the_end(call) == ([], outside.rpc)
        assert await call.details() == str(public)
    call.cancel()

    async with session.post("/v1/ledger/transfers", json=ONE) as response:
        problem = await response.json(content_type="application/problem+json")
        assert response.status == problem["status"] == outside.http
        assert (problem["reason"], problem["detail"]) == (public.code, str(public))
        assert problem.get("retry_after_ms") == errors.retry_after_ms(public)
        assert ("retry-after" in response.headers) is (problem.get("retry_after_ms") is not None)
        assert "hunter2" not in await response.text()


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: error.code)
async def test_the_client_raises_what_the_ledger_would(ledger: Any, doors: Doors, error: PycoreError) -> None:
    ledger.error = error
    if isinstance(error, errors.MalformedRequestError):
        expected: type[Exception] = library.InvalidRecordsError
    elif type(error).__module__ == "api.errors":
        expected = PycoreError
    else:
        expected = type(error)
    async with LedgerClient(doors.grpc_address, timeout_seconds=0.5) as client:
        with pytest.raises(expected) as caught:
            await client.create_transfers([Transfer(id=1)])
    if isinstance(error, library.LedgerOverloadedError):
        assert caught.value.retry_after_ms == 1500  # type: ignore[attr-defined]


async def test_a_call_to_nobody_leaves_the_outcome_open_only_for_writes() -> None:
    async with LedgerClient("127.0.0.1:1", timeout_seconds=0.3) as client:
        with pytest.raises(library.OutcomeUnknownError, match="cannot be reached"):
            await client.create_transfers([Transfer(id=1)])
        with pytest.raises(library.LedgerUnavailableError):
            await client.lookup_accounts([1])


def test_codes_of_grpc_are_known() -> None:
    assert all(isinstance(each.rpc, grpc.StatusCode) for each in errors.OUTSIDE.values())


def test_the_guide_lists_every_reason_with_its_status() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+ \| \d+) \|", guide, re.MULTILINE))
    over_http_only = {
        "method_not_allowed", "unsupported_media_type", "request_timeout", "outcome_pending",
    }  # fmt: skip
    for kind, outside in errors.OUTSIDE.items():
        rpc = "–" if kind.code in over_http_only else outside.rpc.name
        assert rows.pop(kind.code) == f"{rpc} | {outside.http.value}"
    assert set(rows) == {"headers_too_large"}
