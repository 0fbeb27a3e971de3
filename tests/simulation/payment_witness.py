"""The outside process of T1 that makes, changes and refunds payments (see ``crew``)."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import IntEnum
from random import Random

from pycore.client import PaymentClient
from pycore.errors import PycoreError
from pycore.payments import CreatePayment, Payment, Refund
from tests.simulation import payment_calls
from tests.simulation.crew import Crew
from tests.simulation.payment_calls import Answer, Call, PaymentCalls

_RETRY_SECONDS = 0.02
_CALL_SECONDS = 5.0
_REMEMBERED = 500

Outcome = Payment | Refund | PycoreError


class Door(IntEnum):
    """How a worker sends payments."""

    UNARY = 0
    BATCH = 1
    STREAM = 2


class PaymentWitness:
    """The workers: a third of them sends payments one by one, a third in batches, a third in streams."""

    def __init__(self, client: PaymentClient, customer_ids: Sequence[str], seed: int) -> None:
        self._client = client
        self._customer_ids = customer_ids
        self._random = Random(seed)
        self._name = f"s{seed}"
        self._crew = Crew()
        self._answered: list[tuple[Call, Answer]] = []

    async def run(self, workers: int) -> None:
        """Obey the commands until standard input ends."""
        await self._crew.obey([self._worker(Door(number % len(Door)), number) for number in range(workers)])

    def _worker(self, door: Door, number: int) -> Callable[[], Awaitable[None]]:
        random = Random(self._random.getrandbits(64))
        calls = PaymentCalls(random, self._customer_ids, f"{self._name}-{number}")

        async def work() -> None:
            kind = random.random()
            if kind < 0.1 and self._answered:
                await self._repeat(*random.choice(self._answered))
                return
            asked = calls.changes() if kind < 0.5 else []
            for answer in await self._ask(asked or calls.creates(random.choice((1, 2, 8))), door, random):
                calls.learn(answer)

        return work

    async def _ask(self, calls: Sequence[Call], door: Door, random: Random) -> list[Answer]:
        numbers = self._crew.numbers(len(calls))
        for number, call in zip(numbers, calls, strict=True):
            self._crew.log.intention(number, payment_calls.encode(call))
        answers = await self._final_answers(calls, door)
        for number, call, answer in zip(numbers, calls, answers, strict=True):
            self._crew.log.answer(number, payment_calls.encode(answer))
            self._remember(call, answer, random)
        return answers

    async def _final_answers(self, calls: Sequence[Call], door: Door) -> list[Answer]:
        """Return each call's answer, however often the server dies meanwhile."""
        answers: dict[str, Answer] = {}
        while missing := [call for call in calls if call.key not in answers]:
            for call, outcome in zip(missing, await self._outcomes(missing, door), strict=False):
                answer = Answer.of(outcome)
                if answer is not None:
                    answers[call.key] = answer
            if len(answers) < len(calls):
                await asyncio.sleep(_RETRY_SECONDS)
        return [answers[call.key] for call in calls]

    async def _outcomes(self, calls: Sequence[Call], door: Door) -> Sequence[Outcome]:
        """Return what came of the calls, of the first of them where a stream or a batch broke."""
        creates = [(call.key, call.create) for call in calls if call.create is not None]
        if door is Door.UNARY or len(creates) < len(calls):
            asking = (payment_calls.outcome_of(payment_calls.ask(self._client, call)) for call in calls)
            return await asyncio.gather(*asking)
        outcomes: list[Outcome] = []
        try:
            if door is Door.BATCH:
                return await self._client.submit(creates)
            await self._stream(creates, outcomes)
        except PycoreError as error:
            outcomes.append(error)
        return outcomes

    async def _stream(self, creates: Sequence[tuple[str, CreatePayment]], outcomes: list[Outcome]) -> None:
        async for outcome in self._client.stream(creates):
            outcomes.append(outcome)  # noqa: PERF401 - kept when the stream breaks

    def _remember(self, call: Call, answer: Answer, random: Random) -> None:
        if answer.told is None:
            return
        if len(self._answered) < _REMEMBERED:
            self._answered.append((call, answer))
        else:
            self._answered[random.randrange(_REMEMBERED)] = call, answer

    async def _repeat(self, call: Call, first: Answer) -> None:
        """Ask something again that was answered long ago: the answer is the same to the letter."""
        (again,) = await self._final_answers([call], Door.UNARY)
        if again != first:
            self._crew.contradictions += 1


async def _run(options: argparse.Namespace) -> None:
    async with PaymentClient(options.address, api_key=options.key, timeout_seconds=_CALL_SECONDS) as client:
        await PaymentWitness(client, options.customers, options.seed).run(options.workers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.payment_witness")
    parser.add_argument("address")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--workers", type=int, default=9)
    parser.add_argument("--key", required=True)
    parser.add_argument("--customers", nargs="+", required=True)
    asyncio.run(_run(parser.parse_args()))
