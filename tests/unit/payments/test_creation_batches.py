"""Which calls share a batch: those that come at the same time, and nobody waits for callers who are not there."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from pycore._core import NewPayment
from pycore.errors import DeadlineExceededError
from pycore.ids import IDS
from pycore.payments import creation_batches
from pycore.payments.creation_batches import CreationBatches
from pycore.payments.request import CreatePayment
from pycore.tenant import Tenant


def asked(reference: str) -> NewPayment:
    request = CreatePayment(merchant_reference=reference, amount=1000, subject="tea")
    return NewPayment(Tenant(1, False), reference, request, IDS, time.time_ns())


async def nothing_to_prepare(_payments: Sequence[NewPayment], _recall: bool) -> None:
    """Nobody is looked up: all are to be recorded."""


@pytest.mark.parametrize("callers", [1, 4, 40])
async def test_callers_come_to_share_batches_and_none_is_waited_for_that_is_not_there(
    callers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So long that a batch that waits for one caller more than there are never goes.
    monkeypatch.setattr(creation_batches, "_MOMENT_SECONDS", 3600.0)
    monkeypatch.setattr(creation_batches, "_PATIENCE_SECONDS", 3600.0)
    sizes: list[int] = []
    enough = asyncio.Event()

    async def record(payments: Sequence[NewPayment], _deadline: float | None) -> None:
        await asyncio.sleep(0)
        sizes.append(len(payments))
        if len(sizes) == 100:
            enough.set()

    async def call_again_and_again(caller: int) -> None:
        for turn in range(10_000):
            await batches.made([asked(f"{caller}-{turn}")], None)

    batches = CreationBatches(nothing_to_prepare, record)
    tasks = [asyncio.create_task(call_again_and_again(caller)) for caller in range(callers)]
    try:
        async with asyncio.timeout(60):
            await enough.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(sizes[50:]) / len(sizes[50:]) >= min(callers, 20), "they go together"


async def test_a_call_that_is_too_late_is_not_recorded() -> None:
    recorded: list[str] = []

    async def record(payments: Sequence[NewPayment], _deadline: float | None) -> None:
        recorded.extend(payment.key for payment in payments)

    batches = CreationBatches(nothing_to_prepare, record)
    late = batches.made([asked("late")], time.monotonic() - 1)
    results = await asyncio.gather(late, batches.made([asked("in-time")], None), return_exceptions=True)
    assert [type(result) for result in results] == [DeadlineExceededError, type(None)]
    assert recorded == ["in-time"]
