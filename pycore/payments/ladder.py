"""When an open attempt is asked about, and what follows from each answer: the rules of certainty, as pure functions.

Unknown never becomes failed by waiting. A channel is asked again and again, further and further apart, and after a day
a person takes over. What has to end (expired, canceled, or a scanned code nobody answered for in time) is closed or
reversed first: only a channel's word that nothing is paid, or that nothing of it remains, ends an attempt.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

from pycore.channels import Failed, Method, Outcome, Pending, ReasonClass, RequiresAction, Succeeded
from pycore.channels.outcome import Action

_SECOND_NS: Final = 10**9

LADDER_NS: Final = tuple(seconds * _SECOND_NS for seconds in (15, 30, 60, 180, 600, 1800, 3600))
"""Nanoseconds from one question to the next; the last one repeats."""
LADDER_NS_MAX: Final = 86_400 * _SECOND_NS
"""Nanoseconds after which nobody asks any more: a person has to look."""
SCAN_PATIENCE_NS: Final = 45 * _SECOND_NS
"""Nanoseconds a scanned code may take until it is reversed: payer and cashier stand at the desk."""
ORDER_GRACE_NS: Final = 60 * _SECOND_NS
"""Nanoseconds after which an order a channel does not know will not come any more: no call of ours takes as long."""


def next_check_at(checks_count: int, began_at: int, now_ns: int) -> int | None:
    """Return when to ask again, nanoseconds since 1970; None: a person has to look.

    Args:
        checks_count: how often it was asked already.
        began_at: since when the outcome is open.
        now_ns: now.
    """
    at = now_ns + LADDER_NS[min(checks_count, len(LADDER_NS) - 1)]
    return at if at - began_at <= LADDER_NS_MAX else None


PAYER_NEEDED: Final = frozenset({Method.BAR_CODE, Method.JSAPI})
"""What cannot be made again: it took the payer's code or id, which is not kept."""


class Step(StrEnum):
    """A call to the channel."""

    CREATE = "create"
    QUERY = "query"
    CLOSE = "close"
    REVERSE = "reverse"


class Situation(Struct, frozen=True, kw_only=True):
    """What is known of an attempt before the next call.

    Attributes:
        method: how it is paid.
        closes: the channel can close such an order.
        reverses: the channel can reverse such an order.
        has_action: the payer was given what he needs to pay.
        is_ending: nobody shall pay it any more.
        is_reversing: a reversal was sent, and what became of it is not known.
        is_first: no call with this number was ever sent: one that says it did nothing is the end.
        may_come: an order the channel does not know may still come to exist: a call is on its way, or the payer has a
            code that is still good.
    """

    method: Method
    closes: bool
    reverses: bool
    has_action: bool = True
    is_ending: bool = False
    is_reversing: bool = False
    is_first: bool = False
    may_come: bool = True


class Paid(NamedTuple):
    """It is paid."""

    paid: Succeeded


class Over(NamedTuple):
    """It is certain that nothing is paid, and that nothing will be."""

    code: str
    reason: ReasonClass


class Shown(NamedTuple):
    """The payer can act now."""

    action: Action


class Wait(NamedTuple):
    """Nothing is certain: ask again later."""


Verdict: TypeAlias = Step | Paid | Over | Shown | Wait


def first_step(situation: Situation) -> Step:
    """Return what to ask first. A reversal of unknown outcome is repeated: a query would still call the order paid."""
    return Step.REVERSE if situation.is_reversing else Step.QUERY


def after(step: Step, outcome: Outcome, situation: Situation, done: frozenset[Step] = frozenset()) -> Verdict:
    """Return what follows from the channel's answer to ``step``; ``done``: the steps before it in this round."""
    if step is Step.CREATE:
        return _after_create(outcome, situation)
    if step is Step.QUERY:
        return _after_query(outcome, situation, done)
    if step is Step.CLOSE:
        return _after_close(outcome, situation)
    return _after_reverse(outcome)


def _after_create(outcome: Outcome, situation: Situation) -> Verdict:
    if isinstance(outcome, Succeeded):
        return Paid(outcome)
    if isinstance(outcome, RequiresAction):
        return Shown(outcome.action)
    if isinstance(outcome, Failed):
        did_nothing = outcome.reason is ReasonClass.RETRY_SAME_ID and situation.is_first
        if outcome.reason.decides or did_nothing:
            return Over(outcome.code, outcome.reason)
    return Wait()


def _after_query(outcome: Outcome, situation: Situation, done: frozenset[Step]) -> Verdict:
    if isinstance(outcome, Succeeded):
        return Wait() if situation.is_reversing else Paid(outcome)
    if isinstance(outcome, Failed):
        if outcome.reason.decides:
            return Over(outcome.code, outcome.reason)
        if outcome.reason is ReasonClass.RETRY_SAME_ID and not situation.may_come:
            return Over(outcome.code, outcome.reason)
    if situation.is_ending:
        return _ending_step(situation, done)
    is_absent = isinstance(outcome, Failed) and outcome.reason is ReasonClass.RETRY_SAME_ID
    if not situation.has_action and situation.method not in PAYER_NEEDED and Step.CREATE not in done:
        # Made again with the same number it is the same order, and the payer gets to see it at last.
        return Step.CREATE if is_absent or isinstance(outcome, Pending) else Wait()
    return Wait()


def _ending_step(situation: Situation, done: frozenset[Step]) -> Verdict:
    if situation.is_reversing or done & {Step.CLOSE, Step.REVERSE}:
        return Wait()
    # Whoever stands at the desk goes without having paid: a reversal gives back what was paid meanwhile.
    if situation.reverses and (situation.method is Method.BAR_CODE or not situation.closes):
        return Step.REVERSE
    return Step.CLOSE if situation.closes else Wait()


def _after_close(outcome: Outcome, situation: Situation) -> Verdict:
    if isinstance(outcome, Failed) and outcome.reason is ReasonClass.RETRY_SAME_ID:
        # There is nothing to close (yet). Where a reversal also withdraws a code that nobody scanned, that is the end.
        if not situation.may_come:
            return Over(outcome.code, outcome.reason)
        return Step.REVERSE if situation.reverses else Wait()
    if isinstance(outcome, Succeeded | Failed):
        return Step.QUERY
    return Wait()


def _after_reverse(outcome: Outcome) -> Verdict:
    if isinstance(outcome, Succeeded):
        return Over("reversed", ReasonClass.FINAL)
    # Accepted is not done, refused is not undone, and there may be no such order: a question tells.
    return Step.QUERY if isinstance(outcome, Pending | Failed) else Wait()


def is_refused(outcome: Outcome) -> bool:
    """Return whether a call did nothing, verifiably: what it was to change is as it was."""
    return isinstance(outcome, Failed) and outcome.reason is not ReasonClass.RETRY_SAME_ID
