"""Customers: the persons who pay a merchant. What is personal is sealed with a key of each person's own.

| state | what it means |
|---|---|
| active | personal data is there, masked when shown, found by phone |
| restricted | kept because a law demands it, used for nothing else: not shown, not found, not changed |
| shredded | the key is destroyed; what it sealed can never be read again, also not from a backup without the key |

The customer itself, with its reference and its money, stays in every state.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from time import time_ns
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from pycore.errors import AlreadyExistsError, InvalidStateError, NotFoundError
from pycore.ids import format_typed_id, new_id
from pycore.merchants.page import Page, checked_limit
from pycore.merchants.text import checked_reference
from pycore.store import Pool, changing, unavailable_raised
from pycore.tenant import Tenant
from pycore.vault import (
    Context,
    IdNumber,
    KeyState,
    Owner,
    PersonalValue,
    PersonName,
    PhoneNumber,
    Subject,
    Vault,
    WrappedKey,
)

CUSTOMER_PREFIX: Final = "cus"

_COLUMNS: Final = (
    "id, merchant_id, live, merchant_reference, account_class, subject_key, name_sealed, phone_sealed, phone_index,"
    " id_number_sealed, created_at, version"
)
Personal = TypeVar("Personal", bound=PersonalValue)


class AccountClass(IntEnum):
    """The class of a payment account, which decides its limits (PBoC 2015 No. 43, article 11)."""

    I = 1  # noqa: E741 - its name
    II = 2
    III = 3


class Customer(msgspec.Struct, frozen=True):
    """A person who pays a merchant; printing it shows masks.

    Attributes:
        id: its id; ``cus_…`` outside.
        tenant: whose customer it is.
        merchant_reference: the merchant's own name for the person; unique and fixed.
        account_class: of the stored-value account.
        state: whether personal data is there; see the module.
        name, phone, id_number: as far as given; None also unless the state is active.
        created_at: nanoseconds since 1970.
        version: grows with each change.
    """

    id: int
    tenant: Tenant
    merchant_reference: str
    account_class: AccountClass
    state: KeyState
    name: PersonName | None
    phone: PhoneNumber | None
    id_number: IdNumber | None
    created_at: int
    version: int


class NewCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer to create."""

    merchant_reference: str
    account_class: AccountClass = AccountClass.I
    name: PersonName | None = None
    phone: PhoneNumber | None = None
    id_number: IdNumber | None = None


class CustomerChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a customer; what is not set stays, None takes it away."""

    account_class: AccountClass | UnsetType = UNSET
    name: PersonName | UnsetType | None = UNSET
    phone: PhoneNumber | UnsetType | None = UNSET
    id_number: IdNumber | UnsetType | None = UNSET


def customer_owner(tenant: Tenant, customer_id: int) -> Owner:
    """Return what a customer's key is bound to."""
    return Owner(tenant.label, format_typed_id(CUSTOMER_PREFIX, customer_id))


