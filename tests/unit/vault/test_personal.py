"""Phones, names and id numbers: one form inside, a mask outside."""

import pickle

import msgspec
import pytest

from pycore.errors import InvalidPersonalDataError
from pycore.vault import IdNumber, PersonalValue, PersonName, PhoneNumber

# The check digits are right, the persons do not exist: region 999999 was never given.
RESIDENT, RESIDENT_X = "999999199001010016", "99999919900101018X"


@pytest.mark.parametrize(
    ("text", "kept", "masked"),
    [
        ("13812345678", "+8613812345678", "+86138****5678"),
        ("138-1234-5678", "+8613812345678", "+86138****5678"),
        ("0086 138 1234 5678", "+8613812345678", "+86138****5678"),
        ("(010) 8765-4321", "+861087654321", "+8610****4321"),
        ("+852 9123 4567", "+85291234567", "+852****4567"),
        ("+4930123456", "+4930123456", "****56"),
    ],
)
def test_phones(text: str, kept: str, masked: str) -> None:
    phone = PhoneNumber(text)
    assert (phone.reveal(), phone.masked, repr(phone)) == (kept, masked, f"PhoneNumber({masked})")


@pytest.mark.parametrize(
    ("text", "kept", "masked"),
    [
        ("张三", "张三", "张**"),
        (" 欧阳  修 ", "欧阳 修", "欧**"),
        ("Anne-Marie O'Neil", "Anne-Marie O'Neil", "A**"),
        ("阿卜杜拉·买买提", "阿卜杜拉·买买提", "阿**"),
        ("王", "王", "王**"),
        ("𠮷野", "𠮷野", "𠮷**"),
    ],
)
def test_names(text: str, kept: str, masked: str) -> None:
    name = PersonName(text)
    assert (name.reveal(), name.masked, f"{name}") == (kept, masked, f"PersonName({masked})")


@pytest.mark.parametrize(
    ("text", "kept", "masked"),
    [
        (RESIDENT, RESIDENT, f"9{'*' * 16}6"),
        (RESIDENT_X.lower(), RESIDENT_X, f"9{'*' * 16}X"),
        ("999999 19900101 0016", RESIDENT, f"9{'*' * 16}6"),
        ("e12345678", "E12345678", "E*******8"),
    ],
)
def test_id_numbers(text: str, kept: str, masked: str) -> None:
    number = IdNumber(text)
    assert (number.reveal(), number.masked) == (kept, masked)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (PhoneNumber, ""),
        (PhoneNumber, "1234567"),
        (PhoneNumber, "１３８１２３４５６７８"),
        (PhoneNumber, "+0123456789"),
        (PhoneNumber, "+1234567890123456"),
        (PhoneNumber, "13812345678\n"),
        (PhoneNumber, "call me"),
        (PersonName, ""),
        (PersonName, "   "),
        (PersonName, "张" * 101),
        (PersonName, "张\0三"),
        (PersonName, "张\ud800"),
        (PersonName, "\u202eevil"),
        (PersonName, "张三 4111 1111 1111 1111"),
        (PersonName, "４１１１１１１１１１１１１１１１"),
        (IdNumber, ""),
        (IdNumber, "1234"),
        (IdNumber, RESIDENT[:-1] + "5"),
        (IdNumber, RESIDENT[:-1] + "X"),
        (IdNumber, "4111111111111111"),
        (IdNumber, "９９９９９９１９９００１０１００１６"),
        (IdNumber, "A" * 21),
    ],
)
def test_anything_else_is_refused_and_not_repeated(kind: type[PersonalValue], text: str) -> None:
    with pytest.raises(InvalidPersonalDataError) as caught:
        kind(text)
    assert len(text) < 4 or text not in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PersonName("Li Lei"), PersonName("LI  LEI")),
        (PersonName("阿卜杜拉·买买提"), PersonName("阿卜杜拉•买买提")),
        (PersonName("欧阳 修"), PersonName("欧阳修")),
        (PersonName("ＡＢ"), PersonName("ab")),
        (PhoneNumber("13812345678"), PhoneNumber("+8613812345678")),
        (IdNumber(RESIDENT_X), IdNumber(RESIDENT_X.lower())),
    ],
)
def test_equal_values_have_one_normal_form(one: PersonalValue, other: PersonalValue) -> None:
    assert (one.normal, one, hash(one)) == (other.normal, other, hash(other))


def test_kinds_are_not_equal() -> None:
    assert IdNumber("E12345678") != PersonName("E12345678")
    assert PersonName("张三") != PersonName("李四")


@pytest.mark.parametrize("value", [PhoneNumber("13812345678"), PersonName("张三"), IdNumber(RESIDENT)])
def test_personal_data_is_not_written_out(value: PersonalValue) -> None:
    with pytest.raises(TypeError, match="unsealed"):
        pickle.dumps(value)
    with pytest.raises(TypeError):
        msgspec.json.encode(value)
    assert value.reveal() not in f"{value} {value!r} {[value]}"
