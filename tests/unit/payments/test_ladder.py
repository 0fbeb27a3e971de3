"""The rules of certainty as tables: what was answered, what is done next."""

import itertools
from typing import Final

import pytest

from pycore.channels import Failed, Method, Outcome, Pending, ReasonClass, RequiresAction, ShowCode, Succeeded, Unknown
from pycore.money import CNY, Amount
from pycore.payments import ladder
from pycore.payments.ladder import Over, Paid, Shown, Situation, Step, Verdict, Wait
from pycore.payments.refund_ladder import refund_check_at

PAID: Final = Succeeded(transaction_id="42", amount=Amount(100, CNY))
DONE: Final = Succeeded()
ABSENT: Final = Failed(ReasonClass.RETRY_SAME_ID, "ORDER_NOT_EXIST")
CLOSED: Final = Failed(ReasonClass.FINAL, "CLOSED")
REFUSED: Final = Failed(ReasonClass.NEEDS_PAYER, "NOTENOUGH")
OTHER_STATE: Final = Failed(ReasonClass.QUERY_FIRST, "ORDERPAID")
PENDING: Final = Pending("USERPAYING")
UNKNOWN: Final = Unknown("deadline")
CODE: Final = ShowCode("weixin://1")

SECOND: Final = 10**9
HOUR: Final = 3600 * SECOND

SHOWN: Final = Situation(method=Method.QR_CODE, closes=True, reverses=False)
ALIPAY: Final = Situation(method=Method.QR_CODE, closes=True, reverses=True)
UNIONPAY: Final = Situation(method=Method.QR_CODE, closes=False, reverses=False)
SCANNED: Final = Situation(method=Method.BAR_CODE, closes=False, reverses=True, has_action=False)


def _with(situation: Situation, **fields: object) -> Situation:
    values = {name: getattr(situation, name) for name in Situation.__struct_fields__}
    return Situation(**{**values, **fields})


ENDING: Final = {each: _with(each, is_ending=True) for each in (SHOWN, ALIPAY, UNIONPAY, SCANNED)}
LATE: Final = {each: _with(each, is_ending=True, may_come=False) for each in (SHOWN, ALIPAY, UNIONPAY, SCANNED)}
UNSEEN: Final = _with(SHOWN, has_action=False)
REVERSING: Final = _with(SCANNED, is_ending=True, is_reversing=True)


@pytest.mark.parametrize(
    ("step", "outcome", "situation", "verdict"),
    [
        # The call that makes the order.
        (Step.CREATE, PAID, SCANNED, Paid(PAID)),
        (Step.CREATE, RequiresAction(CODE), SHOWN, Shown(CODE)),
        (Step.CREATE, REFUSED, SCANNED, Over("NOTENOUGH", ReasonClass.NEEDS_PAYER)),
        (Step.CREATE, PENDING, SCANNED, Wait()),
        (Step.CREATE, UNKNOWN, SHOWN, Wait()),
        (Step.CREATE, ABSENT, SHOWN, Wait()),
        (Step.CREATE, ABSENT, _with(SHOWN, is_first=True), Over("ORDER_NOT_EXIST", ReasonClass.RETRY_SAME_ID)),
        (Step.CREATE, OTHER_STATE, SHOWN, Wait()),
        (Step.CREATE, OTHER_STATE, _with(SHOWN, is_first=True), Wait()),
        # While the payer may pay, a question only books or ends what the channel is certain of.
        (Step.QUERY, PAID, SHOWN, Paid(PAID)),
        (Step.QUERY, CLOSED, SHOWN, Over("CLOSED", ReasonClass.FINAL)),
        (Step.QUERY, REFUSED, SCANNED, Over("NOTENOUGH", ReasonClass.NEEDS_PAYER)),
        (Step.QUERY, PENDING, SHOWN, Wait()),
        (Step.QUERY, UNKNOWN, SCANNED, Wait()),
        (Step.QUERY, OTHER_STATE, SCANNED, Wait()),
        (Step.QUERY, ABSENT, SHOWN, Wait()),
        (Step.QUERY, ABSENT, SCANNED, Wait()),
        (Step.QUERY, ABSENT, _with(SCANNED, may_come=False), Over("ORDER_NOT_EXIST", ReasonClass.RETRY_SAME_ID)),
        # The payer has seen nothing yet: the same order once more. A scanned code is never sent again.
        (Step.QUERY, ABSENT, UNSEEN, Step.CREATE),
        (Step.QUERY, PENDING, UNSEEN, Step.CREATE),
        (Step.QUERY, UNKNOWN, UNSEEN, Wait()),
        (Step.QUERY, PENDING, SCANNED, Wait()),
        (Step.QUERY, ABSENT, _with(UNSEEN, method=Method.JSAPI), Wait()),
        # What must end is closed; a scanned code is reversed; where neither exists the channel's own time-out ends it.
        (Step.QUERY, PENDING, ENDING[SHOWN], Step.CLOSE),
        (Step.QUERY, UNKNOWN, ENDING[SHOWN], Step.CLOSE),
        (Step.QUERY, ABSENT, ENDING[SHOWN], Step.CLOSE),
        (Step.QUERY, PAID, ENDING[SHOWN], Paid(PAID)),
        (Step.QUERY, CLOSED, ENDING[SHOWN], Over("CLOSED", ReasonClass.FINAL)),
        (Step.QUERY, PENDING, ENDING[ALIPAY], Step.CLOSE),
        (Step.QUERY, PENDING, ENDING[SCANNED], Step.REVERSE),
        (Step.QUERY, UNKNOWN, ENDING[SCANNED], Step.REVERSE),
        (Step.QUERY, PENDING, ENDING[UNIONPAY], Wait()),
        (Step.QUERY, ABSENT, LATE[UNIONPAY], Over("ORDER_NOT_EXIST", ReasonClass.RETRY_SAME_ID)),
        # A closing is followed by a question: it may have been paid a moment before.
        (Step.CLOSE, DONE, ENDING[SHOWN], Step.QUERY),
        (Step.CLOSE, OTHER_STATE, ENDING[SHOWN], Step.QUERY),
        (Step.CLOSE, CLOSED, ENDING[SHOWN], Step.QUERY),
        (Step.CLOSE, UNKNOWN, ENDING[SHOWN], Wait()),
        (Step.CLOSE, ABSENT, ENDING[SHOWN], Wait()),
        (Step.CLOSE, ABSENT, ENDING[ALIPAY], Step.REVERSE),
        (Step.CLOSE, ABSENT, LATE[SHOWN], Over("ORDER_NOT_EXIST", ReasonClass.RETRY_SAME_ID)),
        # A reversal of unknown outcome is repeated, and nothing is booked meanwhile.
        (Step.REVERSE, DONE, ENDING[SCANNED], Over("reversed", ReasonClass.FINAL)),
        (Step.REVERSE, UNKNOWN, ENDING[SCANNED], Wait()),
        (Step.REVERSE, PENDING, ENDING[SCANNED], Step.QUERY),
        (Step.REVERSE, ABSENT, ENDING[SCANNED], Step.QUERY),
        (Step.REVERSE, OTHER_STATE, ENDING[SCANNED], Step.QUERY),
        (Step.QUERY, PAID, REVERSING, Wait()),
        (Step.QUERY, CLOSED, REVERSING, Over("CLOSED", ReasonClass.FINAL)),
        (Step.QUERY, UNKNOWN, REVERSING, Wait()),
        (Step.QUERY, ABSENT, _with(REVERSING, may_come=False), Over("ORDER_NOT_EXIST", ReasonClass.RETRY_SAME_ID)),
    ],
)
def test_what_follows_from_an_answer(step: Step, outcome: Outcome, situation: Situation, verdict: Verdict) -> None:
    assert ladder.after(step, outcome, situation) == verdict


