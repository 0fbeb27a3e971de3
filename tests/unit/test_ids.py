"""Ids: layout, order, text."""

import threading
import uuid
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycore._core import IdGenerator
from pycore.ids import ID_MAX, format_id, format_typed_id, id_time_ms, new_id, parse_id, parse_typed_id


class Clock:
    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def test_an_id_is_a_uuid_of_version_7_with_its_time() -> None:
    clock = Clock(1_700_000_000_123)
    made = uuid.UUID(int=IdGenerator(clock).new_id())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert id_time_ms(made.int) == 1_700_000_000_123


@given(st.lists(st.integers(min_value=-9_000, max_value=3), min_size=1, max_size=50))
def test_ids_grow_while_the_clock_stands_or_steps_back_a_little(steps: list[int]) -> None:
    clock = Clock(1_700_000_000_000)
    generator = IdGenerator(clock)
    made = []
    for step in steps:
        clock.now = 1_700_000_000_000 + step
        made.append(generator.new_id())
    assert all(earlier < later for earlier, later in pairwise(made))


def test_a_large_step_back_is_followed_so_that_ids_are_not_from_the_future() -> None:
    clock = Clock(1_700_000_000_000)
    generator = IdGenerator(clock)
    generator.new_id()
    clock.now -= 86_400_000
    assert id_time_ms(generator.new_id()) == clock.now


def test_threads_never_get_the_same_id() -> None:
    made: list[int] = []

    def work() -> None:
        made.extend(new_id() for _ in range(2_000))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8_000


@given(st.integers(min_value=0, max_value=ID_MAX))
def test_text_round_trips(identifier: int) -> None:
    assert format_id(identifier) == str(uuid.UUID(int=identifier))
    assert parse_id(format_id(identifier)) == identifier
    assert parse_id(format_id(identifier).upper()) == identifier
    assert parse_id(str(identifier)) == identifier


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "01",
        "-1",
        "+1",
        "1.0",
        "1e3",
        "1_000",
        "\uff11",
        str(2**128),
        "9" * 10_000,
        "{00000000-0000-0000-0000-000000000001}",
        "00000000000000000000000000000001a",
        "00000000-0000-0000-0000-00000000000g",
        "0000000-00000-0000-0000-000000000001",
        "1\n",
        "\x00",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        parse_id(text)


@pytest.mark.parametrize("number", [-1, 2**128])
def test_only_128_bit_numbers_have_a_text(number: int) -> None:
    with pytest.raises(ValueError, match="an id is a number"):
        format_id(number)


def test_a_typed_id_reads_back() -> None:
    text = format_typed_id("pay", 0x0199_D3C0_5F6E_7C3A_9B1D_2F4E_6A8C_0B1D)
    assert text == "pay_0199d3c05f6e7c3a9b1d2f4e6a8c0b1d"
    assert parse_typed_id("pay", text) == 0x0199_D3C0_5F6E_7C3A_9B1D_2F4E_6A8C_0B1D


@pytest.mark.parametrize(
    "text", ["", "pay", "pay_", "rfd_" + "0" * 32, "pay_" + "0" * 31, "pay_" + "A" * 32, "pay_" + "٠" * 32]
)
def test_another_text_is_no_typed_id(text: str) -> None:
    with pytest.raises(ValueError, match="pay_"):
        parse_typed_id("pay", text)
