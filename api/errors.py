"""What the library's errors are called outside: one table for both doors."""

from collections import Counter
from http import HTTPStatus
from typing import Final, NamedTuple

import grpc
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, LocalizedMessage, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status

from api.language import Language, chosen_language
from api.request_id import current_request
from pycore.errors import (
    AlreadyExistsError,
    CodeNotInUseError,
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
from pycore.vault import mask_secrets

DOMAIN: Final = "ledger.pycore"
"""Whose reasons these are (``google.rpc.ErrorInfo.domain``)."""

FAILURES: Final[Counter[str]] = Counter()
"""How many requests ended with each reason since the start, both doors together."""

_Rpc = grpc.StatusCode
_Http = HTTPStatus
_log = structlog.get_logger(__name__)


class Outside(NamedTuple):
    """How one error looks to a caller of gRPC and of HTTP."""

    rpc: grpc.StatusCode
    http: HTTPStatus
    chinese: str
    """Its meaning in Chinese; in English it is the error's own."""
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


class MisdirectedRequestError(PycoreError):
    """The request is for a host that this server is not. Nothing was done."""

    code = "misdirected_request"
    meaning = (
        "the request is for a host that this server does not answer to; nothing was done: call it by its own name, or"
        " let who runs it add this one to [server] hosts, for example pay.example.com"
    )


class ForeignOriginError(PycoreError):
    """A page of another site sent the request. Nothing was done."""

    code = "foreign_origin"
    meaning = (
        "a page of another site sent the request (Origin); nothing was done: call from your server, a key has no place"
        " in a page"
    )


class UnsupportedMediaTypeError(PycoreError):
    """The body is not plain ``application/json``: another type, or compressed. Nothing was recorded."""

    code = "unsupported_media_type"
    meaning = "the body is not plain application/json; nothing was recorded"


class HeadersTooLargeError(PycoreError):
    """The request line and headers are too many or too long. Nothing was recorded."""

    code = "headers_too_large"
    meaning = "the request line and headers are too many or too long; nothing was recorded: send fewer or shorter ones"


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
    UnauthenticatedError: Outside(
        _Rpc.UNAUTHENTICATED,
        _Http.UNAUTHORIZED,
        "缺少有效的 API 密钥，或密钥此刻、此地址不可用；未执行任何操作：请在 authorization 头中发送密钥",
    ),
    PermissionDeniedError: Outside(
        _Rpc.PERMISSION_DENIED, _Http.FORBIDDEN, "该 API 密钥无权执行此操作；未执行任何操作：请使用具有相应权限的密钥"
    ),
    MerchantDisabledError: Outside(
        _Rpc.PERMISSION_DENIED, _Http.FORBIDDEN, "该商户已停用；未执行任何操作：请联系平台运营方"
    ),
    RateLimitedError: Outside(
        _Rpc.RESOURCE_EXHAUSTED, _Http.TOO_MANY_REQUESTS, "请求超过限额；未执行任何操作：请稍后再试"
    ),
    InvalidRecordsError: Outside(
        _Rpc.INVALID_ARGUMENT, _Http.BAD_REQUEST, "请求内容不是有效的记录；未记录任何内容：请更正"
    ),
    InvalidRequestError: Outside(
        _Rpc.INVALID_ARGUMENT, _Http.UNPROCESSABLE_ENTITY, "请求中有字段无效；未记录任何内容：请更正"
    ),
    InvalidStateError: Outside(
        _Rpc.FAILED_PRECONDITION, _Http.CONFLICT, "当前状态不允许此操作；未记录任何内容：请重新查询"
    ),
    AlreadyExistsError: Outside(
        _Rpc.ALREADY_EXISTS, _Http.CONFLICT, "该商户单号已被占用；未记录任何内容：请换用新的单号"
    ),
    IdempotencyMismatchError: Outside(
        _Rpc.ALREADY_EXISTS, _Http.CONFLICT, "该幂等键已用于内容不同的请求；未记录任何内容：请换用新的幂等键"
    ),
    RowsRefusedError: Outside(_Rpc.ABORTED, _Http.CONFLICT, "与此间已记录的内容相矛盾；未记录任何内容：请重新查询"),
    RequestInProgressError: Outside(
        _Rpc.ABORTED, _Http.CONFLICT, "相同的请求正在处理中：请稍后用同样的请求查询结果", 100
    ),
    InvalidPersonalDataError: Outside(
        _Rpc.INVALID_ARGUMENT, _Http.UNPROCESSABLE_ENTITY, "姓名、电话或证件号码无效；未记录任何内容：请更正"
    ),
    InvalidCardError: Outside(
        _Rpc.INVALID_ARGUMENT, _Http.UNPROCESSABLE_ENTITY, "卡号或安全码无效；未记录任何内容：请更正"
    ),
    SealRefusedError: Outside(_Rpc.FAILED_PRECONDITION, _Http.CONFLICT, "保险库拒绝加密；未记录任何内容"),
    # Of ours, not of the caller's: the key is not here, or the row was changed behind our back.
    SealedValueError: Outside(_Rpc.INTERNAL, _Http.INTERNAL_SERVER_ERROR, "加密的内容在此无法解开"),
    MalformedRequestError: Outside(_Rpc.INVALID_ARGUMENT, _Http.BAD_REQUEST, "无法读取该请求；未记录任何内容：请更正"),
    NotFoundError: Outside(_Rpc.NOT_FOUND, _Http.NOT_FOUND, "没有找到"),
    CodeNotInUseError: Outside(
        _Rpc.FAILED_PRECONDITION, _Http.GONE, "该收款码已停用；未记录任何内容：请向商户索取现用的收款码"
    ),
    MethodNotAllowedError: Outside(_Rpc.UNIMPLEMENTED, _Http.METHOD_NOT_ALLOWED, "该路径不支持此方法"),
    MisdirectedRequestError: Outside(
        _Rpc.FAILED_PRECONDITION,
        _Http.MISDIRECTED_REQUEST,
        "请求的主机名不属于本服务器；未执行任何操作：请使用服务器自己的主机名，或由运营方将其加入 [server] hosts",
    ),
    ForeignOriginError: Outside(
        _Rpc.PERMISSION_DENIED,
        _Http.FORBIDDEN,
        "请求来自其他网站的页面；未执行任何操作：请从您的服务器调用，密钥不应出现在网页中",
    ),
    UnsupportedMediaTypeError: Outside(
        _Rpc.INVALID_ARGUMENT, _Http.UNSUPPORTED_MEDIA_TYPE, "请求体必须是未压缩的 application/json；未记录任何内容"
    ),
    RequestTooLargeError: Outside(
        _Rpc.INVALID_ARGUMENT, _Http.REQUEST_ENTITY_TOO_LARGE, "请求过大；未记录任何内容：请拆分后发送"
    ),
    RequestTimeoutError: Outside(
        _Rpc.DEADLINE_EXCEEDED, _Http.REQUEST_TIMEOUT, "请求到达过慢；未记录任何内容：请重新发送", 0
    ),
    LedgerOverloadedError: Outside(
        _Rpc.RESOURCE_EXHAUSTED, _Http.TOO_MANY_REQUESTS, "等待处理的请求过多；未记录任何内容：请稍后再试"
    ),
    LedgerUnavailableError: Outside(
        _Rpc.UNAVAILABLE, _Http.SERVICE_UNAVAILABLE, "数据库暂时不可用；未记录任何内容：请稍后再试"
    ),
    # Another server writes now; a caller that tries again reaches it through its balancer or resolver.
    LedgerFencedError: Outside(
        _Rpc.UNAVAILABLE, _Http.SERVICE_UNAVAILABLE, "账本已由另一个进程接管；未记录任何内容：请把请求发给它", 1000
    ),
    # Not UNAVAILABLE, which says that nothing happened: the caller has to ask again with the same ids.
    OutcomeUnknownError: Outside(
        _Rpc.ABORTED,
        _Http.BAD_GATEWAY,
        "记录请求时与数据库的连接中断，结果尚不确定：请用相同的编号重新发送，不会重复记录",
        500,
    ),
    DeadlineExceededError: Outside(
        _Rpc.DEADLINE_EXCEEDED, _Http.REQUEST_TIMEOUT, "等待期间已过时限；未记录任何内容：请重新发送", 0
    ),
    OutcomePendingError: Outside(
        _Rpc.DEADLINE_EXCEEDED,
        _Http.REQUEST_TIMEOUT,
        "记录尚未完成时已过时限，结果尚不确定：请用相同的编号重新发送，不会重复记录",
        0,
    ),
    HeadersTooLargeError: Outside(
        _Rpc.RESOURCE_EXHAUSTED, _Http.REQUEST_HEADER_FIELDS_TOO_LARGE, "请求行或请求头过多或过长；未记录任何内容"
    ),
    InternalError: Outside(
        _Rpc.INTERNAL, _Http.INTERNAL_SERVER_ERROR, "服务器出现缺陷：请用相同的编号重新发送，不会重复记录"
    ),
}
"""Every error a request can end with. A new one needs its class, a line here, and `make docs`; tests ask for all."""


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


