"""Alipay's errors: a gateway code, a sub code, a text for people."""

from typing import Final

from api.sandbox.core.refusal import Reason


class ApiError(Exception):
    """What a request is refused with. v3 sends ``sub_code`` and ``message`` with an HTTP status, v2 all of it."""

    def __init__(self, sub_code: str, message: str, code: str = "40004", headline: str = "Business Failed") -> None:
        super().__init__(sub_code)
        self.sub_code = sub_code
        self.message = message
        self.code = code
        self.headline = headline

    @property
    def content(self) -> dict[str, str]:
        """The inner object of a v2 reply."""
        return {"code": self.code, "msg": self.headline, "sub_code": self.sub_code, "sub_msg": self.message}


_REASONS: Final[dict[Reason, tuple[str, str]]] = {
    Reason.ORDER_UNKNOWN: ("ACQ.TRADE_NOT_EXIST", "交易不存在"),
    Reason.ORDER_PAID: ("ACQ.TRADE_HAS_SUCCESS", "交易已被支付"),
    Reason.ORDER_CLOSED: ("ACQ.TRADE_HAS_CLOSE", "交易已经关闭"),
    Reason.ORDER_REVERSED: ("ACQ.TRADE_HAS_CLOSE", "交易已经关闭"),
    Reason.ORDER_NOT_PAID: ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法"),
    Reason.ORDER_DIFFERS: ("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改"),
    Reason.PAYMENT_REFUSED: ("ACQ.BUYER_BALANCE_NOT_ENOUGH", "买家余额不足"),
    Reason.CODE_UNUSABLE: ("ACQ.PAYMENT_AUTH_CODE_INVALID", "支付授权码无效"),
    Reason.REFUND_UNKNOWN: ("ACQ.TRADE_NOT_EXIST", "交易不存在"),
    Reason.REFUND_DIFFERS: ("ACQ.DISCORDANT_REPEAT_REQUEST", "不一致的请求"),
    Reason.REFUND_TOO_LARGE: ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限"),
    Reason.REFUND_TOO_MANY: ("ACQ.REFUND_FEE_ERROR", "交易退款次数超限"),
    Reason.REFUND_TOO_LATE: ("ACQ.TRADE_HAS_FINISHED", "交易已完结"),
}


def refused(reason: Reason) -> ApiError:
    """Return the channel's no in this protocol's words."""
    return ApiError(*_REASONS[reason])


def invalid(sub_code: str, message: str) -> ApiError:
    """Return the answer to a request that is not what the interface takes."""
    return ApiError(sub_code, message, "40002", "Invalid Arguments")


def missing(sub_code: str, message: str) -> ApiError:
    """Return the answer to a request without a parameter that every method needs."""
    return ApiError(sub_code, message, "40001", "Missing Required Arguments")
