"""The harness's own test: every protection is removed once, and the suite that guards it must turn red.

A fault test that stays green whatever is broken proves nothing. ``python -m tests.simulation.harness`` prints the
table; ``test_harness.py`` asserts every line of it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pytest
from rich.console import Console
from rich.table import Table

from tests.simulation import channel_chaos, commit_cuts, lease_fight, tamper, torture
from tests.simulation.crash_simulation import Protections, Simulation, SimulationError
from tests.simulation.report import Arguments, Outcome, main
from tests.simulation.sabotage import SABOTAGES


class TestsFailedError(AssertionError):
    """Tests of the suite turned red."""

    __test__ = False


class Case(NamedTuple):
    """A removed protection, the suite that must notice, and how to run it."""

    removed: str
    suite: str
    run: Callable[[int], None]
    noticed_by: type[AssertionError]

    def notices(self, seed: int) -> bool:
        """Return whether the suite turned red."""
        try:
            self.run(seed)
        except self.noticed_by:
            return True
        return False


def _torture(sabotage: str, seed: int) -> None:
    # Enough cycles for the damage to be done; the first that shows it ends the run.
    arguments = Arguments(seed=seed, count=30)
    module = ("tests.simulation.sabotage", sabotage)
    asyncio.run(torture.simulate(arguments, chunk_size=1024, module=module))


def _commit_cuts(sabotage: str, load: str, seed: int) -> None:
    with SABOTAGES[sabotage]():
        asyncio.run(commit_cuts.simulate(Arguments(seed=seed, count=30, load=load)))


def _channel_chaos(sabotage: str, seed: int) -> None:
    with SABOTAGES[sabotage]():
        # What goes wrong is drawn by the orders' numbers, which are new in each run: some runs are kind.
        for each in range(seed, seed + 5):
            asyncio.run(channel_chaos.simulate(Arguments(seed=each, count=60)))


def _lease_fight(sabotage: str, seed: int) -> None:
    with SABOTAGES[sabotage]():
        asyncio.run(lease_fight.simulate(Arguments(seed=seed, count=20)))


def _tamper(sabotage: str, seed: int) -> None:
    with SABOTAGES[sabotage]():
        asyncio.run(tamper.simulate(Arguments(seed=seed, count=60), ["ledger_journal"]))


def _tests(sabotage: str, test: str, _seed: int) -> None:
    """Run one of the suite's tests in a process of its own. Raises TestsFailedError, RuntimeError where none ran."""
    program = [sys.executable, "-m", "tests.simulation.sabotage", sabotage, "pytest", "-q", f"tests/{test}"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    if f"FAILED tests/{test}" in done.stdout:
        raise TestsFailedError(done.stdout)
    if done.returncode != pytest.ExitCode.OK:
        raise RuntimeError(done.stdout + done.stderr)


def _crash_simulation(protection: str, seed: int) -> None:
    without = Protections()._replace(**{protection: False})
    for each in range(seed, seed + 200):
        Simulation(each, without).run()


_BALANCE = "unit/payments/test_balance_payments.py::test"
_CERTAINTY = "api/sandbox/payments/test_certainty.py::test"
_PAYMENTS = {
    "keep_no_replies": f"{_BALANCE}_the_same_request_is_answered_the_same",
    "look_nothing_up": f"{_BALANCE}_a_hundred_at_once_make_one_payment",
    "refund_without_bound": f"{_BALANCE}_refunds_never_exceed_what_was_captured",
    "skip_the_tenant_check": f"{_BALANCE}_another_tenant_sees_nothing",
    "skip_the_version_guard": "unit/payments/test_book.py::test_a_payment_changed_meanwhile_is_not_changed",
    "believe_every_notification": f"{_CERTAINTY}_what_proves_nothing_changes_nothing[wechat]",
    "book_every_success": f"{_CERTAINTY}_a_success_after_the_failure_is_booked_and_given_back[alipay]",
}
"""The one test each that must notice."""

CASES = (
    Case("acknowledge_before_commit", "T1", partial(_torture, "acknowledge_before_commit"), torture.TortureError),
    Case("forget_old_ids", "T1", partial(_torture, "forget_old_ids"), torture.TortureError),
    *(
        Case(sabotage, "T2", partial(_commit_cuts, sabotage, "transfers"), commit_cuts.CommitCutError)
        for sabotage in (
            "acknowledge_before_commit",
            "guess_that_nothing_was_recorded",
            "guess_that_all_was_recorded",
        )
    ),
    Case("skip_the_epoch_check", "T3", partial(_lease_fight, "skip_the_epoch_check"), lease_fight.LeaseFightError),
    Case("skip_the_hash_chain", "T4", partial(_tamper, "skip_the_hash_chain"), tamper.TamperError),
    *(
        Case(sabotage, "T2 payments", partial(_commit_cuts, sabotage, "payments"), commit_cuts.CommitCutError)
        for sabotage in ("acknowledge_before_commit", "keep_no_replies")
    ),
    *(
        Case(sabotage, "T8", partial(_channel_chaos, sabotage), channel_chaos.ChannelChaosError)
        for sabotage in ("believe_every_signature", "book_every_success")
    ),
    *(
        Case(sabotage, "payments", partial(_tests, sabotage, test), TestsFailedError)
        for sabotage, test in _PAYMENTS.items()
    ),
    *(
        Case(f"no {protection}", "T7", partial(_crash_simulation, protection), SimulationError)
        for protection in Protections._fields
    ),
)


def run(arguments: Arguments) -> Outcome:
    """Run the whole table and print it. Raises AssertionError where a removed protection was not noticed."""
    table = Table("removed", "suite", "noticed")
    missed = []
    for case in arguments.progress(CASES):
        noticed = case.notices(arguments.seed)
        table.add_row(case.removed.replace("_", " "), case.suite, "yes" if noticed else "NO")
        missed += [] if noticed else [f"{case.removed} by {case.suite}"]
    Console().print(table)
    if missed:
        raise AssertionError(f"not noticed: {', '.join(missed)}")
    return {"protections_removed": len(CASES), "noticed": len(CASES)}


if __name__ == "__main__":
    main("harness", run, count=1)
