"""The error families: stable codes, one each."""

import inspect

from pycore import errors
from pycore.errors import LedgerUnavailableError, PycoreError


def _families() -> dict[str, type[PycoreError]]:
    return {
        name: kind
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, PycoreError) and not name.startswith("_")
    }


def test_the_list_of_families_is_an_api_promise() -> None:
    assert {name: (kind.code, kind.retryable) for name, kind in _families().items()} == {
        "PycoreError": ("internal", False),
        "RetryLaterError": ("internal", True),
        "LedgerOverloadedError": ("ledger_overloaded", True),
        "LedgerUnavailableError": ("ledger_unavailable", True),
        "LedgerFencedError": ("ledger_fenced", False),
        "OutcomeUnknownError": ("outcome_unknown", True),
        "DeadlineExceededError": ("deadline_exceeded", True),
        "RequestTooLargeError": ("request_too_large", False),
        "InvalidRecordsError": ("invalid_records", False),
        "RowsRefusedError": ("conflict", False),
        "InvalidRequestError": ("invalid_request", False),
        "NotFoundError": ("not_found", False),
        "InvalidStateError": ("invalid_state", False),
        "AlreadyExistsError": ("already_exists", False),
        "IdempotencyMismatchError": ("idempotency_mismatch", False),
        "RequestInProgressError": ("request_in_progress", True),
        "UnauthenticatedError": ("unauthenticated", False),
        "PermissionDeniedError": ("permission_denied", False),
        "MerchantDisabledError": ("merchant_disabled", False),
        "RateLimitedError": ("rate_limited", True),
        "SealedValueError": ("sealed_value", False),
        "SealRefusedError": ("seal_refused", False),
        "InvalidCardError": ("invalid_card", False),
        "InvalidPersonalDataError": ("invalid_personal_data", False),
        "VaultKeyError": ("vault_key", False),
        "LedgerInUseError": ("ledger_in_use", False),
        "JournalDamagedError": ("journal_damaged", False),
        "JournalKeyError": ("journal_key", False),
        "JournalVersionError": ("journal_version", False),
        "StateMismatchError": ("state_mismatch", False),
        "DataFolderInUseError": ("data_folder_in_use", False),
        "DatabaseStartError": ("database_start", False),
        "MigrationError": ("migration", False),
        "ConfigurationError": ("configuration", False),
    }


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
