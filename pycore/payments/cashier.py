"""What a payer can do who holds a link: see what is to be paid, and choose through whom."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from msgspec import Struct

from pycore.channels.capability import AmountLimit
from pycore.errors import (
    InvalidRequestError,
    MerchantDisabledError,
    NotFoundError,
    PycoreError,
    RequestInProgressError,
)
from pycore.ids import format_typed_id, new_id
from pycore.merchants import STORE_PREFIX, Merchants, MerchantStatus, MerchantStore, MerchantStores
from pycore.money import CNY, Currency, decimal_text
from pycore.payments.attempt import AttemptRecord
from pycore.payments.cashier_links import CashierLinks, Link
from pycore.payments.channel_desk import ChannelDesk
from pycore.payments.channel_limits import Way
from pycore.payments.code_orders import ORIGIN_KEY, STORE_CODE, CodeOrders
from pycore.payments.ladder import ORDER_GRACE_NS
from pycore.payments.payment import CaptureMethod, Payment, PaymentMethod, PaymentStatus
from pycore.payments.record import PaymentRecord
from pycore.payments.request import ConfirmPayment, CreatePayment, Payer
from pycore.store import Pool

BY_LINK: Final = frozenset({PaymentMethod.QR_CODE, PaymentMethod.H5, PaymentMethod.PAGE})
"""What a browser can do that no channel knows: for the others the payer must be logged in, or stand at a terminal."""

_SECONDS_LEFT_MIN: Final = 5
_EXPIRES_IN_SECONDS: Final = 900
_UNCLOSABLE_SECONDS_MAX: Final = 180
"""How long the payer has at a channel that cannot close an order: until it is over no other way can be offered."""
_WAITS: Final = frozenset({PaymentStatus.CREATED, PaymentStatus.REQUIRES_ACTION})

Ways = Mapping[str, frozenset[PaymentMethod]]
"""How something can be paid by link: methods by channel."""


class Receipt(NamedTuple):
    """What shows that a payment was paid.

    Attributes:
        paid_at: nanoseconds since 1970.
        reference: our number at the channel, which the payer's app shows as the merchant's.
        transaction_id: the channel's own number.
    """

    paid_at: int
    reference: str
    transaction_id: str | None


class PaymentAtCashier(Struct, frozen=True, kw_only=True):
    """A payment as its payer finds it.

    Attributes:
        payment_id: its id.
        payment: the payment; not all of it is for the payer's eyes.
        currency: of its amount.
        version: grows with each change.
        merchant_name: who is paid.
        ways: how it can be paid now; none: it cannot.
        barred: what channels take that would be offered were the amount another.
        nanoseconds_left: until it expires, 0 once it has.
        bound_nanoseconds: for how long no other way than the one that was begun can be offered; None: others can.
        receipt: once it was paid through a channel.
        store_name: of the store it was made at.
        store_url: where another payment can be made at the same store's code; None: it was not made at one.
    """

    payment_id: int
    payment: Payment
    currency: Currency
    version: int
    merchant_name: str
    ways: Ways
    barred: Mapping[str, AmountLimit]
    nanoseconds_left: int
    bound_nanoseconds: int | None
    receipt: Receipt | None
    store_name: str | None
    store_url: str | None


class StoreAtCashier(Struct, frozen=True, kw_only=True):
    """A store as the payer finds it who scanned its code.

    Attributes:
        store: the store.
        currency: in which is paid.
        merchant_name: who is paid.
        ways: how can be paid now.
        limits: of one payment through each channel, within the code's own.
        order: for one payment: sent twice it makes no second one.
    """

    store: MerchantStore
    currency: Currency
    merchant_name: str
    ways: Ways
    limits: Mapping[str, tuple[int, int]]
    order: str


class Cashier:
    """Payments by link. Raises, besides what is named, LedgerUnavailableError."""

    def __init__(
        self,
        channels: ChannelDesk,
        links: CashierLinks,
        merchants: Merchants,
        stores: MerchantStores,
        pool: Pool,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.links = links
        self._payments = channels.payments.payments
        self._book = channels.book
        self._attempts = channels.attempts
        self._accounts = channels.accounts
        self._limits = channels.limits
        self._merchants = merchants
        self._stores = stores
        self._code_orders = CodeOrders(pool, clock_ns)
        self._clock_ns = clock_ns

    async def look(self, token: str) -> PaymentAtCashier:
        """Return the payment of a link. Raises NotFoundError."""
        record = await self._book.payment(self.links.id_of(Link.PAYMENT, token))
        merchant = await self._merchants.get(record.tenant.merchant_id)
        store = None if record.store_id is None else await self._stores.get(record.tenant, record.store_id)
        attempt = None if record.attempt_id is None else await self._attempts.get(record.attempt_id)
        now_ns = self._clock_ns()
        is_open = self._can_be_paid(record, now_ns) and merchant.status is MerchantStatus.ACTIVE
        begun = self._begun(record, attempt) if is_open else None
        at_code = store is not None and store.code.is_enabled and record.metadata.get(ORIGIN_KEY) == STORE_CODE
        return PaymentAtCashier(
            payment_id=record.id,
            payment=record.public(),
            currency=record.money,
            version=record.version,
            merchant_name=merchant.name,
            ways=begun or (self._ways(record) if is_open else {}),
            barred=self._barred(record) if is_open and begun is None else {},
            nanoseconds_left=max(0, record.expires_at - now_ns),
            bound_nanoseconds=None if begun is None or attempt is None else _bound(record, attempt, now_ns),
            receipt=_receipt(record, attempt),
            store_name=None if store is None else store.name,
            store_url=self.links.store_url(store.code.id) if at_code and store is not None else None,
        )

    async def choose(
        self, token: str, channel: str, method: PaymentMethod, client_ip: str | None = None
    ) -> PaymentAtCashier:
        """Ask the payer through a channel, and return the payment; asked twice at once, it is done once.

        Args:
            token: of the payment.
            channel: through whom.
            method: one of ``BY_LINK``.
            client_ip: the payer's address, which some channels want to know.

        Raises NotFoundError, InvalidRequestError, InvalidStateError, MerchantDisabledError, and as
        ``Payments.confirm``.
        """
        _check_method(method)
        record = await self._book.payment(self.links.id_of(Link.PAYMENT, token))
        if record.status in _WAITS:
            await self._check_merchant(record.tenant.merchant_id)
            # Two clicks see one version, and so are one request.
            key = f"cashier.{record.id:032x}.{record.version}.{channel}.{method}"
            request = ConfirmPayment(method=method, channel=channel, payer=Payer(client_ip=client_ip))
            seconds = None if self._closes(record, channel, method) else _UNCLOSABLE_SECONDS_MAX
            with suppress(RequestInProgressError):
                await self._payments.confirm(record.tenant, record.id, key, request, seconds_at_channel=seconds)
        return await self.look(token)

    async def look_at_store(self, token: str) -> StoreAtCashier:
        """Return the store of a printed code. Raises NotFoundError, CodeNotInUseError, MerchantDisabledError."""
        store = await self._stores.of_code(self.links.id_of(Link.STORE, token))
        by_link = [way for way in self._limits.ways(CNY.code, live=store.tenant.live) if way.method in BY_LINK]
        return StoreAtCashier(
            store=store,
            currency=CNY,
            merchant_name=await self._check_merchant(store.tenant.merchant_id),
            ways=_by_channel(by_link),
            limits={
                way.channel: (way.limit.minimum_minor, min(way.limit.maximum_minor, store.code.amount_max))
                for way in by_link
            },
            order=self.links.token(Link.ORDER, new_id()),
        )

    async def order_at_store(self, token: str, order: str, amount: int, channel: str, origin: str) -> str:
        """Make a payment to a store and return its token; the same order again is the same payment.

        Args:
            token: of the store's code.
            order: what ``look_at_store`` gave.
            amount: minor units of the store's currency.
            channel: through whom the payer wants to pay.
            origin: what the payer's address counts as; see ``CodeOrders``.

        Raises NotFoundError, CodeNotInUseError, MerchantDisabledError, InvalidRequestError where the code or the
        channel does not take the amount, RateLimitedError where too many are open, IdempotencyMismatchError where the
        order is one of another amount, and as ``Payments.create``.
        """
        store = await self._stores.of_code(self.links.id_of(Link.STORE, token))
        number = self.links.id_of(Link.ORDER, order)
        await self._check_merchant(store.tenant.merchant_id)
        if amount > store.code.amount_max:
            most = decimal_text(store.code.amount_max, CNY)
            raise InvalidRequestError(
                f"amount: this code takes at most {most} {CNY.code} at once; nothing was recorded: pay less, or ask"
                " the shop"
            )
        refusal = self._limits.excluded(amount, CNY.code, channel, None, live=store.tenant.live)
        if refusal is not None:
            raise refusal
        request = CreatePayment(
            merchant_reference=f"code-{number:032x}",
            amount=amount,
            currency=CNY.code,
            subject=store.name,
            store_id=format_typed_id(STORE_PREFIX, store.id),
            expires_in_seconds=_EXPIRES_IN_SECONDS,
            metadata={ORIGIN_KEY: STORE_CODE},
        )
        if await self._made(store, request.merchant_reference) is None:
            async with self._code_orders.admitted(store, origin) as note:
                payment_id = await self._create(store, request)
                note(payment_id)
        else:
            payment_id = await self._create(store, request)
        return self.links.token(Link.PAYMENT, payment_id)

    async def _made(self, store: MerchantStore, reference: str) -> PaymentRecord | None:
        with suppress(NotFoundError):
            return await self._book.payment_by_reference(store.tenant, reference)
        return None

    async def _create(self, store: MerchantStore, request: CreatePayment) -> int:
        reference = request.merchant_reference
        (outcome,) = await self._payments.create(store.tenant, [(reference, request)])
        if isinstance(outcome, PycoreError):
            raise outcome
        return (await self._book.payment_by_reference(store.tenant, reference)).id

    async def _check_merchant(self, merchant_id: int) -> str:
        """Return the merchant's name. Raises MerchantDisabledError."""
        merchant = await self._merchants.get(merchant_id)
        if merchant.status is not MerchantStatus.ACTIVE:
            raise MerchantDisabledError
        return merchant.name

    def _can_be_paid(self, record: PaymentRecord, now_ns: int) -> bool:
        is_late = record.expires_at - now_ns < _SECONDS_LEFT_MIN * 10**9
        return record.status in _WAITS and not is_late and record.capture_method is CaptureMethod.AUTOMATIC

    def _begun(self, record: PaymentRecord, attempt: AttemptRecord | None) -> Ways | None:
        """Return the way that was begun, where its channel cannot close it: it is paid there, never two at once."""
        if attempt is None or not attempt.is_open or record.method is None:
            return None
        if self._closes(record, attempt.channel, record.method):
            return None
        return {attempt.channel: frozenset({record.method}) & BY_LINK}

    def _closes(self, record: PaymentRecord, channel: str, method: PaymentMethod) -> bool:
        connection = self._accounts.connection(channel, live=record.tenant.live)
        return connection is None or method.value in connection.capability.closes

    def _ways(self, record: PaymentRecord) -> Ways:
        return _by_channel([way for way in self._by_link(record) if way.limit.allows(record.amount)])

    def _barred(self, record: PaymentRecord) -> Mapping[str, AmountLimit]:
        ways = self._by_link(record)
        possible = {way.channel for way in ways if way.limit.allows(record.amount)}
        return {way.channel: way.limit for way in ways if way.channel not in possible}

    def _by_link(self, record: PaymentRecord) -> list[Way]:
        ways = self._limits.ways(record.currency, live=record.tenant.live)
        return [way for way in ways if way.method in BY_LINK]


def _by_channel(ways: Iterable[Way]) -> Ways:
    found: dict[str, frozenset[PaymentMethod]] = {}
    for way in ways:
        found[way.channel] = found.get(way.channel, frozenset()) | {way.method}
    return found


def _bound(record: PaymentRecord, attempt: AttemptRecord, now_ns: int) -> int:
    """Return for how long it may still be paid where it was begun: the channel is asked a grace after its end."""
    return max(0, min(attempt.expires_at + ORDER_GRACE_NS, record.expires_at) - now_ns)


def _receipt(record: PaymentRecord, attempt: AttemptRecord | None) -> Receipt | None:
    if record.status is not PaymentStatus.SUCCEEDED or attempt is None:
        return None
    return Receipt(attempt.updated_at, attempt.reference, attempt.transaction_id)


def _check_method(method: PaymentMethod) -> None:
    if method not in BY_LINK:
        raise InvalidRequestError(
            f"method: must be one of {', '.join(sorted(BY_LINK))} at the cashier; nothing was recorded"
        )
