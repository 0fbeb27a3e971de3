"""Bills: what a channel says happened on a day, taken whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from pycore.channels.failure import BillRefusedError

DIFFERENCES_MAX = 100


class BillKind(StrEnum):
    """Which bill: business (orders and refunds) or funds (account movements)."""

    TRADE = "trade"
    FUND = "fund"


class BillOrder(Struct, frozen=True):
    """The bill of a business day in Shanghai."""

    day: date
    kind: BillKind = BillKind.TRADE


class BillLink(Struct, frozen=True, kw_only=True):
    """Where a bill lies: ``sha1`` (hexadecimal) where the channel gives one, ``content`` where it came at once."""

    order: BillOrder
    url: str = ""
    sha1: str | None = None
    content: bytes | None = None

    def __repr__(self) -> str:
        return f"BillLink({self.order.kind} of {self.order.day})"  # the link itself is a permission


class NoBill(Struct, frozen=True, tag=True):
    """The channel's verified word that it has no bill of that day: nothing moved, or it is kept no longer.

    Attributes:
        code: the channel's own code.
    """

    code: str


class BillNotReady(Struct, frozen=True, tag=True):
    """The channel's verified word that the bill is still being made: the same question later.

    Attributes:
        code: the channel's own code.
    """

    code: str


class LineKind(StrEnum):
    """What a line of a trade bill is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    REVERSAL = "reversal"


class LineState(StrEnum):
    """What has become of the money of a line of a trade bill; only ``DONE`` moved any."""

    DONE = "done"
    ACCEPTED = "accepted"
    """The channel has it in hand: another day's bill tells."""
    REFUSED = "refused"
    """It will not be done."""
    BY_HAND = "by_hand"
    """The money is neither here nor there: a person must give it another way."""


class TradeLine(Struct, frozen=True, kw_only=True):
    """A line of a trade bill.

    Attributes:
        state: what has become of it.
        amount_minor: what the payer paid or gets back, never negative; moved only where the line's state is ``DONE``.
        fee_minor: what the channel keeps; negative where it gives back.
        refund_id: our number of the refund, refund_transaction_id the channel's; empty for payments.
    """

    number: int
    kind: LineKind
    state: LineState = LineState.DONE
    payment_attempt_id: str
    transaction_id: str
    refund_id: str = ""
    refund_transaction_id: str = ""
    amount_minor: int
    fee_minor: int
    at: datetime


class FundLine(Struct, frozen=True, kw_only=True):
    """A line of a fund bill.

    Attributes:
        flow_id: the channel's number of this movement.
        transaction_id: the channel's number of what caused it.
        amount_minor: positive in, negative out.
        balance_minor: the account afterwards.
        document_id: our number on the voucher.
    """

    number: int
    flow_id: str
    transaction_id: str
    name: str
    kind: str
    amount_minor: int
    balance_minor: int
    document_id: str
    at: datetime


class SetAside(Struct, frozen=True):
    """A line that cannot be read, in a bill that else can: it counts in nothing, and a person has to look at it.

    Attributes:
        number: of the line.
        why: in words without any text of the line.
    """

    number: int
    why: str


class TradeBill(Struct, frozen=True, kw_only=True):
    """A trade bill whose totals agree with its lines; amounts in minor units of ``currency``.

    Where lines are set aside its sums were not compared.
    """

    day: date
    currency: str
    lines: tuple[TradeLine, ...]
    set_aside: tuple[SetAside, ...] = ()


class FundBill(Struct, frozen=True, kw_only=True):
    """A fund bill whose totals agree with its lines; amounts in minor units of ``currency``.

    Where lines are set aside its sums were not compared.
    """

    day: date
    currency: str
    lines: tuple[FundLine, ...]
    set_aside: tuple[SetAside, ...] = ()


class Differences:
    """Collects what does not fit, so that one reading of a bill tells all of it."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, what: str, line: int | None = None) -> None:
        """Note a difference; ``what`` holds no text of the bill but numbers, for it is shown to people."""
        if len(self._found) < DIFFERENCES_MAX:
            self._found.append(what if line is None else f"line {line}: {what}")

    def compare(self, name: str, stated: int, counted: int) -> None:
        """Note a total that is not what its lines make."""
        if stated != counted:
            self.add(f"{name} is stated as {stated}, the lines make {counted}")

    def repeated(self, keys: Iterable[tuple[int, tuple[str, ...]]]) -> None:
        """Note each key (with its line) that came before."""
        seen: dict[tuple[str, ...], int] = {}
        for line, key in keys:
            if key in seen:
                self.add(f"the same as line {seen[key]}", line)
            seen.setdefault(key, line)

    def refuse(self) -> None:
        """Raise BillRefusedError where anything was noted."""
        if self._found:
            raise BillRefusedError(tuple(self._found))
