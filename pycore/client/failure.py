"""Statuses of the server turned back into the library's errors: the one place where that happens."""

from typing import Final

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import aio

from pycore import errors
from pycore.errors import (
    DeadlineExceededError,
    InvalidRecordsError,
    LedgerFencedError,
    LedgerUnavailableError,
    OutcomeUnknownError,
    PycoreError,
    RequestInProgressError,
    RequestTooLargeError,
    RetryLaterError,
    RowsRefusedError,
)

_KINDS: Final[dict[str, type[PycoreError]]] = {
    kind.code.upper(): kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, PycoreError)
    # The others, made of more than a message, are for a start that fails.
    if kind.__init__ in {PycoreError.__init__, RetryLaterError.__init__, RowsRefusedError.__init__}
} | {"MALFORMED_REQUEST": InvalidRecordsError}
del _KINDS["INTERNAL"]
_CONNECTION_LOST: Final = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    # What grpcio says when a write meets a stream that the other side has ended; a defect of the server has a reason.
    grpc.StatusCode.INTERNAL,
)
_RETRIED: Final = (RetryLaterError, LedgerFencedError, OutcomeUnknownError, RequestInProgressError)


class Failure:
    """What one failed call means: the error for the caller, and whether and when the same request may go again."""

    def __init__(self, error: aio.AioRpcError) -> None:
        info, delay_ms = _details(error)
        message = error.details() or str(error.code())
        kind = _KINDS.get(info.reason) if info is not None else None
        self.from_server = kind is not None
        """Whether the ledger itself answered; anything else leaves open what it did with the request."""
        if kind is not None:
            self.error = _made(kind, message, delay_ms)
            self.is_retried = isinstance(self.error, _RETRIED)
        elif info is None and error.code() in _CONNECTION_LOST:
            self.error = LedgerUnavailableError(f"the server cannot be reached: {message}", retry_after_ms=delay_ms)
            self.is_retried = True
        elif error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            self.error = DeadlineExceededError(f"no answer came in time: {message}")
            self.is_retried = False
        elif error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
            # gRPC's own limits: the message is too large, or there are too many calls.
            self.error = RequestTooLargeError(message)
            self.is_retried = False
        else:
            self.error = PycoreError(f"the server failed: {error.code()}: {message}")
            self.is_retried = False
        self.delay_seconds = delay_ms / 1000
        self.is_outcome_known = self.from_server and not isinstance(self.error, OutcomeUnknownError)


def error_of(reason: str, message: str, delay_ms: int) -> PycoreError:
    """Return the error a reason of the server stands for."""
    return _made(_KINDS.get(reason, PycoreError), message, delay_ms)


def _made(kind: type[PycoreError], message: str, delay_ms: int) -> PycoreError:
    return kind(message, retry_after_ms=delay_ms) if issubclass(kind, RetryLaterError) else kind(message)


def outcome_unknown(last: Exception) -> OutcomeUnknownError:
    """Return the error for a request that may have been recorded; ``last`` is what the last try ended with."""
    return OutcomeUnknownError(
        f"no final answer came ({last}), so whether the request was recorded is not known: send the same request again,"
        " with the same ids; nothing will be recorded twice"
    )


def _details(error: aio.AioRpcError) -> tuple[ErrorInfo | None, int]:
    """Return the reason and the server's retry hint in milliseconds."""
    info, delay_ms = None, 0
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for detail in Status.FromString(value).details:
            if detail.Is(ErrorInfo.DESCRIPTOR):
                info = ErrorInfo()
                detail.Unpack(info)
            elif detail.Is(RetryInfo.DESCRIPTOR):
                retry = RetryInfo()
                detail.Unpack(retry)
                delay_ms = retry.retry_delay.ToMilliseconds()
    return info, delay_ms