class Customers:
    """The customers of all merchants, in the platform's database."""

    def __init__(self, pool: Pool, vault: Vault, changed: Callable[[int], None] = lambda _: None) -> None:
        """``changed`` is told of a customer whose account class may be another one now."""
        self._pool = pool
        self._changed = changed
        self._vault = vault

    async def create(self, tenant: Tenant, new: NewCustomer) -> Customer:
        """Return the new customer, or the one an equal request has created before.

        Raises:
            InvalidRequestError: the reference is not allowed.
            AlreadyExistsError: the reference is taken by a customer who differs.
            LedgerUnavailableError, OutcomeUnknownError: see there.
        """
        reference = checked_reference(new.merchant_reference, "merchant_reference")
        customer_id = new_id()
        owner = customer_owner(tenant, customer_id)
        key = self._vault.create_subject_key(owner)
        sealed = _Sealed.of(self._vault, self._vault.subject(key, owner), owner, new)
        async with changing(self._pool) as connection:
            row = await connection.fetchrow(
                f"INSERT INTO customers ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)"
                f" ON CONFLICT (merchant_id, live, merchant_reference) DO NOTHING RETURNING {_COLUMNS}",
                UUID(int=customer_id),
                *_tenant_columns(tenant),
                reference,
                new.account_class,
                key.to_bytes(),
                *sealed,
                time_ns(),
            )
        return self._customer(row) if row is not None else await self._equal(tenant, new)

    async def get(self, tenant: Tenant, customer_id: int) -> Customer:
        """Return a customer. Raises LedgerUnavailableError, and NotFoundError also where it is another tenant's."""
        found = await self._select(tenant, "id = $3", UUID(int=customer_id))
        return _found(next(iter(found), None))

    async def list(self, tenant: Tenant, limit: int = 20, starting_after: int | None = None) -> Page[Customer]:
        """Return customers, newest first.

        Raises InvalidRequestError, LedgerUnavailableError, and NotFoundError where there is no ``starting_after``.
        """
        if starting_after is not None:
            await self.get(tenant, starting_after)
        found = await self._select(
            tenant,
            "($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
            None if starting_after is None else UUID(int=starting_after),
            checked_limit(limit) + 1,
        )
        return Page(found[:limit], len(found) > limit)

    async def find_by_phone(self, tenant: Tenant, phone: PhoneNumber) -> Sequence[Customer]:
        """Return the customers with this phone, newest first, at most 100. Raises LedgerUnavailableError."""
        index = self._vault.blind_index(phone, tenant.label)
        return await self._select(tenant, "phone_index = $3 ORDER BY id DESC LIMIT 100", index)

    async def update(self, tenant: Tenant, customer_id: int, changes: CustomerChanges) -> Customer:
        """Return the customer, changed.

        Raises:
            InvalidStateError: personal data of one who is restricted or shredded cannot be changed.
            NotFoundError: there is no such customer, or it is another tenant's.
            LedgerUnavailableError, OutcomeUnknownError: see there.
        """
        async with changing(self._pool) as connection:
            row = await self._locked(connection, tenant, customer_id)
            before = self._customer(row)
            given = {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not UNSET}
            if before.state is not KeyState.ACTIVE and given.keys() - {"account_class"}:
                raise InvalidStateError("the customer's personal data is restricted or gone; nothing was recorded")
            after = msgspec.structs.replace(before, **given)
            sealed: _Sealed | None = None
            if before.state is KeyState.ACTIVE:
                owner = customer_owner(tenant, customer_id)
                subject = self._vault.subject(WrappedKey.from_bytes(row["subject_key"]), owner)
                sealed = _Sealed.of(self._vault, subject, owner, after)
            row = await connection.fetchrow(
                "UPDATE customers SET account_class = $2, name_sealed = $3, phone_sealed = $4, phone_index = $5,"
                f" id_number_sealed = $6, version = version + 1 WHERE id = $1 RETURNING {_COLUMNS}",
                UUID(int=customer_id),
                after.account_class,
                *(sealed or _Sealed.kept(row)),
            )
        self._changed(customer_id)
        return self._customer(row)

    async def restrict(self, tenant: Tenant, customer_id: int) -> Customer:
        """Return the customer, whose personal data is kept for the law alone from now on; there is no way back.

        Raises:
            InvalidStateError: it was shredded before.
            NotFoundError: there is no such customer, or it is another tenant's.
            LedgerUnavailableError, OutcomeUnknownError: see there.
        """
        async with changing(self._pool) as connection:
            row = await self._locked(connection, tenant, customer_id)
            key = WrappedKey.from_bytes(row["subject_key"])
            if key.state == KeyState.SHREDDED:
                raise InvalidStateError("the customer's personal data is gone; nothing was recorded")
            if key.state == KeyState.ACTIVE:
                key = self._vault.restrict(key, customer_owner(tenant, customer_id))
                row = await connection.fetchrow(
                    "UPDATE customers SET subject_key = $2, phone_index = NULL, version = version + 1 WHERE id = $1"
                    f" RETURNING {_COLUMNS}",
                    UUID(int=customer_id),
                    key.to_bytes(),
                )
        return self._customer(row)

    async def shred(self, tenant: Tenant, customer_id: int) -> Customer:
        """Return the customer, whose key and personal data are destroyed; shredding again changes nothing.

        Raises LedgerUnavailableError, OutcomeUnknownError, and NotFoundError also where it is another tenant's.
        """
        async with changing(self._pool) as connection:
            row = await self._locked(connection, tenant, customer_id)
            key = WrappedKey.from_bytes(row["subject_key"])
            if key.state != KeyState.SHREDDED:
                row = await connection.fetchrow(
                    "UPDATE customers SET subject_key = $2, name_sealed = NULL, phone_sealed = NULL,"
                    " phone_index = NULL, id_number_sealed = NULL, version = version + 1 WHERE id = $1"
                    f" RETURNING {_COLUMNS}",
                    UUID(int=customer_id),
                    Vault.shred(key).to_bytes(),
                )
        return self._customer(row)

    async def _equal(self, tenant: Tenant, new: NewCustomer) -> Customer:
        """Return the customer who has the reference, if nothing else differs."""
        [found] = await self._select(tenant, "merchant_reference = $3", new.merchant_reference)
        if any(getattr(found, field) != getattr(new, field) for field in new.__struct_fields__):
            raise AlreadyExistsError("another customer has this merchant_reference; nothing was recorded")
        return found

    async def _select(self, tenant: Tenant, condition: str, *values: object) -> Sequence[Customer]:
        with unavailable_raised():
            rows = await self._pool.fetch(
                f"SELECT {_COLUMNS} FROM customers WHERE merchant_id = $1 AND live = $2 AND {condition}",
                *_tenant_columns(tenant),
                *values,
            )
        return [self._customer(row) for row in rows]

    async def _locked(self, connection: Any, tenant: Tenant, customer_id: int) -> Any:
        row = await connection.fetchrow(
            f"SELECT {_COLUMNS} FROM customers WHERE merchant_id = $1 AND live = $2 AND id = $3 FOR UPDATE",
            *_tenant_columns(tenant),
            UUID(int=customer_id),
        )
        return _found(row)

    def _customer(self, row: Any) -> Customer:
        tenant = Tenant(row["merchant_id"].int, row["live"])
        key = WrappedKey.from_bytes(row["subject_key"])
        state = KeyState(key.state)
        owner = customer_owner(tenant, row["id"].int)
        subject = self._vault.subject(key, owner) if state is KeyState.ACTIVE else None
        return Customer(
            id=row["id"].int,
            tenant=tenant,
            merchant_reference=row["merchant_reference"],
            account_class=AccountClass(row["account_class"]),
            state=state,
            name=_opened(subject, owner, PersonName, row["name_sealed"]),
            phone=_opened(subject, owner, PhoneNumber, row["phone_sealed"]),
            id_number=_opened(subject, owner, IdNumber, row["id_number_sealed"]),
            created_at=row["created_at"],
            version=row["version"],
        )