def test_a_round_ends() -> None:
    """Whatever the channel answers, no step is taken twice but the question after a closing or a reversal."""
    outcomes: list[Outcome] = [PAID, DONE, ABSENT, CLOSED, REFUSED, OTHER_STATE, PENDING, UNKNOWN, RequiresAction(CODE)]
    situations = [*ENDING, *ENDING.values(), *LATE.values(), UNSEEN, REVERSING]

    def longest(step: Step, situation: Situation, done: tuple[Step, ...]) -> int:
        taken = (*done, step)
        assert len(taken) <= 5, taken
        lengths = [len(taken)]
        for outcome in outcomes:
            verdict = ladder.after(step, outcome, situation, frozenset(done))
            if isinstance(verdict, Step):
                lengths.append(longest(verdict, situation, taken))
        return max(lengths)

    assert max(longest(ladder.first_step(each), each, ()) for each in situations) <= 5


@pytest.mark.parametrize(
    ("situation", "step"), [(SHOWN, Step.QUERY), (ENDING[SCANNED], Step.QUERY), (REVERSING, Step.REVERSE)]
)
def test_what_is_asked_first(situation: Situation, step: Step) -> None:
    assert ladder.first_step(situation) is step


def test_the_ladder() -> None:
    at, delays = 0, []
    for count in range(100):
        next_at = ladder.next_check_at(count, 0, at)
        if next_at is None:
            break
        delays.append((next_at - at) // SECOND)
        at = next_at
    assert delays[:7] == [15, 30, 60, 180, 600, 1800, 3600]
    assert set(delays[7:]) == {3600}
    assert 23 * HOUR < at <= 24 * HOUR, "then a person looks"


@pytest.mark.parametrize(
    ("outcome", "refused"), [(DONE, False), (UNKNOWN, False), (ABSENT, False), (CLOSED, True), (OTHER_STATE, True)]
)
def test_what_did_nothing(outcome: Outcome, refused: bool) -> None:
    assert ladder.is_refused(outcome) is refused


def test_a_refund_is_asked_about_every_five_minutes_for_an_hour_and_hourly_for_a_day() -> None:
    at = 0
    checks: list[int] = []
    while (next_at := refund_check_at(len(checks), 0, at)) is not None:
        at = next_at
        checks.append(at // 10**9)
    assert checks[:5] == [15, 45, 105, 285, 585]
    within_the_hour = [each for each in checks if each <= 3600]
    assert len(within_the_hour) == 15
    assert all(after - before == 3600 for before, after in itertools.pairwise(checks[16:]))
    assert 82_800 < checks[-1] <= 86_400
