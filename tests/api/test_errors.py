"""The one table of errors: complete, and the same behind both doors."""

import inspect
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, LocalizedMessage, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import aio

from api import error_table, errors
from api.app import Doors
from api.language import chosen_language
from pycore import errors as library
from pycore.client import LedgerClient
from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.errors import PycoreError
from pycore.ledger import Transfer
from tests.api.door import to_the_end
from tests.api.services import ANYBODY, services_without_database
from tests.api.stub import Stub

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
    assert {each.__name__ for each in errors.OUTSIDE} == known - AT_START_ONLY
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


def details(error: aio.AioRpcError, kind: Any) -> list[Any]:
    """Return the details of one kind that a failed call carries."""
    status = Status.FromString(dict(error.trailing_metadata() or ())["grpc-status-details-bin"])
    found = [kind() for detail in status.details if detail.Is(kind.DESCRIPTOR)]
    packed = [detail for detail in status.details if detail.Is(kind.DESCRIPTOR)]
    return [each for each, detail in zip(found, packed, strict=True) if detail.Unpack(each)]


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
def operator_secret() -> str:
    return ANYBODY


@pytest.fixture
def session(operator_session: aiohttp.ClientSession) -> aiohttp.ClientSession:
    return operator_session


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
    ledger: Any, rpc: Stub, session: aiohttp.ClientSession, error: Exception
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
async def test_the_client_raises_what_the_ledger_would(
    ledger: Any, doors: Doors, error: PycoreError, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No second try fits in: one that the end of the time meets on its way would leave the outcome open.
    monkeypatch.setattr("pycore.client.server._DELAY_SECONDS_MIN", 10.0)
    ledger.error = error
    if isinstance(error, errors.MalformedRequestError):
        expected: type[Exception] = library.InvalidRecordsError
    elif type(error).__module__ == "api.errors":
        expected = PycoreError
    else:
        expected = type(error)
    async with LedgerClient(doors.grpc_address, timeout_seconds=10, api_key=ANYBODY) as client:
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


def test_the_document_of_errors_is_up_to_date() -> None:
    assert error_table.FILE.read_text() == error_table.table(), "run `make docs`"


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: error.code)
async def test_people_are_told_in_their_language(
    ledger: Any, rpc: Stub, session: aiohttp.ClientSession, error: PycoreError
) -> None:
    ledger.error = error
    chinese = errors.OUTSIDE[type(error)].chinese
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    for accepted, text in (("zh-CN,zh;q=0.9,en;q=0.8", chinese), ("en-GB", str(error)), ("fr, *;q=0.1", str(error))):
        headers = {"accept-language": accepted}
        async with session.post("/v1/ledger/transfers", json=ONE, headers=headers) as response:
            assert (await response.json(content_type=None))["detail"] == text
        with pytest.raises(aio.AioRpcError) as caught:
            await rpc.LookupAccounts(
                ledger_pb2.LookupAccountsRequest(ids=[ledger_pb2.Uint128(low=1)]), metadata=tuple(headers.items())
            )
        [localized] = details(caught.value, LocalizedMessage)
        assert localized.message == text
        assert caught.value.details() == str(error)


def test_what_is_said_of_one_request_is_kept_beside_the_chinese() -> None:
    error = library.InvalidRequestError("limit must be 1 to 100")
    assert errors.told(error, "zh") == "请求中有字段无效；未记录任何内容：请更正（limit must be 1 to 100）"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"), ("", "en"), ("zh", "zh"), ("ZH-hant;q=0.5", "zh"), ("en;q=0.4, zh;q=0.5", "zh"), ("zh;q=0", "en"),
        ("zh;q=x", "en"), ("de", "en"), ("zh;q=nan", "en"), ("," * 10_000, "en"), ("zhen", "en"), ("*", "en"),
    ],
)  # fmt: skip
def test_languages(accepted: str | None, language: str) -> None:
    assert chosen_language(accepted) == language
