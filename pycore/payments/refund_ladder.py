"""What follows from a channel's answer about a refund, as a pure function.

Sent again with the same number a refund gives back once, so a refund the channel does not know is simply sent again. A
refusal counts where no earlier call can have done something.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from pycore.channels import Failed, Outcome, ReasonClass, RequiresAction, Succeeded
from pycore.payments.ladder import Wait


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
