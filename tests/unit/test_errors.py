"""The error families: stable codes, one each."""

import inspect
import re

from pycore import errors
from pycore.errors import LedgerUnavailableError, PycoreError


def _families() -> dict[str, type[PycoreError]]:
    return {
        name: kind
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, PycoreError) and not name.startswith("_")
    }


def test_codes_are_unique() -> None:
    families = {"PycoreError", "RetryLaterError"}
    codes = [kind.code for name, kind in _families().items() if name not in families]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)
    assert "internal" not in codes


def test_a_retry_hint_travels_with_the_error() -> None:
    error = LedgerUnavailableError("the database is away; nothing was recorded", retry_after_ms=250)
    assert error.retry_after_ms == 250
    assert "nothing was recorded" in str(error)


def test_every_family_is_documented() -> None:
    assert all(kind.__doc__ for kind in _families().values())


def test_messages_say_what_happened_what_it_means_and_what_to_do() -> None:
    damaged = errors.JournalDamagedError(7, "its hash does not match")
    assert damaged.lsn == 7
    assert "damaged at row 7: its hash does not match" in str(damaged)
    assert "changed nothing" in str(damaged)
    assert "host:1" in str(errors.LedgerInUseError("host:1"))
    assert errors.JournalVersionError(3, "body version 9").lsn == 3
    assert "send the same request again" in str(errors.OutcomeUnknownError())
    assert "nothing was recorded" in str(errors.LedgerOverloadedError(retry_after_ms=20))
