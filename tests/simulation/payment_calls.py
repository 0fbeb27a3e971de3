"""What merchants' systems ask of payments in the fault tests, with keys of their own, and the answers they believe."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from enum import StrEnum
from random import Random

from msgspec import Struct, json

from pycore.client import PaymentClient
from pycore.errors import InvalidRequestError, InvalidStateError, LedgerFencedError, PycoreError
from pycore.payments import (
    Authentication,
    CaptureMethod,
    CapturePayment,
    ConfirmPayment,
    CreatePayment,
    CreateRefund,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Refund,
)

FROM_BALANCE = ConfirmPayment(method=PaymentMethod.BALANCE, authentication=Authentication.CERTIFICATE)
AMOUNT_MAX = 100
_LONG_SECONDS = 30 * 86_400
"""Nothing runs out while a test runs."""
_REMEMBERED = 40


class Operation(StrEnum):
    """What is asked, by the name under which its reply is kept."""

    CREATE = "payments.create"
    CONFIRM = "payments.confirm"
    CAPTURE = "payments.capture"
    CANCEL = "payments.cancel"
    REFUND = "refunds.create"


class Call(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request: what, under which key, about which payment."""

    operation: Operation
    key: str
    payment_id: str = ""
    create: CreatePayment | None = None
    capture: CapturePayment | None = None
    refund: CreateRefund | None = None


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the caller was told in the end: a payment, a refund, or why there is none."""

    payment: Payment | None = None
    refund: Refund | None = None
    refused: str = ""

    @classmethod
    def of(cls, outcome: Payment | Refund | PycoreError) -> Answer | None:
        """Return the answer; None where the caller has to ask again."""
        if isinstance(outcome, Payment):
            return cls(payment=outcome)
        if isinstance(outcome, Refund):
            return cls(refund=outcome)
        return None if outcome.retryable or isinstance(outcome, LedgerFencedError) else cls(refused=outcome.code)

    @property
    def told(self) -> Payment | Refund | None:
        """The payment or refund."""
        return self.payment or self.refund


REFUSALS = frozenset({InvalidStateError.code, InvalidRequestError.code})
"""What calls that race for one payment may be told; everything else says that something is wrong."""

encode = json.Encoder().encode
decode_call = json.Decoder(Call).decode
decode_answer = json.Decoder(Answer).decode


class PaymentCalls:
    """Makes the calls of one merchant's system, which knows what it was told."""

    def __init__(self, random: Random, customer_ids: Sequence[str], name: str) -> None:
        """``name`` tells this system's keys and references from those of others."""
        self._random = random
        self._customer_ids = customer_ids
        self._name = name
        self._count = 0
        self._payments: dict[str, Payment] = {}

    def creates(self, count: int) -> list[Call]:
        """Return calls that make payments: paid at once, held, or for later."""
        return [self._create() for _ in range(count)]

    def changes(self) -> list[Call]:
        """Return one to three calls about one payment, to be sent at once; none where nothing can be done."""
        if not self._payments:
            return []
        payment = self._random.choice(list(self._payments.values()))
        count = self._random.choice((1, 1, 2, 3))
        if payment.status is PaymentStatus.SUCCEEDED:
            del self._payments[payment.id]
            return [self._refund(payment) for _ in range(count)]
        return [self._end(payment) for _ in range(count)]

    def learn(self, answer: Answer) -> None:
        """Remember what was told of a payment that something can still be done with."""
        payment = answer.payment
        if payment is None:
            return
        known = self._payments.pop(payment.id, payment)
        latest = max(known, payment, key=lambda each: each.updated_at)
        if latest.allowed_actions:
            self._payments[payment.id] = latest
        if len(self._payments) > _REMEMBERED:
            del self._payments[next(iter(self._payments))]

    def _create(self) -> Call:
        key, manual = self._next("p"), self._random.random() < 0.4
        confirm = self._random.random() < 0.85
        create = CreatePayment(
            merchant_reference=key,
            amount=self._random.randint(1, AMOUNT_MAX),
            subject="茶 tea",
            method=PaymentMethod.BALANCE,
            customer_id=self._random.choice(self._customer_ids),
            confirm=confirm,
            authentication=Authentication.CERTIFICATE,
            capture_method=CaptureMethod.MANUAL if manual else CaptureMethod.AUTOMATIC,
            expires_in_seconds=_LONG_SECONDS,
            metadata={"table": "7"} if manual else {},
        )
        return Call(operation=Operation.CREATE, key=key, create=create)

    def _end(self, payment: Payment) -> Call:
        kind, key = self._random.random(), self._next("c")
        if kind < 0.2:
            return Call(operation=Operation.CANCEL, key=key, payment_id=payment.id)
        if payment.status is PaymentStatus.CREATED:
            return Call(operation=Operation.CONFIRM, key=key, payment_id=payment.id)
        held = payment.amount - payment.amount_captured
        amount = None if kind < 0.5 else self._random.randint(1, held)
        capture = CapturePayment(amount=amount, final=kind < 0.8)
        return Call(operation=Operation.CAPTURE, key=key, payment_id=payment.id, capture=capture)

    def _refund(self, payment: Payment) -> Call:
        key = self._next("r")
        amount = None if self._random.random() < 0.3 else self._random.randint(1, payment.amount_captured)
        refund = CreateRefund(merchant_reference=key, amount=amount, reason="洒了")
        return Call(operation=Operation.REFUND, key=key, payment_id=payment.id, refund=refund)

    def _next(self, kind: str) -> str:
        self._count += 1
        return f"{self._name}-{kind}{self._count}"


async def ask(client: PaymentClient, call: Call) -> Payment | Refund:
    """Send a call to a server. Raises as the client."""
    if call.create is not None:
        return await client.create(call.create, request_id=call.key)
    if call.operation is Operation.CONFIRM:
        return await client.confirm(call.payment_id, FROM_BALANCE, request_id=call.key)
    if call.capture is not None:
        return await client.capture(call.payment_id, call.capture, request_id=call.key)
    if call.refund is not None:
        return await client.refund(call.payment_id, call.refund, request_id=call.key)
    return await client.cancel(call.payment_id, request_id=call.key)


async def outcome_of(asking: Awaitable[Payment | Refund]) -> Payment | Refund | PycoreError:
    """Return what came of a call, its error included."""
    try:
        return await asking
    except PycoreError as error:
        return error
