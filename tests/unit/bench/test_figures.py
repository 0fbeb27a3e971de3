"""What the figures rest on: schedules, percentiles, batches, and the file results are kept in."""

from pathlib import Path

import numpy as np
import pytest

from bench import bars, plot, result
from bench.__main__ import CASES
from bench.arrivals import BURST_SECONDS, Pattern, schedule
from bench.latency import summary_ms
from bench.records import POST, VOID, Skew, TransferSource
from bench.result import Result, compared
from pycore.ids import id_time_ms
from pycore.ledger.transfer import AMOUNT_MAX, unpack_transfers


@pytest.mark.parametrize("pattern", ["poisson", "burst"])
def test_a_schedule_offers_exactly_its_rate_in_order(pattern: Pattern) -> None:
    moments = schedule(pattern, rate=500, seconds=4, seed=1)
    assert len(moments) == 2000
    assert (np.diff(moments) >= 0).all()
    assert moments[0] >= 0
    assert moments[-1] < 4


def test_a_burst_arrives_at_once() -> None:
    moments = schedule("burst", rate=100, seconds=1, seed=1)
    assert len(set(moments.tolist())) == round(1 / BURST_SECONDS)


def test_percentiles_are_milliseconds() -> None:
    assert summary_ms([0.001] * 99 + [0.1]) == {
        "p50": 1.0,
        "p95": 1.0,
        "p99": pytest.approx(1.99),
        "p99.9": pytest.approx(90.199),
        "max": 100.0,
    }
    assert summary_ms([]) == {}


@pytest.mark.parametrize("skew", ["uniform", "zipf1", "zipf2", "hot50", "hot100"])
def test_transfers_are_valid_and_their_ids_never_repeat(skew: Skew) -> None:
    source = TransferSource(50, skew=skew)
    transfers = [each for batch in source.batches(100, 20) for each in unpack_transfers(batch)]
    assert len({each.id for each in transfers}) == len(transfers)
    for each in transfers:
        assert each.debit_account_id != each.credit_account_id
        assert 1 <= each.debit_account_id <= 50
        assert 1 <= each.credit_account_id <= 50
        assert each.id >> 76 & 0xF == 7
        assert each.id >> 62 & 0b11 == 2
        assert abs(id_time_ms(each.id) - id_time_ms(transfers[0].id)) < 60_000


def test_the_hot_account_is_as_hot_as_it_is_called() -> None:
    transfers = unpack_transfers(TransferSource(1000, skew="hot50").batches(4000, 1)[0])
    assert 0.4 < sum(each.debit_account_id == 1 for each in transfers) / 4000 < 0.6


def test_resolutions_end_whole_holds() -> None:
    source = TransferSource(10)
    holds = source.transfers(2)
    post, void = unpack_transfers(source.resolutions(holds, np.array([POST, VOID], np.uint16)).tobytes())
    assert (post.amount, post.flags, post.pending_id) == (AMOUNT_MAX, POST, unpack_transfers(holds.tobytes())[0].id)
    assert (void.amount, void.flags) == (0, VOID)


def test_results_of_the_same_name_are_replaced_and_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    result.write([Result(name="a", value=1, unit="s"), Result(name="b", value=2, unit="s")], file)
    result.write([compared("a", 3, "s", 2)], file)
    assert [(each.name, each.value, each.ratio) for each in result.read(file)] == [("a", 3, 1.5), ("b", 2, None)]
    assert all(each.commit for each in result.read(file))


def test_every_bar_has_a_workload() -> None:
    assert bars.BARS.keys() <= {name for case in CASES for name in case.names}


def test_no_two_workloads_share_a_name() -> None:
    names = [name for case in CASES for name in case.names]
    assert len(names) == len(set(names))


def test_a_bar_is_met_or_missed() -> None:
    assert bars.verdict(compared("ledger_durable_100", 200_000, "transfers/s", 250_000)) is True
    assert bars.verdict(compared("ledger_durable_100", 200_000, "transfers/s", 400_000)) is False
    assert bars.verdict(Result(name="recovery_projected_10m", value=6, unit="s")) is False
    assert bars.verdict(Result(name="reads_50", value=6, unit="ms")) is None


def test_plots_are_drawn_from_whatever_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot, "read", lambda: [compared("ledger_durable_100", 2.0, "transfers/s", 4.0)])
    plot.main(tmp_path)
    assert {"durable.svg", "ratios.svg"} <= {file.name for file in tmp_path.iterdir()}
    assert not (tmp_path / "callers.svg").exists()
