"""What is never in a log, whatever went wrong."""

import asyncio
import gc
import json
import logging
import sys
from collections.abc import Iterator
from io import StringIO

import asyncpg
import pytest
import structlog

from api.logs import configure_logs
from pycore.errors import NotFoundError
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


def test_an_error_of_others_is_logged_without_its_message(lines: StringIO) -> None:
    """PostgreSQL's DETAIL quotes the row, its driver the argument: a traceback in the log had them."""
    name, phone = "张三", "13912345678"
    try:
        try:
            raise asyncpg.UniqueViolationError(f"Key (name)=({name}) already exists")
        except asyncpg.PostgresError as error:
            raise LookupError(f"{name} {phone}") from error
    except LookupError:
        structlog.get_logger().exception("request failed")
    logged = json.loads(lines.getvalue())
    assert name not in lines.getvalue()
    assert phone not in lines.getvalue()
    assert "asyncpg.exceptions.UniqueViolationError (sqlstate=23505)" in logged["exception"]
    assert "builtins.LookupError" in logged["exception"]
    assert "test_logs.py" in logged["exception"]


def test_what_we_say_ourselves_is_logged(lines: StringIO) -> None:
    structlog.get_logger().error("request failed", exc_info=NotFoundError("there is no such link"))
    assert "NotFoundError: there is no such link" in json.loads(lines.getvalue())["exception"]


async def test_libraries_log_in_the_same_form(lines: StringIO) -> None:
    """asyncio told of a task that failed unheard with the whole error, past our own logger."""

    name = "张三"

    async def fail() -> None:
        raise ValueError(name)

    task = asyncio.ensure_future(fail())
    await asyncio.wait([task])
    del task
    gc.collect()
    logging.getLogger("grpc").warning("card %s", "4111111111111111")
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [each["event"] for each in told] == ["Task exception was never retrieved", "card ****"]
    assert "ValueError" in told[0]["exception"]
    assert name not in lines.getvalue()
