"""Titles: the same subject where a channel takes it, else marks in full width, boxes, a cut."""

import pytest

from pycore.channels.order import Method
from pycore.channels.title import TitleRule

QR_CODE = frozenset({Method.QR_CODE})


@pytest.mark.parametrize(
    ("rule", "subject", "title"),
    [
        ({"forbidden": "/=&"}, "plain title", "plain title"),
        ({"forbidden": "/=&"}, "A&B=C/D 'x' \"y\" <b>", "A＆B＝C／D 'x' \"y\" <b>"),
        ({"takes_emoji": False}, "茶 🍵 𠮷", "茶 □ □"),
        ({"takes_emoji": False}, "🍵", "□"),
        ({"characters_max": 4}, "abcd", "abcd"),
        ({"characters_max": 4}, "abcde", "abc…"),
        ({"bytes_max": 12}, "茶茶茶茶", "茶茶茶茶"),
        ({"bytes_max": 12}, "茶茶茶茶a", "茶茶茶…"),
        ({"bytes_max": 9, "forbidden": "&"}, "a&&&", "a＆…"),  # what stands for a mark is longer than the mark
    ],
)
def test_f5_a_title_is_made_to_fit(rule: dict[str, object], subject: str, title: str) -> None:
    """127 letters, ``&`` and emoji were sent as they are, and the channel refused the order."""
    made = TitleRule(methods=QR_CODE, source="a test", **rule)  # type: ignore[arg-type]
    assert made.applied(subject) == title
    assert made.applied(title) == title
