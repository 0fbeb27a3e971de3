"""What is known for a secret in text, and what only looks like one."""

import re
from uuid import uuid4

import pytest

from pycore.merchants.secret import KeyPrefix, new_secret
from pycore.vault import mask_secrets, secret_in

CARD, VALUE, KEY = "a card number", "a card's verification value", "a key"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("4111111111111111", CARD),
        ("卡号 6222 0212 3456 7890 128 谢谢", CARD),
        ("４１１１１１１１１１１１１１１１", CARD),
        ("pan=5555-5555-5555-4444", CARD),
        ("2223003122003222", CARD),
        ("95588012345678900", None),
        *[(mark.join(("4111", "1111", "1111", "1111")), CARD) for mark in "./_,:|*"],
        ("④①①①①①①①①①①①①①①①", CARD),
        ("٤١١١ ١١١١ ١١١١ ١١١١", CARD),
        ("%34111%201111%201111%201111", CARD),
        ("https%3A%2F%2Fa.example%2F%2534111111111111111", CARD),
        ("card 2612011234567892", CARD),
        ("security_code: 737", VALUE),
        ("securityCode=737", VALUE),
        ("security%5Fcode=737", VALUE),
        ("%63vv=737", VALUE),
        ("sk%5Flive%5FMfKQ9r8GKYqrTwjUPD8", KEY),
        ("cvv: 123", VALUE),
        ('{"CVC2":"1234"}', VALUE),
        ("cvn2 is 123", VALUE),
        ("安全码：１２３", VALUE),
        ("my card code, cvv 123.", VALUE),
        *[(f"x {new_secret(prefix)}", KEY) for prefix in KeyPrefix],
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", KEY),
    ],
)
def test_secrets_are_known_and_masked(text: str, what: str | None) -> None:
    assert secret_in(text) == what
    if what is not None:
        assert secret_in(mask_secrets(text)) is None
        assert not re.search(r"\d{3}", mask_secrets(text))


@pytest.mark.parametrize(
    "text",
    ["6901028075763", "扫码商品 6901234567892", "ISBN 9787110000083", "6921234567890131375", "2612011234567892"],
)
def test_f1_bar_codes_and_order_numbers_are_no_cards(text: str) -> None:
    """Shops could not name an article by its bar code: 13 digits and a right check digit were a card number."""
    assert secret_in(text) is None


def test_s9_a_doubtful_number_is_taken_and_masked_where_it_is_shown() -> None:
    assert secret_in("order 2612011234567892") is None
    assert mask_secrets("order 2612011234567892") == "order ****"
    assert mask_secrets("4000001234567890124") == "****"


def test_what_a_proxy_log_quotes_is_masked() -> None:
    assert mask_secrets('GET "/x?c=%34111%201111%201111%201111" 404') == 'GET "****" 404'
    assert mask_secrets("Authorization: Basic dXNlcjpwYXNzd29yZA==") == "Authorization: Basic ****"
    assert mask_secrets("the Basic plan, 50%20off") == "the Basic plan, 50%20off"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "茶 tea",
        "T1001",
        "20261122143000123",  # a date and a count: its check digit is right by chance
        "1766412345678",  # milliseconds
        "8613812345673",  # a phone
        "pay_41111111111111114111111111111111",
        "41111111-1111-1111-4111-111111111111",
        "5f4111111111111111abcdef",
        "cvv",
        "cvv 12345",
        "sk_live_",
        "task_test_1",
    ],
)
def test_what_only_looks_like_one_is_let_through(text: str) -> None:
    assert secret_in(text) is None
    assert mask_secrets(text) in (text, "****")


def test_no_random_id_is_taken_for_a_card() -> None:
    """One in three hundred ids in hexadecimal has 13 digits in a row; payments were refused for their own reference."""
    for _ in range(20_000):
        id = uuid4()
        assert secret_in(str(id)) is None
        assert secret_in(f"ref {id.hex}") is None


def test_personal_data_is_masked_only() -> None:
    for text in ("13812345678", "+86 138-1234-5678", "11010519491231002X", "a\\n13812345678"):
        assert secret_in(text) is None
        assert "****" in mask_secrets(text)
        assert "1234" not in mask_secrets(text)
    assert mask_secrets("Authorization: Bearer abc.def-ghi") == "Authorization: Bearer ****"
    assert mask_secrets("2026-11-22T14:30:00 lsn 13812345678901 0199d3c05f6e7c3a9b1d13812345678c") == (
        "2026-11-22T14:30:00 lsn 13812345678901 0199d3c05f6e7c3a9b1d13812345678c"
    )
