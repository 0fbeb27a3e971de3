"""WeChat Pay's error codes, of APIv3 and of the older XML calls, as reason classes."""

from __future__ import annotations

from typing import Final

from pycore.channels.outcome import Outcome, Pending, ReasonClass, Unknown, failed

_CODES: Final[dict[ReasonClass, str]] = {
    # There is no such order or bill, or the call came too fast or in the middle of another.
    ReasonClass.RETRY_SAME_ID: """
        FREQUENCY_LIMITED FREQUENCY_LIMIT_EXCEED RATELIMIT_EXCEED RATELIMIT_EXCEEDED ORDER_NOT_EXIST ORDERNOTEXIST
        RESOURCE_NOT_EXISTS REFUNDNOTEXIST BIZERR_NEED_RETRY NO_STATEMENT_EXIST STATEMENT_CREATING
    """,
    ReasonClass.QUERY_FIRST: "ORDERPAID ORDER_PAID OUT_TRADE_NO_USED REFUND_FEE_MISMATCH",
    ReasonClass.FINAL: "ORDERCLOSED ORDER_CLOSED ORDERREVERSED TRADE_OVERDUE USER_ACCOUNT_ABNORMAL REVERSE_EXPIRE",
    ReasonClass.NEEDS_PAYER: """
        ACCOUNT_ERROR ACCOUNTERROR AUTHCODEEXPIRE AUTH_CODE_ERROR AUTH_CODE_INVALID NOTSUPORTCARD NOTSUPPORTCARD
        OPENID_MISMATCH TRADE_ERROR
    """,
    ReasonClass.LIMIT: "NOTENOUGH NOT_ENOUGH QUOTA_EXCEED",
    ReasonClass.RISK: "RULELIMIT RULE_LIMIT RISK_CONTROL",
    ReasonClass.CONFIGURATION: """
        APPID_MCHID_NOT_MATCH APPID_NOT_EXIST CERT_ERROR INVALID_REQUEST INVALID_TRANSACTIONID LACK_PARAMS
        MCHID_NOT_EXIST MCH_NOT_EXISTS NOAUTH NO_AUTH NOT_UTF8 PARAM_ERROR POST_DATA_EMPTY REQUIRE_POST_METHOD
        SIGNERROR SIGN_ERROR XML_FORMAT_ERROR
    """,
}
_REASONS: Final = {code: reason for reason, codes in _CODES.items() for code in codes.split()}

NOT_FOUND: Final = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS", "REFUNDNOTEXIST"})
"""There is no such order or refund."""
_UNDECIDED: Final = {"SYSTEMERROR", "SYSTEM_ERROR", "BANKERROR", "BANK_ERROR"}
"""The channel says itself that it does not know."""
_PAYER_BUSY: Final = {"USERPAYING", "USER_PAYING"}


def refusal(code: str, message: str) -> Outcome:
    """Return what a verified error means. A code nobody has met is a reason to ask, not a failure."""
    if code in _UNDECIDED:
        return Unknown(code)
    if code in _PAYER_BUSY:
        return Pending(code)
    return failed(_REASONS.get(code, ReasonClass.QUERY_FIRST), code, message)
