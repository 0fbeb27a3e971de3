"""What follows from a channel's answer about a refund, as a table."""

from typing import Final

import pytest

from pycore.channels import Failed, Outcome, Pending, ReasonClass, RequiresAction, Succeeded, Unknown
from pycore.channels.outcome import HandleByHand
from pycore.payments.ladder import Wait
from pycore.payments.refund_ladder import RefundOver, RefundPaid, RefundStep, RefundVerdict, refund_after

DONE: Final = Succeeded(transaction_id="42")
ABSENT: Final = Failed(ReasonClass.RETRY_SAME_ID, "RESOURCE_NOT_EXISTS")
REFUSED: Final = Failed(ReasonClass.LIMIT, "NOT_ENOUGH")
OTHER_STATE: Final = Failed(ReasonClass.QUERY_FIRST, "REFUND_FEE_MISMATCH")
BY_HAND: Final = RequiresAction(HandleByHand("refund_abnormal"))
SEND, ASK = RefundStep.REFUND, RefundStep.QUERY


@pytest.mark.parametrize(
    ("step", "outcome", "is_first", "may_come", "verdict"),
    [
        (SEND, DONE, True, True, RefundPaid("42")),
        (SEND, Pending("PROCESSING"), True, True, Wait()),
        (SEND, Unknown("deadline"), True, True, Wait()),
        (SEND, BY_HAND, True, True, BY_HAND),
        # A refusal counts where no earlier call can have done something.
        (SEND, REFUSED, True, True, RefundOver("NOT_ENOUGH")),
        (SEND, REFUSED, False, True, Wait()),
        (SEND, REFUSED, False, False, RefundOver("NOT_ENOUGH")),
        (SEND, ABSENT, True, True, Wait()),
        (SEND, OTHER_STATE, True, True, ASK),
        # Asked: done, refused for good, or not known there, then it is sent (again) with its number.
        (ASK, DONE, False, True, RefundPaid("42")),
        (ASK, REFUSED, False, True, RefundOver("NOT_ENOUGH")),
        (ASK, ABSENT, False, True, SEND),
        (ASK, OTHER_STATE, False, False, Wait()),
        (ASK, Pending("PROCESSING"), False, False, Wait()),
        (ASK, Unknown("bad_signature"), False, False, Wait()),
        (ASK, BY_HAND, False, True, BY_HAND),
    ],
)
def test_what_follows_from_an_answer(
    step: RefundStep, outcome: Outcome, is_first: bool, may_come: bool, verdict: RefundStep | RefundVerdict
) -> None:
    assert refund_after(step, outcome, is_first=is_first, may_come=may_come, steps=1) == verdict


@pytest.mark.parametrize("step", list(RefundStep))
@pytest.mark.parametrize("outcome", [ABSENT, OTHER_STATE, REFUSED])
def test_a_round_ends(step: RefundStep, outcome: Outcome) -> None:
    assert not isinstance(refund_after(step, outcome, is_first=False, may_come=True, steps=3), RefundStep)
