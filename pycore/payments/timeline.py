"""What happened to a payment, for people: every call, answer, notification and decision, without secrets.

| kind | tells |
|---|---|
| ``routed`` | which channels were considered, in which order and why |
| ``attempted`` | an attempt began, before the channel was called; ``title_sent``: instead of the subject |
| ``called`` | a call to a channel: the step, what came back, how long it took; ``unverified``: its unsigned words |
| ``notified`` | what a channel told us by itself |
| ``ending`` | nobody shall pay it any more, and why |
| ``booked`` | a channel's money was booked |
| ``double_paid`` | money came that the payment had no use for: booked, and being given back |
| ``over`` | it is certain that an attempt is not paid |
| ``refunding``, ``refunded``, ``refund_refused`` | a refund's way through a channel |
| ``alert`` | what must not happen: another amount, another transaction; somebody has to look |
| ``by_hand`` | nobody knows after a day of asking: somebody has to look |
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

from pycore.channels import Failed, Outcome, Pending, RequiresAction, Succeeded
from pycore.ledger import Insertion
from pycore.payments import tables
from pycore.payments.actions import next_action
from pycore.vault import mask_secrets

_ENCODE: Final = msgspec.json.Encoder().encode


class EntryKind(StrEnum):
    """What an entry tells; see the table above."""

    ROUTED = "routed"
    ATTEMPTED = "attempted"
    CALLED = "called"
    NOTIFIED = "notified"
    ENDING = "ending"
    BOOKED = "booked"
    DOUBLE_PAID = "double_paid"
    OVER = "over"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    REFUND_REFUSED = "refund_refused"
    ALERT = "alert"
    BY_HAND = "by_hand"


class Entry(NamedTuple):
    """An entry that is not written yet."""

    at_ns: int
    kind: EntryKind
    detail: dict[str, Any]

    def row(self, payment_id: int) -> Insertion:
        """Return its row in a payment's timeline."""
        return tables.timeline(payment_id, self.at_ns, self.kind, _ENCODE(self.detail))


def described(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome for people: what it is, and the channel's own words for it."""
    if isinstance(outcome, Succeeded):
        shown: dict[str, Any] = {"outcome": "succeeded"}
        if outcome.transaction_id:
            shown["transaction_id"] = outcome.transaction_id
        if outcome.amount is not None:
            shown["amount"] = outcome.amount.minor
        return shown
    if isinstance(outcome, RequiresAction):
        shown_action = next_action(outcome.action)
        action = "by_hand" if shown_action is None else shown_action.type
        return {"outcome": "requires_action", "action": action}
    if isinstance(outcome, Failed):
        return {"outcome": "failed", "reason": outcome.reason, "code": outcome.code}
    if isinstance(outcome, Pending):
        return {"outcome": "pending", "code": outcome.code}
    shown = {"outcome": "unknown", "code": outcome.code}
    return {**shown, "unverified": mask_secrets(outcome.unverified)} if outcome.unverified else shown
