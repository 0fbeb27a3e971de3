"""What is never in a log, whatever went wrong."""

import json
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from api.logs import configure_logs
from pycore.merchants.secret import KeyPrefix, new_secret
from pycore.vault import PhoneNumber


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    stream = StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logs()
    yield stream
    structlog.reset_defaults()


@pytest.mark.parametrize("secret", ["4111 1111 1111 1111", "6222021234567890128", *map(new_secret, KeyPrefix)])
def test_card_numbers_and_keys_are_masked(lines: StringIO, secret: str) -> None:
    error = ValueError(f"refused {secret!r}")
    structlog.get_logger().error("request failed", exc_info=error, value=secret, text=f"付款 {secret}。")
    line = lines.getvalue()
    assert secret not in line
    assert secret[8:] not in line
    logged = json.loads(line)
    assert logged["event"] == "request failed"
    assert "ValueError" in logged["exception"]


def test_personal_data_shows_masks(lines: StringIO) -> None:
    structlog.get_logger().warning("odd", phone=PhoneNumber("13812345678"))
    assert "12345678" not in lines.getvalue()
    assert "+86138****5678" in lines.getvalue()
