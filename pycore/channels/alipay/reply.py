"""A verified reply of Alipay, the same value for both wire forms."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from pycore.channels.outcome import Outcome, Pending, ReasonClass, Unknown, failed

SUCCESS: Final = "10000"
IN_PROCESS: Final = "10003"

_CODES: Final[dict[ReasonClass, str]] = {
    ReasonClass.RETRY_SAME_ID: "ACQ.TRADE_NOT_EXIST isv.app-call-limited app-call-limited",
    ReasonClass.QUERY_FIRST: """
        ACQ.TRADE_HAS_SUCCESS ACQ.TRADE_STATUS_ERROR ACQ.REASON_TRADE_STATUS_INVALID ACQ.CONTEXT_INCONSISTENT
    """,
    ReasonClass.FINAL: """
        ACQ.TRADE_HAS_CLOSE ACQ.TRADE_HAS_FINISHED ACQ.DISCORDANT_REPEAT_REQUEST ACQ.REFUND_AMT_NOT_EQUAL_TOTAL
        ACQ.REASON_TRADE_REFUND_FEE_ERR ACQ.TRADE_NOT_ALLOW_REFUND ACQ.REFUND_FEE_ERROR
        ACQ.ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND
    """,
    ReasonClass.NEEDS_PAYER: """
        ACQ.PAYMENT_AUTH_CODE_INVALID ACQ.BUYER_BALANCE_NOT_ENOUGH ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH
        ACQ.ERROR_BALANCE_PAYMENT_DISABLE ACQ.BUYER_SELLER_EQUAL ACQ.PULL_MOBILE_CASHIER_FAIL ACQ.PAYMENT_FAIL
        ACQ.MOBILE_PAYMENT_SWITCH_OFF ACQ.USER_FACE_PAYMENT_SWITCH_OFF ACQ.BUYER_ENABLE_STATUS_FORBID
        ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE ACQ.ERROR_BUYER_CERTIFY_LEVEL_LIMIT ACQ.TRADE_BUYER_NOT_MATCH
    """,
    ReasonClass.LIMIT: """
        ACQ.TOTAL_FEE_EXCEED ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR
        ACQ.BEYOND_PAY_RESTRICTION ACQ.BEYOND_PER_RECEIPT_RESTRICTION ACQ.BEYOND_PER_RECEIPT_SINGLE_RESTRICTION
        ACQ.PRODUCT_AMOUNT_LIMIT_ERROR ACQ.SELLER_BALANCE_NOT_ENOUGH
    """,
    ReasonClass.RISK: "ACQ.PAYMENT_REQUEST_HAS_RISK",
    ReasonClass.CONFIGURATION: """
        ACQ.INVALID_PARAMETER ACQ.ACCESS_FORBIDDEN ACQ.PARTNER_ERROR ACQ.SELLER_BEEN_BLOCKED ACQ.EXIST_FORBIDDEN_WORD
        ACQ.ENTERPRISE_PAY_BIZ_ERROR ACQ.NOT_SUPPORT_PAYMENT_INST ACQ.APPLY_PC_MERCHANT_CODE_ERROR
    """,
}
_REASONS: Final = {code: reason for reason, codes in _CODES.items() for code in codes.split()}
NOT_FOUND: Final = frozenset({"ACQ.TRADE_NOT_EXIST"})
_UNDECIDED: Final = {"ACQ.SYSTEM_ERROR", "SYSTEM_ERROR"}
_UNDECIDED_PREFIXES: Final = ("isp.", "aop.")
_OURS_PREFIXES: Final = ("isv.",)


class AlipayReply(Struct, frozen=True, kw_only=True):
    """What a verified reply says.

    Attributes:
        code: ``10000``, or the most exact code there is (``sub_code`` before ``code``).
        undecided: the channel says that it does not know (20000, HTTP 5xx).
        fields: the reply's own fields.
    """

    code: str
    message: str = ""
    undecided: bool = False
    fields: dict[str, Any]

    @property
    def succeeded(self) -> bool:
        """Whether the call was carried out."""
        return self.code == SUCCESS

    def refusal(self) -> Outcome:
        """Return what a reply that is no success means. A code nobody has met is a reason to ask, not a failure."""
        if self.code == IN_PROCESS:
            return Pending(self.code)
        known = _REASONS.get(self.code)
        if known is not None and not self.undecided:
            return failed(known, self.code, self.message)
        if self.undecided or self.code in _UNDECIDED or self.code.startswith(_UNDECIDED_PREFIXES):
            return Unknown(self.code[:64])
        if self.code.startswith(_OURS_PREFIXES):
            return failed(ReasonClass.CONFIGURATION, self.code, self.message)
        return failed(ReasonClass.QUERY_FIRST, self.code, self.message)
