"""The limiter as Python sees it; its rules are proved beside the core."""

import threading

import pytest

from pycore.rate_limit import LIMITS_MAX, Quota, RateLimiter, Refusal

SECOND = 10**9
TEN_A_SECOND = Quota(10, SECOND, 3)
ONE_A_SECOND = Quota(1, SECOND, 1)


class Clock:
    def __init__(self) -> None:
        self.now = 5 * SECOND

    def __call__(self) -> int:
        return self.now


def test_a_burst_then_one_per_interval() -> None:
    clock = Clock()
    limiter = RateLimiter(clock_ns=clock, seed=1)
    limits = [(2**128 - 1, TEN_A_SECOND)]
    assert [limiter.check(limits) for _ in range(4)] == [None, None, None, Refusal(SECOND // 10, 0)]
    clock.now += SECOND // 10
    assert limiter.check(limits) is None


def test_a_refusal_names_the_limit_and_counts_against_none() -> None:
    limiter = RateLimiter(clock_ns=Clock(), seed=1)
    limits = [(1, TEN_A_SECOND), (2, ONE_A_SECOND)]
    assert limiter.check(limits) is None
    assert [limiter.check(limits) for _ in range(9)] == [Refusal(SECOND, 1)] * 9
    assert limiter.check([(1, TEN_A_SECOND)], cost=2) is None
    assert limiter.keys_count == 2


def test_a_newcomer_is_refused_where_every_place_is_taken_by_an_active_key() -> None:
    limiter = RateLimiter(keys_max=LIMITS_MAX, clock_ns=Clock(), seed=1)
    for key in range(LIMITS_MAX):
        assert limiter.check([(key, ONE_A_SECOND)]) is None
    assert limiter.check([(100, ONE_A_SECOND)]) == Refusal(SECOND, None)


@pytest.mark.parametrize(("wait_ns", "seconds"), [(1, 1), (SECOND, 1), (SECOND + 1, 2)])
def test_the_header_has_whole_seconds_rounded_up(wait_ns: int, seconds: int) -> None:
    assert Refusal(wait_ns, 0).retry_after_s == seconds


@pytest.mark.parametrize("numbers", [(0, SECOND, 1), (1, 0, 1), (1, SECOND, 0), (1, 366 * 86_400 * SECOND, 2)])
def test_what_is_no_quota(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="366 days"):
        Quota(*numbers)


def test_quotas_are_values() -> None:
    assert Quota(10, SECOND, 3) == TEN_A_SECOND
    assert Quota(10, SECOND, 4) != TEN_A_SECOND
    assert TEN_A_SECOND.burst == 3


@pytest.mark.parametrize(
    ("keys", "cost", "message"),
    [
        ([1, 1], 1, "each of another key"),
        ([1, 2, 3, 4, 5], 1, "at most 4 limits"),
        ([1], 0, "a cost is 1 or more"),
        ([1], 4, "never lets 4 units pass"),
    ],
)
def test_misuse(keys: list[int], cost: int, message: str) -> None:
    limiter = RateLimiter(clock_ns=Clock())
    with pytest.raises(ValueError, match=message):
        limiter.check([(key, TEN_A_SECOND) for key in keys], cost)
    assert limiter.keys_count == 0


@pytest.mark.parametrize("key", [-1, 2**128])
def test_a_key_has_128_bits(key: int) -> None:
    with pytest.raises(OverflowError):
        RateLimiter().check([(key, TEN_A_SECOND)])


def test_threads_share_a_limit_exactly() -> None:
    limiter = RateLimiter(clock_ns=Clock())
    quota = Quota(1, SECOND, 1000)
    passed: list[bool] = []

    def work() -> None:
        passed.extend(limiter.check([(1, quota)]) is None for _ in range(500))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(passed), sum(passed)) == (2000, 1000)
