"""What the library's errors are called outside: one table for both doors."""

from collections import Counter
from http import HTTPStatus
from typing import Final, NamedTuple

import grpc
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from pycore.errors import (
    AlreadyExistsError,
    DeadlineExceededError,
    IdempotencyMismatchError,
    InvalidCardError,
    InvalidPersonalDataError,
    InvalidRecordsError,
    InvalidRequestError,
    InvalidStateError,
    LedgerFencedError,
    LedgerOverloadedError,
    LedgerUnavailableError,
    MerchantDisabledError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PycoreError,
    RateLimitedError,
    RequestInProgressError,
    RequestTooLargeError,
    RowsRefusedError,
    SealedValueError,
    SealRefusedError,
    UnauthenticatedError,
)

DOMAIN: Final = "ledger.pycore"
"""Whose reasons these are (``google.rpc.ErrorInfo.domain``)."""

FAILURES: Final[Counter[str]] = Counter()
"""How many requests ended with each reason since the start, both doors together."""

_log = structlog.get_logger(__name__)


class Outside(NamedTuple):
    """How one error looks to a caller of gRPC and of HTTP."""

    rpc: grpc.StatusCode
    http: HTTPStatus
    retry_after_ms: int | None = None
    """When to try again, where the error itself does not say; None where trying again does not help."""


class MalformedRequestError(PycoreError):
    """The request cannot be read: not valid protobuf or JSON, or not what the endpoint takes. Nothing was recorded."""

    code = "malformed_request"
    meaning = "the request cannot be read; nothing was recorded: correct it"


class MethodNotAllowedError(PycoreError):
    """The path exists, but not with this HTTP method."""

    code = "method_not_allowed"
    meaning = "this path is not for this method"


class UnsupportedMediaTypeError(PycoreError):
    """The body is not plain ``application/json``: another type, or compressed. Nothing was recorded."""

    code = "unsupported_media_type"
    meaning = "the body is not plain application/json; nothing was recorded"


class RequestTimeoutError(PycoreError):
    """The caller took too long to send its request. Nothing was recorded."""

    code = "request_timeout"
    retryable = True
    meaning = "the request took too long to arrive; nothing was recorded: send it again"


class OutcomePendingError(PycoreError):
    """The caller's deadline passed while the request was being recorded; whether it was is not known yet."""

    code = "outcome_pending"
    retryable = True
    meaning = (
        "the deadline passed while the request was being recorded, and whether it was is not known yet: send the same"
        " request again, with the same ids; nothing will be recorded twice"
    )


class InternalError(PycoreError):
    """The server met a defect. Whether anything was recorded is not known."""

    code = "internal"
    meaning = "the server met a defect: send the request again with the same ids, nothing will be recorded twice"


