"""The errors of the library: for trouble and misuse. Business outcomes are result codes, never exceptions.

Every message says what happened, what it means for the money, and what to do next. ``code`` is the stable name the
outside world sees; ``retryable`` says whether the same call, sent again unchanged, may succeed.
"""

from typing import ClassVar


class PycoreError(Exception):
    """The family of all errors this library raises on purpose."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    meaning: ClassVar[str] = "A defect was met."
    """The message where none is given."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.meaning)


class RetryLaterError(PycoreError):
    """The family of refusals that name the time after which the same request may succeed. Nothing was recorded."""

    retryable = True

    def __init__(self, message: str | None = None, *, retry_after_ms: int) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms
        """Milliseconds to wait before the next try."""


# -- a request could not be carried out


class LedgerOverloadedError(RetryLaterError):
    """The queue of waiting events is full. Nothing was recorded."""

    code = "ledger_overloaded"
    meaning = "too many events wait already; nothing was recorded: send the request again a little later"


class LedgerUnavailableError(RetryLaterError):
    """The database cannot be reached or cannot write. Nothing was recorded."""

    code = "ledger_unavailable"
    meaning = "the database cannot be used now; nothing was recorded: send the request again a little later"


class LedgerFencedError(PycoreError):
    """Another writer took over this ledger; this process can never write to it again. Nothing was recorded."""

    code = "ledger_fenced"
    meaning = "another writer took over this ledger; nothing was recorded: send the request to that one"


class OutcomeUnknownError(PycoreError):
    """The connection was lost at COMMIT and it is not known yet whether the request was recorded."""

    code = "outcome_unknown"
    retryable = True
    meaning = (
        "the connection to the database was lost while the request was being recorded, and whether it was is not known"
        " yet: send the same request again, with the same ids; nothing will be recorded twice"
    )


class DeadlineExceededError(PycoreError):
    """The deadline passed before the request was started. Nothing was recorded."""

    code = "deadline_exceeded"
    retryable = True
    meaning = "the deadline passed while the request waited; nothing was recorded: send it again"


class RequestTooLargeError(PycoreError):
    """The request holds more events than one batch may. Nothing was recorded."""

    code = "request_too_large"
    meaning = "the request holds more events than one batch may; nothing was recorded: split it"


class InvalidRecordsError(PycoreError):
    """The request is not whole records, or a field does not fit its type. Nothing was recorded."""

    code = "invalid_records"
    meaning = "the request is not made of valid records; nothing was recorded: correct it"


class RowsRefusedError(PycoreError):
    """Its rows contradict what is recorded: a key is taken, or what they change was changed. Nothing was recorded."""

    code = "conflict"
    meaning = "it contradicts what was recorded meanwhile; nothing of it was recorded: look at it again"

    def __init__(self, message: str | None = None, *, constraint: str | None = None) -> None:
        super().__init__(message)
        self.constraint = constraint
        """Name of the database's constraint that was violated; None where a version guard did not hold."""


class InvalidRequestError(PycoreError):
    """A field of the request is missing or not allowed; the message names it. Nothing was recorded."""

    code = "invalid_request"
    meaning = "a field of the request is not valid; nothing was recorded: correct it"


class NotFoundError(PycoreError):
    """There is no such thing, or it is another tenant's."""

    code = "not_found"
    meaning = "there is no such thing"


class InvalidStateError(PycoreError):
    """The thing is in a state that does not allow this action. Nothing was recorded."""

    code = "invalid_state"
    meaning = "its state does not allow this; nothing was recorded: look at it again"


class AlreadyExistsError(PycoreError):
    """Its reference, unique for ever, is taken by another. Nothing was recorded."""

    code = "already_exists"
    meaning = "the reference is taken by another one; nothing was recorded: choose a new reference"


class IdempotencyMismatchError(PycoreError):
    """The idempotency key was used for another request. Nothing was recorded."""

    code = "idempotency_mismatch"
    meaning = "this idempotency key was used for a different request; nothing was recorded: use a new key"


class RequestInProgressError(PycoreError):
    """The same request, or one about the same thing, is being worked on now. Nothing more was recorded."""

    code = "request_in_progress"
    retryable = True
    meaning = "the same request is being worked on now: send it again a little later to learn its outcome"


class CodeNotInUseError(PycoreError):
    """A store's printed code was replaced or switched off by its merchant. Nothing was recorded."""

    code = "code_not_in_use"
    meaning = "this code is not in use any more; nothing was recorded: ask the shop for its present one"


# -- who asks


class UnauthenticatedError(PycoreError):
    """There is no API key, or not one that is good now and from here. Which of these it is, is not told."""

    code = "unauthenticated"
    meaning = "nothing was done without an API key that is good now and from here: send one in the header authorization"


