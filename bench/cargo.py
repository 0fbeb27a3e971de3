"""What a load client sends: encoded before the clock starts, and its answers read when the clock has stopped."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from random import Random
from string import ascii_lowercase
from typing import Any, NamedTuple, Protocol

import msgspec

from bench.records import LEDGER, Skew, TransferSource, amount_of
from pycore import _core
from pycore.client._generated.pycore.payments.v1 import payments_pb2 as pb
from pycore.client.payment_wire import write_create
from pycore.ids import format_id
from pycore.ledger import CreateTransferStatus, Operation
from pycore.ledger.status import unpack_transfer_results
from pycore.ledger.transfer import unpack_transfers
from pycore.payments import CreatePayment, PaymentMethod

_AMOUNT_MAX = 1000
_LETTERS = ascii_lowercase.replace("v", "")
_SUCCEEDED = pb.PaymentStatus.Value("PAYMENT_STATUS_SUCCEEDED")


Metadata = tuple[tuple[str, str], ...]


class Delivered(NamedTuple):
    """What the answers say: how many were done, what they moved, and how many were not done though they should be."""

    done: int
    amount: int
    faults: int = 0


class Cargo(Protocol):
    """Requests, and how to read what is answered."""

    requests: list[bytes]
    batch: int
    metadata: Metadata

    def split(self, answer: bytes) -> Sequence[Any]:
        """Return a stream's answer as one answer per request."""

    def delivered(self, answers: Sequence[Any]) -> Delivered:
        """Return what the answers (None: there is none) say. Raises RuntimeError for what no caller expects."""


class Transfers:
    """Transfers between numbered accounts."""

    def __init__(
        self, *, accounts: int, skew: Skew, seed: int, batch: int, count: int, json: bool = False, key: str = ""
    ) -> None:
        """``key`` is an operator's."""
        self.metadata: Metadata = (("authorization", f"Bearer {key}"),)
        self.batch = batch
        self._json = json
        self._records = TransferSource(accounts, skew=skew, seed=seed).batches(batch, count)
        encode = _json_body if json else _core.encode_transfers
        self.requests = [encode(records) for records in self._records]

    def split(self, answer: bytes) -> Sequence[bytes]:
        """Return the answer whole where it answers one request, else cut by encoded result."""
        results = _core.decode_results(Operation.CREATE_TRANSFERS, answer)
        size = self.batch * 16
        if len(results) == size:
            return [answer]
        return [_core.encode_results(results[start : start + size]) for start in range(0, len(results), size)]

    def delivered(self, answers: Sequence[bytes | None]) -> Delivered:
        """Return how many transfers were created. Raises RuntimeError where one was refused."""
        answered = [(records, answer) for records, answer in zip(self._records, answers, strict=True) if answer]
        for _, answer in answered:
            if (statuses := self._statuses(answer)) != {CreateTransferStatus.CREATED}:
                raise RuntimeError(f"transfers were refused: {statuses}")
        batches = [records for records, _ in answered]
        return Delivered(len(batches) * self.batch, amount_of(batches))

    def _statuses(self, answer: bytes) -> set[int]:
        if self._json:
            return {CreateTransferStatus[result["status"].upper()] for result in msgspec.json.decode(answer)["results"]}
        results = _core.decode_results(Operation.CREATE_TRANSFERS, answer)
        return {result.status for result in unpack_transfer_results(results)}


def _json_body(records: bytes) -> bytes:
    transfers = [
        {
            "id": format_id(transfer.id),
            "debit_account_id": format_id(transfer.debit_account_id),
            "credit_account_id": format_id(transfer.credit_account_id),
            "amount": str(transfer.amount),
            "ledger": LEDGER,
            "code": 1,
        }
        for transfer in unpack_transfers(records)
    ]
    return msgspec.json.encode({"transfers": transfers})


class Till(msgspec.Struct, frozen=True):
    """A merchant's key, and the customers who pay it."""

    api_key: str
    customer_ids: list[str]

    @classmethod
    def read(cls, file: str) -> Till:
        """Return what ``keep`` wrote."""
        return msgspec.json.decode(Path(file).read_bytes(), type=cls)

    def keep(self, file: Path) -> None:
        """Write it for the client process."""
        file.write_bytes(msgspec.json.encode(self))


class Payments:
    """Payments from balances, each with a reference and a request id of its own."""

    def __init__(self, till: Till, *, seed: int, batch: int, count: int, streamed: bool) -> None:
        # What looks like a card's number or verification value ("cvc-123") is refused.
        random, run = Random(seed), "".join(secrets.choice(_LETTERS) for _ in range(10))
        self.batch = batch
        self.metadata: Metadata = (("authorization", f"Bearer {till.api_key}"),)
        self._streamed = streamed
        asked = [
            write_create(
                f"{run}-{number}",
                CreatePayment(
                    merchant_reference=f"{run}-{number}",
                    amount=random.randint(1, _AMOUNT_MAX),
                    subject="拿铁 latte",
                    method=PaymentMethod.BALANCE,
                    customer_id=random.choice(till.customer_ids),
                    confirm=True,
                ),
            )
            for number in range(batch * count)
        ]
        if streamed:
            self.requests = [pb.StreamPaymentsRequest(request=each).SerializeToString() for each in asked]
        elif batch == 1:
            self.requests = [each.SerializeToString() for each in asked]
        else:
            groups = [asked[start : start + batch] for start in range(0, len(asked), batch)]
            self.requests = [pb.SubmitPaymentsRequest(requests=group).SerializeToString() for group in groups]

    def split(self, answer: bytes) -> Sequence[Any]:
        """Return the results in a stream's answer."""
        return pb.StreamPaymentsResponse.FromString(answer).results

    def delivered(self, answers: Sequence[Any]) -> Delivered:
        """Return how many payments succeeded; the others are faults: every payer has money enough."""
        payments = [payment for answer in answers if answer is not None for payment in self._payments(answer)]
        amounts = [payment.amount for payment in payments if payment.status == _SUCCEEDED]
        return Delivered(len(amounts), sum(amounts), len(payments) - len(amounts))

    def _payments(self, answer: Any) -> list[pb.Payment]:
        if self._streamed:
            return [answer.payment]
        if self.batch == 1:
            return [pb.CreatePaymentResponse.FromString(answer).payment]
        return [result.payment for result in pb.SubmitPaymentsResponse.FromString(answer).results]
