"""Bytes nobody meant to send: either door refuses them, or understands them as the published formats do.

The same few hundred examples each time; ``FUZZ_EXAMPLES=100000 pytest tests/api/test_fuzz.py`` looks for new ones.
"""

import asyncio
import contextlib
import json
import os
from typing import Any

import msgspec
import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from api.errors import OUTSIDE
from api.rest import account, transfer
from pycore import _core
from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.errors import PycoreError
from pycore.ledger.transfer import unpack_transfers
from tests.api.door import WIDE, message, number
from tests.api.services import services_without_database

LONG = os.environ.get("FUZZ_EXAMPLES")
EXAMPLES = settings(max_examples=int(LONG or 400), derandomize=LONG is None, deadline=None)

edges = st.sampled_from([0, 1, 2**16 - 1, 2**16, 2**31, 2**32 - 1, 2**63, 2**64 - 1, 2**64, 2**127, 2**128 - 1])
small = st.integers(0, 2**16 - 1)
fields = st.fixed_dictionaries(
    {},
    optional={
        "id": edges,
        "debit_account_id": edges,
        "credit_account_id": edges,
        "amount": edges,
        "pending_id": edges,
        "user_data_128": edges,
        "user_data_64": st.integers(0, 2**64 - 1),
        "user_data_32": st.integers(0, 2**32 - 1),
        "timeout": st.integers(0, 2**32 - 1),
        "ledger": st.integers(0, 2**32 - 1),
        "code": st.integers(0, 2**17),
        "flags": st.integers(0, 2**17),
        "timestamp": st.integers(0, 2**64 - 1),
    },
)


@st.composite
def mutated(draw: st.DrawFn, source: st.SearchStrategy[bytes]) -> bytes:
    """A good message with a few bytes changed, dropped or doubled."""
    data = bytearray(draw(source))
    for _ in range(draw(st.integers(0, 4))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        kind = draw(st.sampled_from(["change", "drop", "double", "cut"]))
        if kind == "change":
            data[at] = draw(st.integers(0, 255))
        elif kind == "drop":
            del data[at]
        elif kind == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 30))]
        else:
            del data[at:]
    return bytes(data)


def wire_bytes(values: list[dict[str, int]]) -> bytes:
    transfers = [message(ledger_pb2.Transfer, each) for each in values]
    return bytes(ledger_pb2.CreateTransfersRequest(transfers=transfers).SerializeToString())


@EXAMPLES
@given(st.one_of(st.binary(max_size=300), mutated(st.lists(fields, max_size=4).map(wire_bytes))))
@example(b"")
def test_rust_reads_protobuf_as_the_published_classes_do(request_bytes: bytes) -> None:
    try:
        expected: Any = ledger_pb2.CreateTransfersRequest.FromString(request_bytes).transfers
    except DecodeError:
        expected = None
    refusal, records = "", b""
    try:
        records = _core.decode_transfers(request_bytes)
    except ValueError as error:
        refusal = str(error)
    if refusal:
        # Stricter on purpose: numbers that no record holds, and known fields of a wrong type, which protobuf skips.
        too_wide = expected is not None and any(each.code > 65535 or each.flags > 65535 for each in expected)
        assert expected is None or too_wide or "invalid wire type" in refusal
        return
    assert expected is not None
    found = unpack_transfers(records)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        for name in msgspec.structs.asdict(ours):
            value = getattr(theirs, name)
            assert getattr(ours, name) == (number(value) if name in WIDE else value)


@EXAMPLES
@given(st.binary(max_size=200))
def test_rust_refuses_or_reads_whatever_it_gets(data: bytes) -> None:
    for decode in (_core.decode_accounts, _core.decode_transfers):
        with contextlib.suppress(ValueError):
            assert len(decode(data)) % 128 == 0
    for operation in (1, 2):
        with contextlib.suppress(ValueError):
            assert len(_core.decode_results(operation, data)) % 16 == 0


class Recorder:
    """A ledger that takes everything."""

    def enqueue(self, _operation: int, records: bytes, **_: Any) -> asyncio.Future[bytes]:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        future.set_result((b"\1" + bytes(7) + b"\xff\xff\xff\xff" + bytes(4)) * (len(records) // 128))
        return future

    async def lookup_accounts(self, _ids: list[int]) -> list[Any]:
        return []

    lookup_transfers = lookup_accounts


HANDLERS = {
    "transfers": transfer.create,
    "accounts": account.create,
    "transfers/lookup": transfer.look_up,
    "accounts/lookup": account.look_up,
}
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**130), 2**130) | st.floats() | st.text(max_size=20) | edges.map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = [
    "id",
    "debit_account_id",
    "credit_account_id",
    "amount",
    "ledger",
    "code",
    "flags",
    "user_data_64",
    "timestamp",
]
nearly = st.lists(st.dictionaries(st.sampled_from(names), values, min_size=1), max_size=3)
bodies = st.one_of(
    st.binary(max_size=200),
    values.map(json.dumps).map(str.encode),
    mutated(nearly.map(lambda items: json.dumps({"transfers": items}).encode())),
    mutated(nearly.map(lambda items: json.dumps({"accounts": items}).encode())),
    mutated(st.lists(values, max_size=3).map(lambda items: json.dumps({"ids": items}).encode())),
)


@pytest.mark.parametrize("path", HANDLERS)
@EXAMPLES
@given(body=bodies)
@example(body=b'{"transfers":[{"id":"1","amount":"1"}]}')
def test_json_is_refused_or_taken_but_never_a_defect(path: str, body: bytes) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def call() -> int:
        scope = {"type": "http", "headers": [(b"content-type", b"application/json")]}
        try:
            services = services_without_database(Recorder())
            return (await HANDLERS[path](services, Request(scope, receive))).status_code
        except PycoreError as error:
            return OUTSIDE[type(error)].http.value

    assert asyncio.run(call()) in {200, 400, 413}
