"""Card numbers, verification values, and card numbers inside other text."""

import copy
import json
import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycore.errors import InvalidCardError
from pycore.vault import (
    CardNumber,
    find_card_numbers,
    mask_card_numbers,
    parse_card_number,
    parse_verification_value,
)

VISA = "4111111111111111"


@pytest.mark.parametrize(
    ("digits", "bin", "masked"),
    [
        (VISA, "41111111", "41111111****1111"),
        ("5555555555554444", "55555555", "55555555****4444"),
        ("378282246310005", "378282", "378282*****0005"),
        ("6205500000000000004", "62055000", "62055000*******0004"),
        ("4222222222222", "422222", "422222***2222"),
    ],
)
def test_what_may_be_shown(digits: str, bin: str, masked: str) -> None:
    card = parse_card_number(digits)
    assert (card.bin, card.last_four, card.masked, card.reveal()) == (bin, digits[-4:], masked, digits)
    assert f"{card} {card!r}" == f"CardNumber(…{digits[-4:]}) CardNumber(…{digits[-4:]})"
    assert card == CardNumber(digits)


@pytest.mark.parametrize(
    "text",
    ["", "4111111111111112", "411111111111", "4" * 20, "4111 1111 1111 1111", "４１１１１１１１１１１１１１１１",
     "٤١١١١١١١١١١١١١١١", f"{VISA}\n", f"+{VISA}", f"{VISA}\0", "\ud800" * 16],
)  # fmt: skip
def test_anything_else_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidCardError) as caught:
        parse_card_number(text)
    assert caught.value.__cause__ is None
    assert len(text) < 4 or text not in str(caught.value)


def _ways_out(secret: object) -> None:
    for write in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps, msgspec.json.encode, msgspec.msgpack.encode):
        with pytest.raises(TypeError) as caught:
            write(secret)
        assert VISA not in str(caught.value)
    assert not hasattr(secret, "__dict__")


def test_a_card_number_is_not_written_out() -> None:
    _ways_out(parse_card_number(VISA))
    with pytest.raises(TypeError):
        hash(parse_card_number(VISA))


def test_a_verification_value_is_taken_once_and_never_kept() -> None:
    value = parse_verification_value("123")
    _ways_out(value)
    assert f"{value} {value!r}" == "VerificationValue(…) VerificationValue(…)"
    assert value != parse_verification_value("123")
    assert value.take() == "123"
    with pytest.raises(ValueError, match="used before"):
        value.take()


def test_a_callers_buffer_is_wiped() -> None:
    digits = bytearray(b"0123")
    assert parse_verification_value(digits).take() == "0123"
    assert digits == bytes(4)
    wrong = bytearray(b"12345")
    with pytest.raises(InvalidCardError):
        parse_verification_value(wrong)
    assert wrong == bytes(5)


@pytest.mark.parametrize("text", ["", "12", "12345", "12a", "１２３", " 123", "\ud800\ud800\ud800"])
def test_other_texts_are_no_verification_value(text: str) -> None:
    with pytest.raises(InvalidCardError):
        parse_verification_value(text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"card {VISA}", "card 41111111****1111"),
        ("卡号 4111 1111-1111 1111。", "卡号 4111 1111-**** 1111。"),
        (f"order 20231122 {VISA} 88", "order 20231122 41111111****1111 88"),
        ("４１１１１１１１１１１１１１１１", "４１１１１１１１****１１１１"),
        ("4200001234202311221234567890", "4200001234202311221234567890"),
        ("13812345678", "13812345678"),
        ("", ""),
    ],
)
def test_card_numbers_in_text_are_masked(text: str, masked: str) -> None:
    assert mask_card_numbers(text) == masked
    assert bool(find_card_numbers(text)) is (text != masked)


def test_places_are_counted_in_characters() -> None:
    text = "卡😀 4111 1111 1111 1111 好"
    [(first, end)] = find_card_numbers(text)
    assert text[first:end] == "4111 1111 1111 1111"


@given(st.text(alphabet="0123456789 -x１٢", max_size=60))
def test_what_was_masked_holds_no_whole_number(text: str) -> None:
    masked = mask_card_numbers(text)
    assert len(masked) == len(text)
    for first, end in find_card_numbers(text):
        assert masked[first:end] != text[first:end]
