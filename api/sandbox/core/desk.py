"""What merchants ask for and payers do: every change of an order or a refund is made here."""

import hashlib
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec

from api.sandbox.core.agenda import Agenda
from api.sandbox.core.clock import DAY_MS, Clock, in_shanghai
from api.sandbox.core.fault import PAYER_KINDS, FaultKind, Faults, Hit, Operation
from api.sandbox.core.notices import Notices
from api.sandbox.core.order import NewOrder, Order, OrderState, Refund, RefundState, Task, fee_of
from api.sandbox.core.refusal import Reason, RefusalError
from api.sandbox.core.store import Store

ORDER_LIFE_MS = 2 * 3600_000
"""How long an order without an end of its own waits for its payer; a pre-created code lives as long."""
REFUND_DAYS_MAX = 365
REFUNDS_PER_ORDER_MAX = 50

_PAY, _REFUSE, _EXPIRE, _SUCCEED_LATE, _FINISH_REFUND = "pay", "refuse", "expire", "succeed_late", "finish_refund"
_SEED_OF_TOKENS = "token_seed"
_LATE_SUCCESS: Final = frozenset({FaultKind.SUCCESS_AFTER_FAILURE})
_ENDED: Final = {
    OrderState.PAID: Reason.ORDER_PAID,
    OrderState.REFUSED: Reason.PAYMENT_REFUSED,
    OrderState.CLOSED: Reason.ORDER_CLOSED,
    OrderState.REVERSED: Reason.ORDER_REVERSED,
}

_STAYS_UNPAID: Final = frozenset({"wechat"})
"""Protocols whose orders, once their time is over, cannot be paid any more and stay unpaid until they are closed."""

_Change = Callable[[Order], Order]
_Doer = Callable[[Task], Coroutine[Any, Any, None]]


class NewRefund(msgspec.Struct, kw_only=True, frozen=True):
    """What a merchant wants to give back; ``takes_ms`` is how long the channel takes, 0: at once."""

    scope: str
    reference: str
    amount: int
    reason: str = ""
    notify_url: str = ""
    takes_ms: int = 0


