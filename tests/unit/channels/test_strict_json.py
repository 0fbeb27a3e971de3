"""JSON from outside: one meaning, or none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from pycore.channels.failure import NotTrustedError
from pycore.channels.strict_json import raw_members, read, read_object

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=8), values, max_size=4), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_members_are_the_text_they_were_sent_as(fields: dict[str, Any], indent: Any, ascii_only: bool) -> None:
    body = json.dumps(fields, indent=indent, ensure_ascii=ascii_only)
    try:
        members = raw_members(body.encode())
    except UnicodeEncodeError:  # a lone surrogate, written as itself, is no UTF-8
        return
    assert {name: json.loads(text) for name, text in members.items()} == fields
    assert all(text in body for text in members.values())


@settings(deadline=None)
@given(st.binary(max_size=64) | st.text(max_size=64).map(str.encode))
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    try:
        found = read_object(body)
    except NotTrustedError:
        return
    assert found == json.loads(body)


class _Sum(Struct):
    total: int


@pytest.mark.parametrize(
    "body",
    ['{"total":1.0}', '{"total":1e2}', '{"total":"1"}', '{"total":true}', '{"total":null}', '{"total":1e309}', "{}"],
)
def test_only_integers_are_integers(body: str) -> None:
    with pytest.raises(NotTrustedError, match="wrong_fields"):
        read(body, _Sum)


@pytest.mark.parametrize(
    "body",
    [
        '{"total":1,"total":1}',
        '{"a":{"b":1,"b":2},"total":1}',
        '{"a":[{"b":1,"b":2}],"total":1}',
        '{"total":NaN}',
        '{"total":Infinity}',
        '{"total":-Infinity}',
        '{"total":1,"a":"\\ud800"}',
        '{"total":1,"a":"\\uDC00\\uD800"}',
        '{"total":1}x',
        '{"total":1}{"total":1}',
        '{"total":' + "1" * 5_000 + "}",
        "[" * 100_000,
        '{"total":01}',
        "{'total':1}",
        '{"total":1,}',
    ],
    ids=range(15),
)
def test_two_meanings_are_refused(body: str) -> None:
    with pytest.raises(NotTrustedError, match="not_json"):
        read(body, _Sum)
