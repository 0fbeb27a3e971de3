"""What is known after a call: exactly five outcomes.

An outcome speaks of the operation that was asked about: after ``query`` of the payment, after ``query_refund`` of the
refund, after ``close`` of the closing. ``Unknown`` is never turned into ``Failed`` by anything but a later query.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from pycore.money import Amount
from pycore.printable import unprintable_in

CODE_CHARACTERS_MAX = 64
TEXT_CHARACTERS_MAX = 256


class ReasonClass(StrEnum):
    """What a failure means for what comes next."""

    RETRY_SAME_ID = "retry_same_id"
    """This call did nothing; the same call may be sent again. Says nothing about earlier calls with this id."""
    QUERY_FIRST = "query_first"
    """The order is in another state than the call needs; only a query tells which."""
    FINAL = "final"
    """This order will never be paid, this refund never done."""
    NEEDS_PAYER = "needs_payer"
    """The payer must do something: another code, another card, more money."""
    LIMIT = "limit"
    """An amount or a quota is exceeded."""
    RISK = "risk"
    """The channel's risk control refuses."""
    CONFIGURATION = "configuration"
    """Our account, key, permission or request is wrong: a person must look."""

    @property
    def decides(self) -> bool:
        """Whether the channel said that this order is not paid, or this refund not done.

        That is said by making or asking; a closing or a reversal that fails decides nothing about the order.
        """
        return self not in {ReasonClass.RETRY_SAME_ID, ReasonClass.QUERY_FIRST}


class ShowCode(Struct, frozen=True, tag=True):
    """Show ``content`` as a QR code to the payer."""

    content: str


class OpenPage(Struct, frozen=True, tag=True):
    """Send the payer's browser to ``url``."""

    url: str


class SubmitForm(Struct, frozen=True, tag=True):
    """Let the payer's browser post ``fields`` to ``url`` (UTF-8 form)."""

    url: str
    fields: dict[str, str]


class CallApp(Struct, frozen=True, tag=True):
    """Hand ``parameters`` to the channel's script or SDK on the payer's device."""

    parameters: dict[str, str]


class HandleByHand(Struct, frozen=True, tag=True):
    """A person of ours must act at the channel, for example give a refund another way."""

    instruction: str


Action: TypeAlias = ShowCode | OpenPage | SubmitForm | CallApp | HandleByHand


class Succeeded(Struct, frozen=True, kw_only=True, tag=True):
    """It is done.

    Attributes:
        transaction_id: the channel's own number of the payment or refund; empty where there is none (a closing).
        amount: what was paid or given back; None for a closing or a reversal.
        at: when, as the channel says; None where it does not.
        is_given_back: whether the channel says that all of it has gone back to the payer since.
    """

    transaction_id: str = ""
    amount: Amount | None = None
    at: datetime | None = None
    is_given_back: bool = False


class Pending(Struct, frozen=True, tag=True):
    """Accepted and not decided yet; ``code`` is the channel's word for the state."""

    code: str


class RequiresAction(Struct, frozen=True, tag=True):
    """Somebody must act before it goes on."""

    action: Action


class Failed(Struct, frozen=True, tag=True):
    """The channel refused, verifiably (or nothing was sent: code ``not_sent``).

    Attributes:
        code: the channel's own code.
        message: the channel's own words, cut to 256 characters; for people, not for programs.
    """

    reason: ReasonClass
    code: str
    message: str = ""


class Unknown(Struct, frozen=True, tag=True):
    """Nobody knows: no reply, none that can be verified, or a channel that does not know itself. Only a query decides.

    Attributes:
        code: why, in one stable word or the channel's code.
        unverified: what the reply said in words nobody vouches for; for people who look for the reason, never for a
            decision.
    """

    code: str
    unverified: str = ""


Outcome: TypeAlias = Succeeded | Pending | RequiresAction | Failed | Unknown


def answer(refused: Outcome, *, not_found: Container[str]) -> Outcome:
    """Return what the refusal of a question says about what was asked for: nothing, unless that there is none."""
    if isinstance(refused, Failed) and refused.code not in not_found:
        return Unknown(refused.code)
    return refused


def failed(reason: ReasonClass, code: str, message: str = "") -> Failed:
    """Return a failure in the channel's own words, cut and without control characters: they end up in logs."""
    return Failed(reason, _plain(code, CODE_CHARACTERS_MAX), _plain(message, TEXT_CHARACTERS_MAX))


def unknown(code: str, *unverified: str) -> Unknown:
    """Return that nobody knows, with what an unverified reply said, cut and without control characters."""
    return Unknown(code, _plain(" ".join(each for each in unverified if each), TEXT_CHARACTERS_MAX))


def _plain(text: str, characters_max: int) -> str:
    return "".join(each for each in text[:characters_max] if not unprintable_in(each))
