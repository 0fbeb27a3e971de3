"""The outside process of T1 that sends transfers (see ``crew``)."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from pycore.client import LedgerClient
from pycore.errors import PycoreError
from pycore.ids import new_id
from pycore.ledger import Account, AccountFlags, CreateTransferStatus, Transfer, TransferFlags
from pycore.ledger.status import CreateTransferResult, unpack_transfer_results
from pycore.ledger.transfer import AMOUNT_MAX, pack_transfers
from tests.simulation.crew import Crew

ACCOUNTS = 40
FUNDED = 10
"""Accounts 1 … 10 have no floor; the others may not fall below zero, so that some transfers fail."""
LEDGER = 978
RECORD_SIZE, RESULT_SIZE = 128, 16
_RETRY_SECONDS = 0.02
_CALL_SECONDS = 5.0
_REMEMBERED = 500

Status = CreateTransferStatus


def accounts() -> list[Account]:
    """Return the accounts of the test."""
    floor = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
    return [
        Account(id=number, ledger=LEDGER, code=1, flags=0 if number <= FUNDED else floor)
        for number in range(1, ACCOUNTS + 1)
    ]


class Requests:
    """One worker's requests: moves, chains, holds and what ends them."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._holds: list[int] = []

    def next(self) -> list[Transfer]:
        """Return the transfers of one request."""
        transfers = [transfer for _ in range(self._random.choice((1, 1, 3, 8))) for transfer in self._one()]
        self._holds += [transfer.id for transfer in transfers if transfer.flags & TransferFlags.PENDING]
        return transfers

    def _one(self) -> list[Transfer]:
        kind = self._random.random()
        if kind < 0.15 and self._holds:
            hold = self._holds.pop(self._random.randrange(len(self._holds)))
            if self._random.random() < 0.7:
                amount, post = self._random.choice((AMOUNT_MAX, 1)), TransferFlags.POST_PENDING_TRANSFER
                return [Transfer(id=new_id(), pending_id=hold, amount=amount, flags=post)]
            return [Transfer(id=new_id(), pending_id=hold, flags=TransferFlags.VOID_PENDING_TRANSFER)]
        if kind < 0.3:
            return [self._move(TransferFlags.PENDING)]
        if kind < 0.45:
            return [self._move(TransferFlags.LINKED), self._move(TransferFlags.LINKED), self._move(0)]
        return [self._move(0)]

    def _move(self, flags: int) -> Transfer:
        debit, credit = self._random.sample(range(1, ACCOUNTS + 1), 2)
        return Transfer(
            id=new_id(),
            debit_account_id=debit,
            credit_account_id=credit,
            amount=self._random.randint(1, 100),
            ledger=LEDGER,
            code=1,
            flags=flags,
        )


class Witness:
    """The workers, half of them with unary calls and half with streams."""

    def __init__(self, address: str, key: str, seed: int) -> None:
        self._address = address
        self._key = key
        self._random = Random(seed)
        self._crew = Crew()
        self._answered: list[tuple[bytes, list[CreateTransferResult]]] = []

    async def run(self, workers: int) -> None:
        """Obey the commands until standard input ends."""
        async with LedgerClient(self._address, timeout_seconds=_CALL_SECONDS, api_key=self._key) as client:
            await client.create_accounts(accounts())
            doors = [_Door(client) if worker % 2 else _Stream(client) for worker in range(workers)]
            await self._crew.obey([self._worker(door, Random(self._random.getrandbits(64))) for door in doors])

    def _worker(self, door: _Door, random: Random) -> Callable[[], Awaitable[None]]:
        requests = Requests(random)

        async def work() -> None:
            if random.random() < 0.1 and self._answered:
                await self._repeat(door, *random.choice(self._answered))
            else:
                await self._ask(door, [pack_transfers(requests.next()) for _ in range(random.randint(1, 4))], random)

        return work

    async def _ask(self, door: _Door, requests: list[bytes], random: Random) -> None:
        numbers = self._crew.numbers(len(requests))
        for number, records in zip(numbers, requests, strict=True):
            self._crew.log.intention(number, records)
        answers = await door.final_answers(requests)
        for number, records, results in zip(numbers, requests, answers, strict=True):
            self._crew.log.answer(number, results)
            self._remember(records, unpack_transfer_results(results), random)

    def _remember(self, records: bytes, results: list[CreateTransferResult], random: Random) -> None:
        if len(self._answered) < _REMEMBERED:
            self._answered.append((records, results))
        else:
            self._answered[random.randrange(_REMEMBERED)] = records, results

    async def _repeat(self, door: _Door, records: bytes, first: list[CreateTransferResult]) -> None:
        """Ask something again that was answered long ago; what was created then must be there, at the same time."""
        (answer,) = await door.final_answers([records])
        for before, now in zip(first, unpack_transfer_results(answer), strict=True):
            created = before.status is Status.CREATED
            moved = now.status is Status.EXISTS and now.timestamp != before.timestamp
            if now.status is Status.CREATED or (created and moved):
                self._crew.contradictions += 1


class _Door:
    """A way to the ledger that is tried until it gives final answers."""

    def __init__(self, client: LedgerClient) -> None:
        self._client = client

    async def final_answers(self, requests: list[bytes]) -> list[bytes]:
        """Return the packed results of each request, however often the server dies meanwhile."""
        answers: list[bytes] = []
        while len(answers) < len(requests):
            try:
                await self._ask(requests[len(answers) :], answers)
            except PycoreError:
                await asyncio.sleep(_RETRY_SECONDS)
        return answers

    async def _ask(self, requests: list[bytes], answers: list[bytes]) -> None:
        for request in requests:
            answers.append(await self._client.create_transfers_records(request))  # noqa: PERF401 - kept when a later one fails


class _Stream(_Door):
    """All requests at once, without waiting for the first answer."""

    async def _ask(self, requests: list[bytes], answers: list[bytes]) -> None:
        sizes = [len(request) // RECORD_SIZE * RESULT_SIZE for request in requests]
        results = b""
        async for piece in self._client.stream_transfers_records(requests):
            results += piece
            while sizes and len(results) >= sizes[0]:
                size = sizes.pop(0)
                answers.append(results[:size])
                results = results[size:]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.witness")
    parser.add_argument("address")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--key", required=True, help="an operator's")
    parser.add_argument("--workers", type=int, default=8)
    options = parser.parse_args()
    asyncio.run(Witness(options.address, options.key, options.seed).run(options.workers))