OUTSIDE: Final[dict[type[PycoreError], Outside]] = {
    UnauthenticatedError: Outside(grpc.StatusCode.UNAUTHENTICATED, HTTPStatus.UNAUTHORIZED),
    PermissionDeniedError: Outside(grpc.StatusCode.PERMISSION_DENIED, HTTPStatus.FORBIDDEN),
    MerchantDisabledError: Outside(grpc.StatusCode.PERMISSION_DENIED, HTTPStatus.FORBIDDEN),
    RateLimitedError: Outside(grpc.StatusCode.RESOURCE_EXHAUSTED, HTTPStatus.TOO_MANY_REQUESTS),
    InvalidRecordsError: Outside(grpc.StatusCode.INVALID_ARGUMENT, HTTPStatus.BAD_REQUEST),
    InvalidRequestError: Outside(grpc.StatusCode.INVALID_ARGUMENT, HTTPStatus.UNPROCESSABLE_ENTITY),
    InvalidStateError: Outside(grpc.StatusCode.FAILED_PRECONDITION, HTTPStatus.CONFLICT),
    AlreadyExistsError: Outside(grpc.StatusCode.ALREADY_EXISTS, HTTPStatus.CONFLICT),
    IdempotencyMismatchError: Outside(grpc.StatusCode.ALREADY_EXISTS, HTTPStatus.CONFLICT),
    RowsRefusedError: Outside(grpc.StatusCode.ABORTED, HTTPStatus.CONFLICT),
    RequestInProgressError: Outside(grpc.StatusCode.ABORTED, HTTPStatus.CONFLICT, 100),
    InvalidPersonalDataError: Outside(grpc.StatusCode.INVALID_ARGUMENT, HTTPStatus.UNPROCESSABLE_ENTITY),
    InvalidCardError: Outside(grpc.StatusCode.INVALID_ARGUMENT, HTTPStatus.UNPROCESSABLE_ENTITY),
    SealRefusedError: Outside(grpc.StatusCode.FAILED_PRECONDITION, HTTPStatus.CONFLICT),
    # Of ours, not of the caller's: the key is not here, or the row was changed behind our back.
    SealedValueError: Outside(grpc.StatusCode.INTERNAL, HTTPStatus.INTERNAL_SERVER_ERROR),
    MalformedRequestError: Outside(grpc.StatusCode.INVALID_ARGUMENT, HTTPStatus.BAD_REQUEST),
    NotFoundError: Outside(grpc.StatusCode.NOT_FOUND, HTTPStatus.NOT_FOUND),
    MethodNotAllowedError: Outside(grpc.StatusCode.UNIMPLEMENTED, HTTPStatus.METHOD_NOT_ALLOWED),
    UnsupportedMediaTypeError: Outside(grpc.StatusCode.INVALID_ARGUMENT, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    RequestTooLargeError: Outside(grpc.StatusCode.INVALID_ARGUMENT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    RequestTimeoutError: Outside(grpc.StatusCode.DEADLINE_EXCEEDED, HTTPStatus.REQUEST_TIMEOUT, 0),
    LedgerOverloadedError: Outside(grpc.StatusCode.RESOURCE_EXHAUSTED, HTTPStatus.TOO_MANY_REQUESTS),
    LedgerUnavailableError: Outside(grpc.StatusCode.UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE),
    # Another server writes now; a caller that tries again reaches it through its balancer or resolver.
    LedgerFencedError: Outside(grpc.StatusCode.UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE, 1000),
    # Not UNAVAILABLE, which says that nothing happened: the caller has to ask again with the same ids.
    OutcomeUnknownError: Outside(grpc.StatusCode.ABORTED, HTTPStatus.BAD_GATEWAY, 500),
    DeadlineExceededError: Outside(grpc.StatusCode.DEADLINE_EXCEEDED, HTTPStatus.REQUEST_TIMEOUT, 0),
    OutcomePendingError: Outside(grpc.StatusCode.DEADLINE_EXCEEDED, HTTPStatus.REQUEST_TIMEOUT, 0),
    InternalError: Outside(grpc.StatusCode.INTERNAL, HTTPStatus.INTERNAL_SERVER_ERROR),
}
"""Every error a request can end with. A test walks ``pycore.errors`` and asks that none is forgotten."""


def public_error(error: BaseException) -> PycoreError:
    """Return the error a caller may see, and count it. A defect is logged here and shown without its inside."""
    if not isinstance(error, PycoreError) or type(error) not in OUTSIDE:
        _log.error("request failed", exc_info=error)
        error = InternalError()
    FAILURES[error.code] += 1
    return error


def retry_after_ms(error: PycoreError) -> int | None:
    """Return after how many milliseconds trying again makes sense, or None where it does not."""
    delay_ms: int | None = getattr(error, "retry_after_ms", None)
    return OUTSIDE[type(error)].retry_after_ms if delay_ms is None else delay_ms


def rpc_status(error: PycoreError) -> Status:
    """Return the rich status of a failed call: ErrorInfo with the reason, RetryInfo where trying again helps."""
    status = Status(code=OUTSIDE[type(error)].rpc.value[0], message=str(error))
    _attach(status, ErrorInfo(reason=error.code.upper(), domain=DOMAIN))
    delay_ms = retry_after_ms(error)
    if delay_ms is not None:
        delay = Duration()
        delay.FromMilliseconds(delay_ms)
        _attach(status, RetryInfo(retry_delay=delay))
    return status


def _attach(status: Status, detail: ErrorInfo | RetryInfo) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    status.details.append(packed)
