"""The messages decoded and encoded in Rust are those of the published protos, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pycore import _core
from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.ledger import Account, CreateAccountStatus, CreateTransferStatus, Operation, Transfer
from pycore.ledger.account import pack_accounts, unpack_accounts
from pycore.ledger.transfer import pack_transfers, unpack_transfers

WIDE = (1 << 127) + 5
CREATED_ON_WIRE = 2000


def _uint128(number: int) -> ledger_pb2.Uint128:
    return ledger_pb2.Uint128(low=number & (1 << 64) - 1, high=number >> 64)


TRANSFER = Transfer(
    id=WIDE, debit_account_id=2, credit_account_id=3 << 64, amount=4, pending_id=5, user_data_128=6,
    user_data_64=(1 << 64) - 1, user_data_32=(1 << 32) - 1, timeout=9, ledger=10, code=65535, flags=511, timestamp=13,
)  # fmt: skip
ACCOUNT = Account(
    id=WIDE, debits_pending=2, debits_posted=3, credits_pending=4, credits_posted=5, user_data_128=6, user_data_64=7,
    user_data_32=8, ledger=9, code=10, flags=11, timestamp=12,
)  # fmt: skip
NUMBERS = {"id", "debit_account_id", "credit_account_id", "amount", "pending_id", "user_data_128", "debits_pending",
           "debits_posted", "credits_pending", "credits_posted"}  # fmt: skip


def _message(kind: Callable[..., Any], value: Transfer | Account) -> Any:
    fields = {name: getattr(value, name) for name in value.__struct_fields__ if name != "reserved"}
    return kind(**{name: _uint128(field) if name in NUMBERS else field for name, field in fields.items()})


def test_transfers_decode_from_the_published_message_and_encode_to_it() -> None:
    message = ledger_pb2.CreateTransfersRequest(transfers=[_message(ledger_pb2.Transfer, TRANSFER)] * 3)
    assert unpack_transfers(_core.decode_transfers(message.SerializeToString())) == [TRANSFER] * 3
    assert (
        ledger_pb2.CreateTransfersRequest.FromString(_core.encode_transfers(pack_transfers([TRANSFER] * 3))) == message
    )


def test_accounts_decode_from_the_published_message_and_encode_to_it() -> None:
    message = ledger_pb2.CreateAccountsRequest(accounts=[_message(ledger_pb2.Account, ACCOUNT)] * 3)
    assert unpack_accounts(_core.decode_accounts(message.SerializeToString())) == [ACCOUNT] * 3
    assert ledger_pb2.LookupAccountsResponse.FromString(
        _core.encode_accounts(pack_accounts([ACCOUNT] * 3))
    ).accounts == (message.accounts)


@pytest.mark.parametrize("operation", [Operation.CREATE_ACCOUNTS, Operation.CREATE_TRANSFERS])
def test_every_result_code_crosses_the_wire_and_back(operation: Operation) -> None:
    accounts = operation is Operation.CREATE_ACCOUNTS
    statuses = list(CreateAccountStatus if accounts else CreateTransferStatus)
    published = ledger_pb2.CreateAccountStatus if accounts else ledger_pb2.CreateTransferStatus
    response = ledger_pb2.CreateAccountsResponse if accounts else ledger_pb2.CreateTransfersResponse
    packed = b"".join(
        index.to_bytes(8, "little") + int(status).to_bytes(4, "little") + bytes(4)
        for index, status in enumerate(statuses)
    )
    message = _core.encode_results(packed)
    decoded = response.FromString(message)
    assert [result.timestamp for result in decoded.results] == list(range(len(statuses)))
    prefix = "CREATE_ACCOUNT_STATUS_" if accounts else "CREATE_TRANSFER_STATUS_"
    assert [published.Name(result.status) for result in decoded.results] == [
        prefix + status.name for status in statuses
    ]
    assert len(published.keys()) == len(statuses) + 1  # UNSPECIFIED
    assert _core.decode_results(operation, message) == packed


@pytest.mark.parametrize("message", [b"\x0a", b"\x0a\x05abc", b"\xff" * 20, b"\x0a\x02\x0a\x7f"])
def test_what_is_no_message_is_refused(message: bytes) -> None:
    for decode in (_core.decode_transfers, _core.decode_accounts):
        with pytest.raises(ValueError, match=r".+"):
            decode(message)


@pytest.mark.parametrize("field", ["code", "flags"])
def test_a_number_that_does_not_fit_names_its_item_and_field(field: str) -> None:
    good, bad = ledger_pb2.Transfer(), ledger_pb2.Transfer()
    setattr(bad, field, 65536)
    message = ledger_pb2.CreateTransfersRequest(transfers=[good, bad]).SerializeToString()
    with pytest.raises(ValueError, match=f"item 1: {field} is 65536"):
        _core.decode_transfers(message)