def masked_message(error: PycoreError) -> str:
    """Return what an error says; should it quote a secret after all, that is masked."""
    return mask_secrets(str(error))


def told(error: PycoreError, language: Language) -> str:
    """Return what an error says to people."""
    message = masked_message(error)
    if language == "en":
        return message
    chinese = OUTSIDE[type(error)].chinese
    # What is said of this very request, which field for example, is there in English only.
    return chinese if message == error.meaning else f"{chinese}（{message}）"


def rpc_status(error: PycoreError, accept_language: str | None = None) -> Status:
    """Return the rich status of a failed call.

    It has ErrorInfo with the reason, RequestInfo with the request's name, RetryInfo where trying again helps, and
    LocalizedMessage for those who say which languages they accept; the status's own message is English.
    """
    status = Status(code=OUTSIDE[type(error)].rpc.value[0], message=masked_message(error))
    _attach(status, ErrorInfo(reason=error.code.upper(), domain=DOMAIN))
    delay_ms = retry_after_ms(error)
    if delay_ms is not None:
        delay = Duration()
        delay.FromMilliseconds(delay_ms)
        _attach(status, RetryInfo(retry_delay=delay))
    if (id := current_request()) is not None:
        _attach(status, RequestInfo(request_id=id))
    if accept_language is not None:
        language = chosen_language(accept_language)
        _attach(status, LocalizedMessage(locale=language, message=told(error, language)))
    return status


def _attach(status: Status, detail: ErrorInfo | LocalizedMessage | RequestInfo | RetryInfo) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    status.details.append(packed)
