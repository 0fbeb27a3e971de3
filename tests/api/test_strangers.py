"""How often callers may ask before it is known who they are."""

from api.strangers import LEFT_OVER, SHARE, Strangers


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_s8_whoever_asks_too_often_pays_first() -> None:
    clock = Clock()
    strangers = Strangers(clock)
    flood = [f"203.0.113.{number}" for number in range(40)]
    for _ in range(SHARE.burst + LEFT_OVER.burst // len(flood) + 50):
        for origin in flood:
            strangers.count(origin)
    assert all(strangers.is_slowed(origin) for origin in flood)
    for _ in range(SHARE.burst):
        strangers.count("198.51.100.7")
    assert not strangers.is_slowed("198.51.100.7")
    clock.now = 2.0
    assert not any(strangers.is_slowed(origin) for origin in flood)


def test_one_address_alone_may_have_what_is_left_over() -> None:
    strangers = Strangers(Clock())
    for _ in range(SHARE.burst + LEFT_OVER.burst):
        strangers.count("127.0.0.1")
    assert not strangers.is_slowed("127.0.0.1")
