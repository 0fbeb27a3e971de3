"""APIv3's errors: an HTTP status, a code, a message for people, sometimes a detail of the field that is wrong."""

from typing import Any, Final

from api.sandbox.core.refusal import Reason


class ApiError(Exception):
    """What a request is refused with."""

    def __init__(self, status: int, code: str, message: str, detail: dict[str, Any] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail

    @property
    def content(self) -> dict[str, Any]:
        """The reply's JSON."""
        plain: dict[str, Any] = {"code": self.code, "message": self.message}
        return plain if self.detail is None else {**plain, "detail": self.detail}


_REASONS: Final[dict[Reason, tuple[int, str, str]]] = {
    Reason.ORDER_UNKNOWN: (404, "ORDER_NOT_EXIST", "订单不存在"),
    Reason.ORDER_PAID: (400, "ORDERPAID", "该订单已支付"),
    Reason.ORDER_CLOSED: (400, "ORDER_CLOSED", "该订单已关闭"),
    Reason.ORDER_EXPIRED: (400, "ORDER_CLOSED", "该订单已过期"),
    Reason.ORDER_REVERSED: (400, "ORDER_CLOSED", "该订单已撤销"),
    Reason.ORDER_NOT_PAID: (400, "INVALID_REQUEST", "订单状态不支持退款"),
    Reason.ORDER_DIFFERS: (400, "INVALID_REQUEST", "请求重入时，参数与首次请求时不一致"),
    Reason.PAYMENT_REFUSED: (403, "TRADE_ERROR", "交易错误"),
    Reason.CODE_UNUSABLE: (400, "AUTH_CODE_INVALID", "付款码无效"),
    Reason.REFUND_UNKNOWN: (404, "RESOURCE_NOT_EXISTS", "退款单不存在"),
    Reason.REFUND_DIFFERS: (400, "INVALID_REQUEST", "请求参数与首次请求时不一致"),
    Reason.REFUND_TOO_LARGE: (400, "INVALID_REQUEST", "申请退款金额大于可退金额"),
    Reason.REFUND_TOO_MANY: (400, "INVALID_REQUEST", "部分退款次数超出上限"),
    Reason.REFUND_TOO_LATE: (400, "INVALID_REQUEST", "订单已经超过退款期限"),
}


def refused(reason: Reason) -> ApiError:
    """Return the channel's no in this protocol's words."""
    return ApiError(*_REASONS[reason])


def parameter_error(field: str, issue: str, location: str = "body") -> ApiError:
    """Return the answer to a request that is not what the interface takes."""
    detail = {"field": field, "issue": issue, "location": location}
    return ApiError(400, "PARAM_ERROR", f"参数错误：{issue}", detail)


def signature_error(issue: str) -> ApiError:
    """Return the answer to a request that nobody vouches for."""
    detail = {"field": "signature", "issue": issue, "location": "authorization"}
    return ApiError(401, "SIGN_ERROR", "错误的签名，验签失败", detail)


def header_error(issue: str) -> ApiError:
    """Return the answer to a request whose headers the interface does not take."""
    return ApiError(400, "INVALID_REQUEST", issue)
