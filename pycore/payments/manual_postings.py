"""Manual postings: how operators correct the books, one asking and another approving.

It is the only way by hand to an account of the chart. The transfer has the posting's id and becomes durable together
with the approval, so it is made once, however often and by whomever it is approved.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
import structlog
from msgspec import Meta, Struct

from pycore.errors import AlreadyExistsError, InvalidRequestError, InvalidStateError
from pycore.ids import format_id, format_typed_id, new_id, parse_id
from pycore.ledger import Ledger, Transfer, chart
from pycore.ledger.chart import TransferCode
from pycore.merchants import KEY_PREFIX
from pycore.merchants.page import Page
from pycore.merchants.text import checked_reference
from pycore.moment import moment
from pycore.money import CURRENCIES
from pycore.payments import tables
from pycore.payments.approvals import Approval, ApprovalKind, Approvals, ApprovalState, Person
from pycore.payments.book import PaymentBook, TransferRefusedError, looking_again
from pycore.payments.locks import Locks
from pycore.payments.request import Minor, check_amount, check_currency, refuse_secrets, refuse_unprintable

log = structlog.get_logger()

PREFIX: Final = "pst"
EXPIRY_SECONDS_MIN: Final = 60
EXPIRY_SECONDS_MAX: Final = 7 * 86_400
REASON_MAX: Final = 500

_SECOND_NS: Final = 10**9

Reason = Annotated[
    str,
    Meta(
        description="Why, for who looks at the books later.",
        examples=["The bank credited 20.00 twice on 30 November."],
        extra_json_schema={"minLength": 1, "maxLength": REASON_MAX},
    ),
]
_AccountId = Annotated[str, Meta(description="UUID text or decimal digits.")]


class AskPosting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transfer that another person shall approve.

    Attributes:
        amount: minor units of the currency.
        live: which books: real money's, or the test mode's.
        reference: unique for ever; the same posting asked again with it is one posting.
        expires_in_seconds: how long another person has: a minute to a week.
    """

    debit_account_id: _AccountId
    credit_account_id: _AccountId
    amount: Minor
    currency: Annotated[str, Meta(examples=["CNY"], extra_json_schema={"pattern": "^[A-Z]{3}$"})] = "CNY"
    live: bool
    reason: Reason
    reference: Annotated[str, Meta(examples=["COR-2026-001"])]
    expires_in_seconds: Annotated[
        int, Meta(extra_json_schema={"minimum": EXPIRY_SECONDS_MIN, "maximum": EXPIRY_SECONDS_MAX})
    ] = 86_400