class Desk:
    """Orders, payers and refunds of all protocols."""

    def __init__(self, store: Store, clock: Clock, agenda: Agenda, faults: Faults, notices: Notices) -> None:
        self._store = store
        self._clock = clock
        self._agenda = agenda
        self._faults = faults
        self._notices = notices
        self._secret = bytes.fromhex(store.setting(_SEED_OF_TOKENS) or secrets.token_hex(32))
        store.set_setting(_SEED_OF_TOKENS, self._secret.hex())
        for kind, change in (
            (_PAY, self.pay),
            (_REFUSE, self.refuse),
            (_EXPIRE, self.expire),
            (_SUCCEED_LATE, self._succeed_late),
        ):
            agenda.register(kind, self._doer(change))
        agenda.register(_FINISH_REFUND, self._finish_refund)

    # -- asked by merchants

    def create(self, new: NewOrder) -> Order:
        """Take an order that its payer will open; the same once more is the same order. Raises RefusalError."""
        with self._store.transaction():
            known = self._known(new)
            if known is not None:
                return known
            order, hits = self._add(new, PAYER_KINDS)
            self._act_later(order, hits)
            return order

    def charge(self, new: NewOrder) -> Order:
        """Take money with a code the merchant scanned: paid, refused, or open while the payer is asked.

        The same once more is the same order while it is open. Raises RefusalError.
        """
        with self._store.transaction():
            known = self._known(new)
            if known is not None:
                return known
            order, hits = self._add(new, PAYER_KINDS | _LATE_SUCCESS)
            if (late := hits.get(FaultKind.SUCCESS_AFTER_FAILURE)) is not None:
                self._refuse(order)
                self._succeed_after(order, late)
            elif FaultKind.PAYER_IS_ASKED in hits:
                self._act_later(order, hits)
            elif FaultKind.PAYER_REFUSES in hits:
                self._refuse(order)
            else:
                self._settle(order)
            return order

    def find(self, protocol: str, merchant: str, *, reference: str = "", number: str = "") -> Order:
        """Return a merchant's order by its own number or the channel's. Raises RefusalError."""
        values = {"number": number} if number else {"reference": reference}
        order = self._store.find(Order, protocol=protocol, merchant=merchant, **values)
        if order is None or (reference and order.reference != reference):
            raise RefusalError(Reason.ORDER_UNKNOWN)
        return order

    def close(self, order: Order) -> Order:
        """Let nobody pay the order any more; closing twice is closing once. Raises RefusalError."""
        if order.state is OrderState.PAID:
            raise RefusalError(Reason.ORDER_PAID)
        with self._store.transaction():
            if self._end(order, OrderState.CLOSED):
                hits = self._faults.hits(_LATE_SUCCESS, Operation.CLOSE, order.protocol, order.reference)
                for late in hits.values():
                    self._succeed_after(order, late)
        return order

    def reverse(self, order: Order) -> Order:
        """Undo a payment whose outcome the merchant does not know: nobody pays any more, what was paid goes back."""
        with self._store.transaction():
            if order.state is OrderState.PAID and order.amount > order.refunded:
                whole = NewRefund(
                    scope=f"reversal/{order.id}", reference="reversal", amount=order.amount - order.refunded
                )
                self._add_refund(order, whole)
            self._end(order, OrderState.REVERSED)
        return order

    def refund(self, order: Order, new: NewRefund) -> tuple[Refund, bool]:
        """Give money back; return the refund, and whether it is new: the same once more is the same refund.

        Raises RefusalError.
        """
        with self._store.transaction():
            known = self._store.find(Refund, protocol=order.protocol, scope=new.scope, reference=new.reference)
            if known is not None:
                if (known.order_id, known.amount) != (order.id, new.amount):
                    raise RefusalError(Reason.REFUND_DIFFERS)
                return known, False
            if order.state is not OrderState.PAID:
                raise RefusalError(Reason.ORDER_NOT_PAID)
            if order.refunded + new.amount > order.amount:
                raise RefusalError(Reason.REFUND_TOO_LARGE)
            if len(self.refunds_of(order)) >= REFUNDS_PER_ORDER_MAX:
                raise RefusalError(Reason.REFUND_TOO_MANY)
            if self._clock.now_ms() > order.paid_at + REFUND_DAYS_MAX * DAY_MS:
                raise RefusalError(Reason.REFUND_TOO_LATE)
            return self._add_refund(order, new), True

    def find_refund(self, protocol: str, scope: str, reference: str) -> Refund:
        """Return a refund by the merchant's number. Raises RefusalError."""
        refund = self._store.find(Refund, protocol=protocol, scope=scope, reference=reference)
        if refund is None:
            raise RefusalError(Reason.REFUND_UNKNOWN)
        return refund

    def refunds_of(self, order: Order) -> list[Refund]:
        """Return an order's refunds, oldest first."""
        return self._store.select(Refund, "order_id = ? ORDER BY id", order.id)

    def order(self, id: int) -> Order:
        """Return an order by its id. Raises RefusalError."""
        order = self._store.get(Order, id)
        if order is None:
            raise RefusalError(Reason.ORDER_UNKNOWN)
        return order

    # -- done by payers

    def scan(self, order: Order) -> Order:
        """The payer opens the order."""
        if order.state is OrderState.OPEN and not order.scanned_at:
            order.scanned_at = self._clock.now_ms()
            self._store.put(order)
        return order

    def pay(self, order: Order) -> Order:
        """The payer pays. Raises RefusalError unless the order is open and its time is not over."""
        _must_be_open(order)
        if order.expires_at <= self._clock.now_ms():
            raise RefusalError(Reason.ORDER_EXPIRED)
        with self._store.transaction():
            self._settle(order)
        return order

    def refuse(self, order: Order) -> Order:
        """The payer does not pay, or his bank refuses. Raises RefusalError unless the order is open."""
        _must_be_open(order)
        with self._store.transaction():
            self._refuse(order)
        return order

    def expire(self, order: Order) -> Order:
        """The payer lets the time pass. Raises RefusalError unless the order is open."""
        _must_be_open(order)
        if order.protocol not in _STAYS_UNPAID or order.is_merchant_scan:
            return self.close(order)
        order.expires_at = min(order.expires_at, self._clock.now_ms())
        self._store.put(order)
        return order

    # -- changes, inside a transaction

    def _known(self, new: NewOrder) -> Order | None:
        order = self._store.find(Order, protocol=new.protocol, merchant=new.merchant, reference=new.reference)
        if order is None:
            return None
        _must_be_open(order)
        if (order.amount, order.currency, order.method) != (new.amount, new.currency, new.method):
            raise RefusalError(Reason.ORDER_DIFFERS)
        return order

    def _add(self, new: NewOrder, kinds: frozenset[FaultKind]) -> tuple[Order, dict[FaultKind, Hit]]:
        now = self._clock.now_ms()
        id = self._store.next_id(Order)
        hits = self._faults.hits(kinds, Operation.PAYER, new.protocol, new.reference)
        order = Order(
            **{**msgspec.structs.asdict(new), "expires_at": new.expires_at or now + ORDER_LIFE_MS},
            id=id,
            number=self._number("4200", id, now),
            token=hashlib.blake2b(f"{new.protocol}/{id}".encode(), key=self._secret, digest_size=16).hexdigest(),
            told_amount=new.amount + (FaultKind.WRONG_AMOUNT in hits),
            created_at=now,
        )
        self._store.put(order)
        self._agenda.add(order.expires_at, _EXPIRE, id)
        return order, hits

    def _act_later(self, order: Order, hits: dict[FaultKind, Hit]) -> None:
        """Put on the agenda what a payer does who is no person; a person is waited for."""
        for kind, task in ((FaultKind.PAYER_REFUSES, _REFUSE), (FaultKind.PAYER_PAYS, _PAY)):
            if (hit := hits.get(kind)) is not None:
                self._agenda.add(self._clock.now_ms() + hit.delay_ms(), task, order.id)

    def _settle(self, order: Order) -> None:
        now = self._clock.now_ms()
        order.state = OrderState.PAID
        order.paid_at = now
        order.scanned_at = order.scanned_at or now
        order.closed_at = 0
        order.fee = fee_of(order.amount)
        self._store.put(order)
        self._notices.owe(order, url=order.notify_url)

    def _refuse(self, order: Order) -> None:
        order.refusals += 1
        order.scanned_at = order.scanned_at or self._clock.now_ms()
        if order.is_merchant_scan:
            order.state = OrderState.REFUSED
            order.closed_at = self._clock.now_ms()
        self._store.put(order)

    def _end(self, order: Order, state: OrderState) -> bool:
        if order.state in {OrderState.CLOSED, OrderState.REVERSED}:
            return False
        order.state = state
        order.closed_at = self._clock.now_ms()
        self._store.put(order)
        return True

    def _succeed_after(self, order: Order, late: Hit) -> None:
        self._agenda.add(self._clock.now_ms() + late.rule.delay_s * 1000, _SUCCEED_LATE, order.id)

    def _add_refund(self, order: Order, new: NewRefund) -> Refund:
        now = self._clock.now_ms()
        id = self._store.next_id(Refund)
        order.refunded += new.amount
        refund = Refund(
            id=id,
            order_id=order.id,
            protocol=order.protocol,
            scope=new.scope,
            reference=new.reference,
            number=self._number("5030", id, now),
            amount=new.amount,
            fee=self._fee_back(order),
            reason=new.reason,
            notify_url=new.notify_url,
            created_at=now,
        )
        if not new.takes_ms:
            refund.state = RefundState.DONE
            refund.done_at = now
        self._store.put(refund)
        self._store.put(order)
        if new.takes_ms:
            self._agenda.add(now + new.takes_ms, _FINISH_REFUND, id)
        else:
            self._notices.owe(order, refund, url=refund.notify_url)
        return refund

    def _fee_back(self, order: Order) -> int:
        """Return the fee that goes back with the latest refund: together never more than was taken, at the end all."""
        given = sum(each.fee for each in self.refunds_of(order))
        return order.fee * order.refunded // order.amount - given

    # -- done by time

    def _doer(self, change: _Change) -> _Doer:
        async def do(task: Task) -> None:
            with self._store.transaction():
                self._store.drop_task(task.id)
                order = self.order(task.target)
                try:
                    change(order)
                except RefusalError:
                    return  # somebody was faster

        return do

    def _succeed_late(self, order: Order) -> Order:
        if order.state not in {OrderState.PAID, OrderState.REVERSED}:
            self._settle(order)
        return order

    async def _finish_refund(self, task: Task) -> None:
        refund = self._store.get(Refund, task.target)
        assert refund is not None
        order = self.order(refund.order_id)
        with self._store.transaction():
            self._store.drop_task(task.id)
            refund.state = RefundState.DONE
            refund.done_at = self._clock.now_ms()
            self._store.put(refund)
            self._notices.owe(order, refund, url=refund.notify_url)

    def _number(self, prefix: str, id: int, now: int) -> str:
        """Return a number of 28 digits, as the channels' are, with the day in it."""
        return f"{prefix}{in_shanghai(now):%Y%m%d}{id:016d}"


def _must_be_open(order: Order) -> None:
    if order.state is not OrderState.OPEN:
        raise RefusalError(_ENDED[order.state])
