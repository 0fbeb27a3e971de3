"""What follows from a channel's answer about a refund, as a pure function.

Sent again with the same number a refund gives back once, so a refund the channel does not know is simply sent again. A
refusal counts where no earlier call can have done something.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from pycore.channels import Failed, Outcome, ReasonClass, RequiresAction, Succeeded
from pycore.payments.ladder import LADDER_NS_MAX, Wait

_MINUTE_NS: Final = 60 * 10**9
_FIRST_NS: Final = tuple(seconds * 10**9 for seconds in (15, 30, 60, 180))
_HOUR_NS: Final = 60 * _MINUTE_NS


def refund_check_at(checks_count: int, began_at: int, now_ns: int) -> int | None:
    """Return when to ask about a refund again, nanoseconds since 1970; None: a person has to look.

    Sending it again does no harm, and the payer is promised the money within the hour: for an hour it is asked every
    five minutes at least, then every hour up to a day.
    """
    if checks_count < len(_FIRST_NS):
        at = now_ns + _FIRST_NS[checks_count]
    else:
        at = now_ns + (5 * _MINUTE_NS if now_ns - began_at < _HOUR_NS else _HOUR_NS)
    return at if at - began_at <= LADDER_NS_MAX else None


class RefundStep(StrEnum):
    """A call to the channel."""

    REFUND = "refund"
    QUERY = "query_refund"


class RefundPaid(NamedTuple):
    """The payer has the money back."""

    transaction_id: str


class RefundOver(NamedTuple):
    """It is certain that nothing was and nothing will be given back."""

    code: str


RefundVerdict: TypeAlias = RefundPaid | RefundOver | RequiresAction | Wait

_STEPS_MAX: Final = 3


def refund_after(
    step: RefundStep, outcome: Outcome, *, is_first: bool, may_come: bool, steps: int
) -> RefundStep | RefundVerdict:
    """Return what follows from the answer to ``step``.

    Args:
        step: what was asked.
        outcome: the answer.
        is_first: no call with this number was sent before this round.
        may_come: an earlier call may still be on its way.
        steps: the calls of this round so far.
    """
    if isinstance(outcome, Succeeded):
        return RefundPaid(outcome.transaction_id)
    if isinstance(outcome, RequiresAction):
        return outcome
    if not isinstance(outcome, Failed) or steps >= _STEPS_MAX:
        return Wait()
    return _after_answer(outcome) if step is RefundStep.QUERY else _after_refusal(outcome, is_first or not may_come)


def _after_answer(answer: Failed) -> RefundStep | RefundVerdict:
    if answer.reason.decides:
        return RefundOver(answer.code)
    return RefundStep.REFUND if answer.reason is ReasonClass.RETRY_SAME_ID else Wait()


def _after_refusal(refused: Failed, nothing_before: bool) -> RefundStep | RefundVerdict:
    if refused.reason.decides:
        # Said of this call; what became of one before it only a question tells.
        return RefundOver(refused.code) if nothing_before else Wait()
    return RefundStep.QUERY if refused.reason is ReasonClass.QUERY_FIRST else Wait()
