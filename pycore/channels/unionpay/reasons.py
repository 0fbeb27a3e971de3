"""UnionPay's response codes as reason classes (5.1.0, appendix of response codes)."""

from __future__ import annotations

import re
from typing import Final

from pycore.channels.failure import NotTrustedError
from pycore.channels.outcome import Outcome, Pending, ReasonClass, Unknown, failed

SUCCESS: Final = frozenset({"00", "A6"})
"""A6 is a success with a flaw (of the notice, not of the money)."""

NOT_FOUND: Final = frozenset({"34"})
"""There is no such order."""

_CODES: Final[dict[ReasonClass, str]] = {
    ReasonClass.RETRY_SAME_ID: "02 34 37",
    ReasonClass.QUERY_FIRST: "12 35 79",
    ReasonClass.FINAL: "01 30",
    ReasonClass.NEEDS_PAYER: "60 61 62 63 64 65 66 67 68 71 72 73 75 77 78",
    ReasonClass.LIMIT: "33",
    ReasonClass.RISK: "38",
    ReasonClass.CONFIGURATION: "10 11 13 14 31 32 36 39 40 74",
}
_REASONS: Final = {code: reason for reason, codes in _CODES.items() for code in codes.split()}
_CODE: Final = re.compile(r"[0-9A-Z]{2}")
_UNDER_WAY: Final = {"05", "70"}
_UNDECIDED: Final = {"03", "04", "06", "42", "69", "99"}
"""No answer in time, state unclear, busy, paid after its time: the channel does not know, or we must ask."""


def refusal(code: str, message: str) -> Outcome:
    """Return what a verified code that is no success means. One nobody has met is a reason to ask.

    Raises NotTrustedError for what is no code.
    """
    if not _CODE.fullmatch(code):
        raise NotTrustedError("wrong_fields")
    if code in _UNDER_WAY:
        return Pending(code)
    if code in _UNDECIDED:
        return Unknown(code)
    return failed(_REASONS.get(code, ReasonClass.QUERY_FIRST), code, message)