class RefusePosting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a posting is refused."""

    reason: Reason


class Posting(Struct, frozen=True, kw_only=True):
    """A manual posting: what, who asked and why, who decided.

    Attributes:
        id: ``pst_…``.
        asked_by, decided_by: operators' keys; the names beside them are the keys' names at that time.
        note: why it was refused.
        transfer_id: the transfer it made; null where it made none.
    """

    id: str
    object: Literal["posting"] = "posting"
    state: ApprovalState
    debit_account_id: str
    credit_account_id: str
    amount: int
    currency: str
    live: bool
    reason: str
    reference: str
    asked_by: str
    asked_by_name: str
    asked_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_by_name: str | None
    decided_at: datetime | None
    note: str | None
    transfer_id: str | None


_PAYLOAD: Final = msgspec.json.Decoder(AskPosting)


class ManualPostings:
    """Takes postings from asked to done. All raise as ``Ledger.enqueue`` besides what they name."""

    def __init__(self, ledger: Ledger, book: PaymentBook, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._ledger = ledger
        self._book = book
        self._clock_ns = clock_ns
        self._approvals = Approvals(ledger.store, ApprovalKind.POSTING)
        self._locks = Locks()

    async def ask(self, by: Person, request: AskPosting) -> Posting:
        """Record what another person shall decide; no money moves. The same person's same request is one posting.

        Raises InvalidRequestError, and AlreadyExistsError where another posting has the reference.
        """
        wanted = await self._checked(request)
        payload = msgspec.json.encode(wanted)

        async def asked() -> Approval:
            known = await self._approvals.by_reference(wanted.reference)
            if known is not None:
                if known.asked_by == by and msgspec.json.decode(known.payload) == msgspec.json.decode(payload):
                    return known
                raise AlreadyExistsError(
                    f"there is a posting with the reference {wanted.reference} already; nothing was recorded: look at"
                    " it, or choose a new reference"
                )
            now_ns = self._clock_ns()
            approval = Approval(
                id=new_id(),
                kind=ApprovalKind.POSTING,
                reference=wanted.reference,
                payload=payload,
                asked_by=by,
                asked_at=now_ns,
                expires_at=now_ns + wanted.expires_in_seconds * _SECOND_NS,
            )
            await self._book.commit([tables.new_approval(approval.inserted())])
            _log("a manual posting was asked for", approval, by)
            return approval

        return self._public(await looking_again(asked))

    async def approve(self, by: Person, posting_id: int) -> Posting:
        """Make the transfer, once; the same person's second approval changes nothing.

        Raises NotFoundError, PermissionDeniedError to who asked, and InvalidStateError where it was decided otherwise,
        its time is over, or the ledger refuses the transfer: then it can still be approved later.
        """
        return await self._decide(ApprovalState.APPROVED, by, posting_id)

    async def refuse(self, by: Person, posting_id: int, request: RefusePosting) -> Posting:
        """Decide that it is never made. Raises InvalidRequestError, and as ``approve``."""
        _check_text(request.reason)
        return await self._decide(ApprovalState.REFUSED, by, posting_id, request.reason)

    async def withdraw(self, by: Person, posting_id: int) -> Posting:
        """Take back what one asked for. Raises PermissionDeniedError to others, and as ``approve``."""
        return await self._decide(ApprovalState.WITHDRAWN, by, posting_id)

    async def get(self, posting_id: int) -> Posting:
        """Return a posting. Raises NotFoundError."""
        return self._public(await self._approvals.get(posting_id))

    async def list(self, limit: int = 20, starting_after: int | None = None) -> Page[Posting]:
        """Return postings, newest first. Raises InvalidRequestError, NotFoundError."""
        page = await self._approvals.list(limit, starting_after)
        return Page([self._public(each) for each in page.items], page.has_more)

    async def _decide(self, state: ApprovalState, by: Person, posting_id: int, note: str | None = None) -> Posting:
        async def decided() -> Approval:
            before = await self._approvals.get(posting_id)
            after = before.decided(state, by, self._clock_ns(), note)
            if after is not before:
                transfers = [_transfer(after)] if state is ApprovalState.APPROVED else []
                await self._commit(after, transfers)
                _log(f"a manual posting was {state}", after, by)
            return after

        async with self._locks.held(posting_id):
            return self._public(await looking_again(decided))

    async def _commit(self, approval: Approval, transfers: Sequence[Transfer]) -> None:
        try:
            await self._book.commit([tables.changed_approval(approval.inserted())], transfers)
        except TransferRefusedError as refused:
            raise InvalidStateError(
                f"the ledger refuses the transfer ({refused}); nothing was recorded: approve it again once the accounts"
                " allow it, or refuse it"
            ) from None

    async def _checked(self, request: AskPosting) -> AskPosting:
        """Return the request with its ids in one form. Raises InvalidRequestError."""
        check_amount(request.amount)
        check_currency(request.currency)
        checked_reference(request.reference, "reference")
        _check_text(request.reason)
        if not EXPIRY_SECONDS_MIN <= request.expires_in_seconds <= EXPIRY_SECONDS_MAX:
            raise InvalidRequestError(
                f"expires_in_seconds: must be {EXPIRY_SECONDS_MIN} to {EXPIRY_SECONDS_MAX}, as in 86400; nothing was"
                " recorded: correct it"
            )
        debit = await self._account(request.debit_account_id, "debit_account_id", request)
        credit = await self._account(request.credit_account_id, "credit_account_id", request)
        if debit == credit:
            raise InvalidRequestError("credit_account_id: must be another account; nothing was recorded: correct it")
        return msgspec.structs.replace(request, debit_account_id=format_id(debit), credit_account_id=format_id(credit))

    async def _account(self, text: str, field: str, request: AskPosting) -> int:
        try:
            account_id = parse_id(text)
        except ValueError:
            raise InvalidRequestError(
                f"{field}: must be UUID text or decimal digits; nothing was recorded: correct it"
            ) from None
        found = await self._ledger.lookup_accounts([account_id])
        if not found or found[0].ledger != _ledger_of(request):
            books = f"the {'live' if request.live else 'test'} ledger of {request.currency}"
            raise InvalidRequestError(f"{field}: there is no such account in {books}; nothing was recorded: correct it")
        return account_id

    def _public(self, approval: Approval) -> Posting:
        wanted, decider = _PAYLOAD.decode(approval.payload), approval.decided_by
        return Posting(
            id=format_typed_id(PREFIX, approval.id),
            state=approval.state_at(self._clock_ns()),
            debit_account_id=wanted.debit_account_id,
            credit_account_id=wanted.credit_account_id,
            amount=wanted.amount,
            currency=wanted.currency,
            live=wanted.live,
            reason=wanted.reason,
            reference=approval.reference,
            asked_by=format_typed_id(KEY_PREFIX, approval.asked_by.key_id),
            asked_by_name=approval.asked_by.name,
            asked_at=moment(approval.asked_at),
            expires_at=moment(approval.expires_at),
            decided_by=None if decider is None else format_typed_id(KEY_PREFIX, decider.key_id),
            decided_by_name=None if decider is None else decider.name,
            decided_at=None if approval.decided_at is None else moment(approval.decided_at),
            note=approval.note,
            transfer_id=format_id(approval.id) if approval.state is ApprovalState.APPROVED else None,
        )


def _check_text(reason: str) -> None:
    if not 1 <= len(reason.strip()) <= REASON_MAX:
        raise InvalidRequestError(
            f"reason: must be 1 to {REASON_MAX} characters, as in The bank credited 20.00 twice; nothing was recorded:"
            " correct it"
        )
    refuse_unprintable(reason=reason)
    refuse_secrets(reason=reason)


def _ledger_of(request: AskPosting) -> int:
    return chart.ledger_number(CURRENCIES[request.currency], live=request.live)


def _transfer(approval: Approval) -> Transfer:
    wanted = _PAYLOAD.decode(approval.payload)
    return Transfer(
        id=approval.id,
        debit_account_id=parse_id(wanted.debit_account_id),
        credit_account_id=parse_id(wanted.credit_account_id),
        amount=wanted.amount,
        user_data_128=approval.id,
        ledger=_ledger_of(wanted),
        code=TransferCode.MANUAL_POSTING,
    )


def _log(what: str, approval: Approval, by: Person) -> None:
    log.info(what, posting=format_typed_id(PREFIX, approval.id), key=format_typed_id(KEY_PREFIX, by.key_id))
