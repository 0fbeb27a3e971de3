"""What a payer can do who holds a link: see what is to be paid, and choose through whom."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Final

from msgspec import Struct

from pycore.channels import Capability
from pycore.channels.capability import in_force
from pycore.channels.clock import SHANGHAI
from pycore.errors import InvalidRequestError, MerchantDisabledError, PycoreError, RequestInProgressError
from pycore.ids import format_typed_id, new_id
from pycore.merchants import STORE_PREFIX, Merchants, MerchantStatus, MerchantStore, MerchantStores
from pycore.money import CNY, Currency
from pycore.payments.cashier_links import CashierLinks, Link
from pycore.payments.channel_desk import ChannelDesk
from pycore.payments.payment import CaptureMethod, Payment, PaymentMethod, PaymentStatus
from pycore.payments.record import PaymentRecord
from pycore.payments.request import ConfirmPayment, CreatePayment, Payer

BY_LINK: Final = frozenset({PaymentMethod.QR_CODE, PaymentMethod.H5, PaymentMethod.PAGE})
"""What a browser can do that no channel knows: for the others the payer must be logged in, or stand at a terminal."""

ORIGIN_KEY: Final = "origin"
STORE_CODE: Final = "store_code"
"""The metadata of a payment that was made at a store's code."""

_SECONDS_LEFT_MIN: Final = 5
_EXPIRES_IN_SECONDS: Final = 900
_WAITS: Final = frozenset({PaymentStatus.CREATED, PaymentStatus.REQUIRES_ACTION})

Ways = Mapping[str, frozenset[PaymentMethod]]
"""How something can be paid by link: methods by channel."""


class PaymentAtCashier(Struct, frozen=True, kw_only=True):
    """A payment as its payer finds it.

    Attributes:
        payment_id: its id.
        payment: the payment; not all of it is for the payer's eyes.
        currency: of its amount.
        version: grows with each change.
        merchant_name: who is paid.
        ways: how it can be paid now; none: it cannot.
        nanoseconds_left: until it expires, 0 once it has.
        store_url: where another payment can be made at the same store's code; None: it was not made at one.
    """

    payment_id: int
    payment: Payment
    currency: Currency
    version: int
    merchant_name: str
    ways: Ways
    nanoseconds_left: int
    store_url: str | None


class StoreAtCashier(Struct, frozen=True, kw_only=True):
    """A store as the payer finds it who scanned its code.

    Attributes:
        store: the store.
        currency: in which is paid.
        merchant_name: who is paid.
        ways: how can be paid now.
        order: for one payment: sent twice it makes no second one.
    """

    store: MerchantStore
    currency: Currency
    merchant_name: str
    ways: Ways
    order: str