class _Sealed(tuple[bytes | None, ...]):
    """The columns name_sealed, phone_sealed, phone_index, id_number_sealed."""

    __slots__ = ()

    @classmethod
    def of(cls, vault: Vault, subject: Subject, owner: Owner, person: NewCustomer | Customer) -> "_Sealed":
        index = None if person.phone is None else vault.blind_index(person.phone, owner.tenant)
        name, phone, id_number = (_seal(subject, owner, each) for each in (person.name, person.phone, person.id_number))
        return cls((name, phone, index, id_number))

    @classmethod
    def kept(cls, row: Any) -> "_Sealed":
        return cls(row[column] for column in ("name_sealed", "phone_sealed", "phone_index", "id_number_sealed"))


def _seal(subject: Subject, owner: Owner, value: PersonalValue | None) -> bytes | None:
    return None if value is None else subject.seal(value.reveal().encode(), _context(owner, type(value)))


def _opened(subject: Subject | None, owner: Owner, kind: type[Personal], sealed: bytes | None) -> Personal | None:
    if subject is None or sealed is None:
        return None
    return kind(subject.open_value(sealed, _context(owner, kind)).decode(), was_sealed=True)


def _context(owner: Owner, kind: type[PersonalValue]) -> Context:
    return Context(owner.tenant, kind.FIELD, owner.subject)


def _tenant_columns(tenant: Tenant) -> tuple[UUID, bool]:
    return UUID(int=tenant.merchant_id), tenant.live


Row = TypeVar("Row")


def _found(found: Row | None) -> Row:
    if found is None:
        raise NotFoundError("there is no such customer")
    return found
