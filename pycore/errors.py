"""The errors of the library: for trouble and misuse. Business outcomes are result codes, never exceptions.

Every message says what happened, what it means for the money, and what to do next. ``code`` is the stable name the
outside world sees; ``retryable`` says whether the same call, sent again unchanged, may succeed.
"""

from typing import ClassVar


class PycoreError(Exception):
    """The family of all errors this library raises on purpose."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False


class _RetryLaterError(PycoreError):
    """Trouble that passes; the caller is told when to come back."""

    retryable: ClassVar[bool] = True

    def __init__(self, message: str, *, retry_after_ms: int) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms
        """Milliseconds to wait before the next try."""


class LedgerOverloadedError(_RetryLaterError):
    """The queue of waiting events is full. Nothing was recorded."""

    code: ClassVar[str] = "ledger_overloaded"


class LedgerUnavailableError(_RetryLaterError):
    """The database cannot be reached or cannot write. Nothing was recorded."""

    code: ClassVar[str] = "ledger_unavailable"


class LedgerFencedError(PycoreError):
    """Another writer took over this ledger; this process can never write to it again. Nothing was recorded."""

    code: ClassVar[str] = "ledger_fenced"


class OutcomeUnknownError(PycoreError):
    """The connection was lost at COMMIT: recorded or not is not known yet. Ask again with the same ids."""

    code: ClassVar[str] = "outcome_unknown"
    retryable: ClassVar[bool] = True


class DeadlineExceededError(PycoreError):
    """The deadline passed before the request was started. Nothing was recorded."""

    code: ClassVar[str] = "deadline_exceeded"
    retryable: ClassVar[bool] = True


class RequestTooLargeError(PycoreError):
    """The request holds more events than one batch may. Nothing was recorded."""

    code: ClassVar[str] = "request_too_large"


class InvalidRecordsError(PycoreError):
    """The request's bytes are not whole records, or a field does not fit its type. Nothing was recorded."""

    code: ClassVar[str] = "invalid_records"


class JournalDamagedError(PycoreError):
    """A journal row is missing, changed or out of order. The ledger refuses to start; nothing is repaired silently."""

    code: ClassVar[str] = "journal_damaged"

    def __init__(self, message: str, *, lsn: int) -> None:
        super().__init__(message)
        self.lsn = lsn
        """The first journal position that cannot be trusted."""


class JournalKeyError(PycoreError):
    """The journal's key is missing, malformed, or not the one the journal was written with."""

    code: ClassVar[str] = "journal_key"


class JournalVersionError(PycoreError):
    """The journal was written by a newer version of this software."""

    code: ClassVar[str] = "journal_version"


class StateMismatchError(PycoreError):
    """The projected state, a total or a recorded digest disagrees with the journal. The ledger refuses to start."""

    code: ClassVar[str] = "state_mismatch"


class DataFolderInUseError(PycoreError):
    """Another process holds the data folder."""

    code: ClassVar[str] = "data_folder_in_use"


class DatabaseStartError(PycoreError):
    """The embedded database could not be prepared or started."""

    code: ClassVar[str] = "database_start"


class MigrationError(PycoreError):
    """The database's schema cannot be brought to the version this software needs. The migration changed nothing."""

    code: ClassVar[str] = "migration"


class ConfigurationError(PycoreError):
    """A setting is unknown, malformed or out of range."""

    code: ClassVar[str] = "configuration"