class Cashier:
    """Payments by link. Raises, besides what is named, LedgerUnavailableError."""

    def __init__(
        self,
        channels: ChannelDesk,
        links: CashierLinks,
        merchants: Merchants,
        stores: MerchantStores,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.links = links
        self._payments = channels.payments.payments
        self._book = channels.book
        self._accounts = channels.accounts
        self._merchants = merchants
        self._stores = stores
        self._clock_ns = clock_ns

    async def look(self, token: str) -> PaymentAtCashier:
        """Return the payment of a link. Raises NotFoundError."""
        record = await self._book.payment(self.links.id_of(Link.PAYMENT, token))
        merchant = await self._merchants.get(record.tenant.merchant_id)
        left = max(0, record.expires_at - self._clock_ns())
        at_code = record.store_id is not None and record.metadata.get(ORIGIN_KEY) == STORE_CODE
        return PaymentAtCashier(
            payment_id=record.id,
            payment=record.public(),
            currency=record.money,
            version=record.version,
            merchant_name=merchant.name,
            ways=self._ways(record) if merchant.status is MerchantStatus.ACTIVE else {},
            nanoseconds_left=left,
            store_url=self.links.store_url(record.store_id) if at_code and record.store_id is not None else None,
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
            with suppress(RequestInProgressError):
                await self._payments.confirm(record.tenant, record.id, key, request)
        return await self.look(token)

    async def look_at_store(self, token: str) -> StoreAtCashier:
        """Return the store of a printed code. Raises NotFoundError, MerchantDisabledError."""
        store = await self._stores.get(None, self.links.id_of(Link.STORE, token))
        ways = {
            channel: _by_link(connection.capability)
            for channel, connection in self._accounts.connections(live=store.tenant.live).items()
            if CNY.code in connection.capability.currencies
        }
        return StoreAtCashier(
            store=store,
            currency=CNY,
            merchant_name=await self._check_merchant(store.tenant.merchant_id),
            ways={channel: methods for channel, methods in ways.items() if methods},
            order=self.links.token(Link.ORDER, new_id()),
        )

    async def order_at_store(self, token: str, order: str, amount: int) -> str:
        """Make a payment to a store and return its token; the same order again is the same payment.

        Args:
            token: of the store.
            order: what ``look_at_store`` gave.
            amount: minor units of the store's currency.

        Raises NotFoundError, MerchantDisabledError, IdempotencyMismatchError where the order is one of another amount,
        and as ``Payments.create``.
        """
        store = await self._stores.get(None, self.links.id_of(Link.STORE, token))
        number = self.links.id_of(Link.ORDER, order)
        await self._check_merchant(store.tenant.merchant_id)
        reference = f"code-{number:032x}"
        request = CreatePayment(
            merchant_reference=reference,
            amount=amount,
            currency=CNY.code,
            subject=store.name,
            store_id=format_typed_id(STORE_PREFIX, store.id),
            expires_in_seconds=_EXPIRES_IN_SECONDS,
            metadata={ORIGIN_KEY: STORE_CODE},
        )
        (outcome,) = await self._payments.create(store.tenant, [(reference, request)])
        if isinstance(outcome, PycoreError):
            raise outcome
        record = await self._book.payment_by_reference(store.tenant, reference)
        return self.links.token(Link.PAYMENT, record.id)

    async def _check_merchant(self, merchant_id: int) -> str:
        """Return the merchant's name. Raises MerchantDisabledError."""
        merchant = await self._merchants.get(merchant_id)
        if merchant.status is not MerchantStatus.ACTIVE:
            raise MerchantDisabledError
        return merchant.name

    def _ways(self, record: PaymentRecord) -> Ways:
        now_ns = self._clock_ns()
        is_late = record.expires_at - now_ns < _SECONDS_LEFT_MIN * 10**9
        if record.status not in _WAITS or is_late or record.capture_method is CaptureMethod.MANUAL:
            return {}
        connections = self._accounts.connections(live=record.tenant.live)
        capabilities = {channel: connection.capability for channel, connection in connections.items()}
        if (begun := _unclosable(record, capabilities)) is not None:
            return begun
        day = datetime.fromtimestamp(now_ns // 10**9, SHANGHAI).date()
        found = {channel: _by_link(each) for channel, each in capabilities.items() if _takes(each, record, day)}
        return {channel: methods for channel, methods in found.items() if methods}


def _unclosable(record: PaymentRecord, capabilities: Mapping[str, Capability]) -> Ways | None:
    """Return the way that was begun, where its channel cannot close it: it must be paid there, never two at once."""
    capability = capabilities.get(record.channel or "")
    if capability is None or record.method is None or record.status is not PaymentStatus.REQUIRES_ACTION:
        return None
    if record.method.value in capability.closes:
        return None
    return {capability.channel: frozenset({record.method}) & BY_LINK}


def _takes(capability: Capability, record: PaymentRecord, day: date) -> bool:
    limit = in_force(capability.amount_limits, day)
    return record.currency in capability.currencies and limit.minimum_minor <= record.amount <= limit.maximum_minor


def _by_link(capability: Capability) -> frozenset[PaymentMethod]:
    return frozenset(method for method in BY_LINK if method.value in capability.methods)


def _check_method(method: PaymentMethod) -> None:
    if method not in BY_LINK:
        raise InvalidRequestError(
            f"method: must be one of {', '.join(sorted(BY_LINK))} at the cashier; nothing was recorded"
        )