class PermissionDeniedError(PycoreError):
    """The API key is good, but does not allow this. The message names the scope it lacks. Nothing was done."""

    code = "permission_denied"
    meaning = "the API key does not allow this; nothing was done: use one with the scope, or have it added"


class MerchantDisabledError(PycoreError):
    """The API key is good, but its merchant is disabled. Nothing was done."""

    code = "merchant_disabled"
    meaning = "this merchant is disabled; nothing was done: ask who runs this platform"


class RateLimitedError(RetryLaterError):
    """More requests than the API key's quota or its merchant's allows. Nothing was done."""

    code = "rate_limited"
    meaning = "more requests than the quota allows; nothing was done: come back later"


# -- the vault


class SealedValueError(PycoreError):
    """A sealed value or wrapped key cannot be opened. Whether it is another's, changed or lacks its key is not told."""

    code = "sealed_value"
    meaning = "a sealed value cannot be opened here"


class SealRefusedError(PycoreError):
    """A value was not sealed: too long, the key restricted, not added or in use. Nothing was recorded."""

    code = "seal_refused"
    meaning = "the vault refused to seal; nothing was recorded"


class InvalidCardError(PycoreError):
    """Not a card number or verification value. The message does not repeat it. Nothing was recorded."""

    code = "invalid_card"
    meaning = "this is not a card number or verification value; nothing was recorded: correct it"


class InvalidPersonalDataError(PycoreError):
    """Not a name, phone or id number. The message does not repeat it. Nothing was recorded."""

    code = "invalid_personal_data"
    meaning = "this is not a name, phone or id number; nothing was recorded: correct it"


# -- the ledger refuses to start


class LedgerInUseError(PycoreError):
    """Another process writes this ledger."""

    code = "ledger_in_use"

    def __init__(self, holder: str) -> None:
        super().__init__(
            f"another process writes this ledger: {holder}; nothing was changed: stop that process first,"
            " or take the ledger over from it on purpose"
        )
        self.holder = holder
        """``host:pid`` of the process that writes."""


class DataFolderInUseError(PycoreError):
    """Another process holds the data folder."""

    code = "data_folder_in_use"
    meaning = (
        "another process uses the data folder; nothing was changed: stop that process first, or use another folder"
    )


class DatabaseStartError(PycoreError):
    """The embedded database could not be prepared or started."""

    code = "database_start"
    meaning = "the embedded database could not be started; what it holds was not changed"


class MigrationError(PycoreError):
    """The schema cannot be brought to the version this software needs. The migration that failed changed nothing."""

    code = "migration"
    meaning = "the database's schema does not fit this version of the software; nothing was changed"


class ConfigurationError(PycoreError):
    """A setting is unknown, malformed or out of range."""

    code = "configuration"
    meaning = "a setting is unknown, malformed or out of range"


class JournalDamagedError(PycoreError):
    """A journal row is missing, changed or out of order. Nothing is repaired silently."""

    code = "journal_damaged"

    def __init__(self, lsn: int, reason: str) -> None:
        super().__init__(
            f"the journal is damaged at row {lsn}: {reason}; the ledger does not start and changed nothing:"
            " keep a copy of the database as it is, then restore a backup or a standby whose journal is whole"
        )
        self.lsn = lsn
        """The first journal row that cannot be trusted."""


class JournalVersionError(PycoreError):
    """The journal was written by a newer version of this software."""

    code = "journal_version"

    def __init__(self, lsn: int, reason: str) -> None:
        super().__init__(
            f"journal row {lsn} was written by a newer version of this software ({reason}); the ledger does not start"
            " and changed nothing: install that version or a newer one"
        )
        self.lsn = lsn
        """The first journal row this version cannot read."""


class JournalKeyError(PycoreError):
    """The journal's key is missing, malformed, or not the one the journal was written with."""

    code = "journal_key"
    meaning = (
        "this is not the key the journal was written with; the ledger does not start and changed nothing:"
        " give it the key of this ledger (the file journal.key of its first start, or your copy of it)"
    )


class VaultKeyError(PycoreError):
    """A key of the vault is missing, malformed, or not the one the stored keys were wrapped with."""

    code = "vault_key"
    meaning = (
        "this is not the key the vault's keys were wrapped with; nothing was changed: give it the key of this"
        " installation (the file vault.key of its first start, or your copy of it)"
    )


class StateMismatchError(PycoreError):
    """The projected state, a total or a recorded digest disagrees with the journal."""

    code = "state_mismatch"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"what is stored disagrees with the journal: {reason}; the ledger does not start and changed nothing:"
            " run `pycore verify`; if the journal is whole, `pycore rebuild` makes the projection anew from it"
        )
