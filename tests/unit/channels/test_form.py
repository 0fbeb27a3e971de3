"""Forms: the signed text, and fields read back."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycore.channels.failure import NotTrustedError
from pycore.channels.form import read_form, sorted_text
from pycore.channels.unionpay.signature import read_reply

names = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
plain = st.text(st.characters(codec="utf-8"), max_size=40)


@settings(deadline=None)
@given(st.dictionaries(names, plain, min_size=1, max_size=8))
def test_a_form_round_trips(fields: dict[str, str]) -> None:
    assert read_form(urlencode(fields).encode()) == fields


@settings(deadline=None)
@given(st.dictionaries(names, plain, max_size=8))
def test_the_signed_text_does_not_depend_on_the_order_of_the_fields(fields: dict[str, str]) -> None:
    assert sorted_text(fields) == sorted_text(dict(reversed(fields.items())))
    assert sorted_text({**fields, "sign": "x"}, without=("sign",)) == sorted_text(fields, without=("sign",))
    assert sorted_text(fields).count("=") >= len(fields)


unencoded = st.text(st.characters(codec="utf-8", exclude_characters="&{}[]"), max_size=30)
nested = unencoded.map(lambda text: "{" + f"a={text}&b=[{text}&]" + "}")


@settings(deadline=None)
@given(st.dictionaries(names, unencoded | nested, min_size=1, max_size=8))
def test_an_unencoded_reply_round_trips(fields: dict[str, str]) -> None:
    assert read_reply(sorted_text(fields).encode()) == fields


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_fields_or_refused(body: bytes) -> None:
    for reader in (read_form, read_reply):
        try:
            fields = reader(body)
        except NotTrustedError:
            continue
        assert all(isinstance(value, str) for value in fields.values())


def test_a_name_given_twice_is_refused() -> None:
    for reader in (read_form, read_reply):
        with pytest.raises(NotTrustedError, match="repeated_field"):
            reader(b"a=1&a=1")
