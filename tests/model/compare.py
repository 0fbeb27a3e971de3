"""T6: feed the reference ledger and the engine the same random batches and compare everything.

    python -m tests.model.compare --transfers 1000000 --seed 7

Prints the seed, the counts per result code, what was lived through, and the differences. Exit status 0: no
difference and, from a million transfers on, every result code at least a hundred times; 1 otherwise.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from pycore.ledger.status import CreateAccountStatus, CreateTransferStatus
from tests.model.generator import SECOND, BatchGenerator
from tests.model.lockstep import Difference, Lockstep
from tests.model.records import CREATE_TRANSFERS, TRANSFER_FLAGS_ALL, Result, Unit

EPISODE_TRANSFERS = 20_000
FLOOD_EVERY = 10
STARTS = (1, 1_700_000_000 * SECOND, 1_700_000_000 * SECOND, 6_000_000_000 * SECOND)
"""Where the clock of an episode starts; from the last one the longest timeout reaches beyond the end of time."""
FULL_RUN = 1_000_000
OCCURRENCES_MIN = 100

STATUSES = [
    f"{operation} {status.name.lower()}"
    for operation, kind in (("create_accounts", CreateAccountStatus), ("create_transfers", CreateTransferStatus))
    for status in kind
    if not status.name.endswith("BELONGS_TO_A_DOMAIN")  # told to strangers only; all requests here are a domain's
]


@dataclass
class Report:
    """What a run has seen."""

    seed: int
    transfers: int = 0
    batches: int = 0
    rollbacks: int = 0
    restarts: int = 0
    evictions: int = 0
    cold_records: int = 0
    largest_sweep: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    """How often each result code was seen, by operation and name: the numbers mean other things in each operation."""
    flags: set[int] = field(default_factory=set)
    differences: list[str] = field(default_factory=list)

    def rare_statuses(self) -> list[str]:
        """Return the codes seen too seldom for a full run."""
        return [status for status in STATUSES if self.statuses[status] < OCCURRENCES_MIN]


def compare(transfers: int, seed: int, *, stop_at_difference: bool = False) -> Report:
    """Play as many transfers as asked for, in lives of their own, and return what was seen."""
    random = Random(seed)
    report = Report(seed)
    episode = 0
    while report.transfers < transfers and not (stop_at_difference and report.differences):
        _play_episode(random, report, episode, min(EPISODE_TRANSFERS, transfers - report.transfers))
        episode += 1
    return report


def _play_episode(random: Random, report: Report, episode: int, transfers: int) -> None:
    lockstep = Lockstep(random)
    generator = BatchGenerator(random, lockstep.reference, STARTS[episode % len(STARTS)])
    if episode % FLOOD_EVERY == 1:
        generator.flood()
    played = 0
    try:
        while played < transfers:
            units, now = generator.next_batch()
            results = lockstep.play(units, now)
            _count(report, units, results)
            report.largest_sweep = max(report.largest_sweep, lockstep.reference.expired)
            report.batches += 1
            played += sum(len(events) for operation, events in units if operation == CREATE_TRANSFERS)
        lockstep.finish()
    except Difference as difference:
        report.differences.append(f"episode {episode}, batch {report.batches}: {difference}")
    report.transfers += max(played, 1)
    report.rollbacks += lockstep.rollbacks
    report.restarts += lockstep.restarts
    report.evictions += lockstep.evictions
    report.cold_records += lockstep.cold_records
    report.flags |= generator.transfer_events.flags_tried


def _count(report: Report, units: list[Unit], results: list[Result]) -> None:
    if not results:
        return
    position = 0
    for operation, events in units:
        name = "create_transfers" if operation == CREATE_TRANSFERS else "create_accounts"
        statuses = Counter(status for _, status in results[position : position + len(events)])
        for status, count in statuses.items():
            report.statuses[f"{name} {status.name.lower()}"] += count
        position += len(events)


def main() -> int:
    """Run from the command line. Return the exit status."""
    parser = argparse.ArgumentParser(description="Compare the reference ledger and the engine on random batches.")
    parser.add_argument("--transfers", type=int, default=FULL_RUN)
    parser.add_argument("--seed", type=int, default=None, help="repeats a run; random when left out")
    options = parser.parse_args()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    started = time.perf_counter()
    report = compare(options.transfers, seed)
    _print(report, time.perf_counter() - started)
    too_rare = report.rare_statuses() if options.transfers >= FULL_RUN else []
    return 1 if report.differences or too_rare else 0


def _print(report: Report, seconds: float) -> None:
    for status in STATUSES:
        mark = "" if report.statuses[status] >= OCCURRENCES_MIN else "  (rare)"
        print(f"{report.statuses[status]:>9}  {status}{mark}")
    combinations = len({flags for flags in report.flags if flags <= TRANSFER_FLAGS_ALL})
    print(
        f"{report.transfers} transfers in {report.batches} batches, {combinations} of {TRANSFER_FLAGS_ALL + 1} "
        f"combinations of flags, {report.rollbacks} batches taken back, {report.restarts} restarts, "
        f"{report.evictions} chunks evicted, {report.cold_records} cold records, "
        f"at most {report.largest_sweep} holds expired at once"
    )
    for difference in report.differences:
        print(f"DIFFERENCE in {difference}")
    print(f"seed {report.seed}: {len(report.differences)} differences in {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
