"""A merchant's customers over HTTP. Personal data goes in and comes out as masks only."""

from datetime import datetime
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from api.rest import resource, writing
from api.rest.body import json_response, read_json
from api.rest.endpoint import TenantEndpoint, read_query
from api.services import Services
from pycore.errors import (
    AlreadyExistsError,
    InvalidPersonalDataError,
    InvalidStateError,
    LedgerUnavailableError,
    NotFoundError,
    SealedValueError,
)
from pycore.ids import format_typed_id
from pycore.merchants import (
    CUSTOMER_PREFIX,
    AccountClass,
    Caller,
    Customer,
    CustomerChanges,
    NewCustomer,
    Scope,
)
from pycore.moment import moment
from pycore.vault import IdNumber, PersonalValue, PersonName, PhoneNumber

ClassName = Literal["I", "II", "III"]
StateName = Literal["active", "restricted", "shredded"]
Reference = Annotated[
    str, Meta(description="The merchant's own name for the person: 1 to 64 characters, unique.", examples=["user-1077"])
]
NameText = Annotated[str, Meta(description="The person's name.")]
PhoneText = Annotated[str, Meta(description="With the country's code; without one it is a Chinese number.")]
IdNumberText = Annotated[str, Meta(description="The number of an identity document.")]
Personal = TypeVar("Personal", bound=PersonalValue)


class CustomerToCreate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer to create."""

    merchant_reference: Reference
    account_class: ClassName = "I"
    name: NameText | None = None
    phone: PhoneText | None = None
    id_number: IdNumberText | None = None

    def __repr__(self) -> str:
        return "CustomerToCreate(…)"


class CustomerToChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a customer; what is left out stays, null takes it away."""

    account_class: ClassName | UnsetType = UNSET
    name: NameText | UnsetType | None = UNSET
    phone: PhoneText | UnsetType | None = UNSET
    id_number: IdNumberText | UnsetType | None = UNSET

    def __repr__(self) -> str:
        return "CustomerToChange(…)"


class CustomerSearch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to find. It is a body, because addresses end up in logs."""

    phone: PhoneText

    def __repr__(self) -> str:
        return "CustomerSearch(…)"


class CustomerView(msgspec.Struct, frozen=True, kw_only=True):
    """A customer; personal data is masked."""

    id: str
    live: bool
    merchant_reference: str
    account_class: ClassName
    state: StateName
    name: str | None
    phone: str | None
    id_number: str | None
    created_at: datetime


class CustomerList(msgspec.Struct, frozen=True):
    """Customers, newest first."""

    data: list[CustomerView]
    has_more: bool


_CREATE: Final = msgspec.json.Decoder(CustomerToCreate)
_CHANGE: Final = msgspec.json.Decoder(CustomerToChange)
_SEARCH: Final = msgspec.json.Decoder(CustomerSearch)
_CLASSES: Final[dict[AccountClass, ClassName]] = {AccountClass.I: "I", AccountClass.II: "II", AccountClass.III: "III"}
_STATES: Final[tuple[StateName, ...]] = ("active", "restricted", "shredded")


def view(customer: Customer) -> CustomerView:
    """Return a customer as JSON shows it."""
    return CustomerView(
        id=format_typed_id(CUSTOMER_PREFIX, customer.id),
        live=customer.tenant.live,
        merchant_reference=customer.merchant_reference,
        account_class=_CLASSES[customer.account_class],
        state=_STATES[customer.state - 1],
        name=_masked(customer.name),
        phone=_masked(customer.phone),
        id_number=_masked(customer.id_number),
        created_at=moment(customer.created_at),
    )


async def create(services: Services, caller: Caller, request: Request) -> Response:
    """Create a customer."""
    given = await read_json(request, _CREATE)
    new = NewCustomer(
        merchant_reference=given.merchant_reference,
        account_class=AccountClass[given.account_class],
        name=_given(PersonName, given.name, "name") or None,
        phone=_given(PhoneNumber, given.phone, "phone") or None,
        id_number=_given(IdNumber, given.id_number, "id_number") or None,
    )
    return json_response(view(await services.customers.create(caller.tenant, new)))


async def list_all(services: Services, caller: Caller, request: Request) -> Response:
    """Return customers."""
    query = read_query(request, resource.ListQuery)
    page = await services.customers.list(caller.tenant, query.limit, resource.read_after(query, CUSTOMER_PREFIX))
    return json_response(CustomerList([view(each) for each in page.items], page.has_more))


async def search(services: Services, caller: Caller, request: Request) -> Response:
    """Return the customers with a phone."""
    phone = _personal(PhoneNumber, (await read_json(request, _SEARCH)).phone, "phone")
    found = await services.customers.find_by_phone(caller.tenant, phone)
    return json_response(CustomerList([view(each) for each in found], has_more=False))


async def read(services: Services, caller: Caller, request: Request) -> Response:
    """Return one customer."""
    customer_id = resource.path_id(request, CUSTOMER_PREFIX)
    return json_response(view(await services.customers.get(caller.tenant, customer_id)))


async def update(services: Services, caller: Caller, request: Request) -> Response:
    """Change a customer."""
    customer_id = resource.path_id(request, CUSTOMER_PREFIX)
    given = await read_json(request, _CHANGE)
    changes = CustomerChanges(
        account_class=UNSET if given.account_class is UNSET else AccountClass[given.account_class],
        name=_given(PersonName, given.name, "name"),
        phone=_given(PhoneNumber, given.phone, "phone"),
        id_number=_given(IdNumber, given.id_number, "id_number"),
    )
    return json_response(view(await services.customers.update(caller.tenant, customer_id, changes)))


async def restrict(services: Services, caller: Caller, request: Request) -> Response:
    """Keep a customer's personal data for the law alone."""
    customer_id = resource.path_id(request, CUSTOMER_PREFIX)
    return json_response(view(await services.customers.restrict(caller.tenant, customer_id)))


async def shred(services: Services, caller: Caller, request: Request) -> Response:
    """Destroy a customer's personal data."""
    customer_id = resource.path_id(request, CUSTOMER_PREFIX)
    return json_response(view(await services.customers.shred(caller.tenant, customer_id)))


def _masked(value: PersonalValue | None) -> str | None:
    return None if value is None else value.masked


def _given(kind: type[Personal], text: str | UnsetType | None, field: str) -> Personal | UnsetType | None:
    return text if text is None or text is UNSET else _personal(kind, text, field)


def _personal(kind: type[Personal], text: str, field: str) -> Personal:
    try:
        return kind(text)
    except InvalidPersonalDataError as error:
        raise InvalidPersonalDataError(f"{field}: {error}; nothing was recorded") from None


ENDPOINTS: Final = (
    TenantEndpoint(
        method="POST",
        path="/v1/customers",
        handler=create,
        scope=Scope.CUSTOMERS_WRITE,
        summary="Create a customer",
        description="The same request sent again is answered with the same customer.",
        body=CustomerToCreate,
        answer=CustomerView,
        errors=(*writing.CHANGE_ERRORS, AlreadyExistsError, InvalidPersonalDataError, SealedValueError),
        tag="customers",
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/customers",
        handler=list_all,
        scope=Scope.CUSTOMERS_READ,
        summary="List customers",
        query=resource.ListQuery,
        answer=CustomerList,
        errors=(*writing.LIST_ERRORS, SealedValueError),
        tag="customers",
    ),
    TenantEndpoint(
        method="POST",
        path="/v1/customers/search",
        handler=search,
        scope=Scope.CUSTOMERS_READ,
        summary="Find customers by phone",
        body=CustomerSearch,
        answer=CustomerList,
        errors=(*writing.LOOKUP_ERRORS, LedgerUnavailableError, InvalidPersonalDataError, SealedValueError),
        tag="customers",
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/customers/{id}",
        id_prefix=CUSTOMER_PREFIX,
        handler=read,
        scope=Scope.CUSTOMERS_READ,
        summary="Read one customer",
        answer=CustomerView,
        errors=(NotFoundError, LedgerUnavailableError, SealedValueError),
        tag="customers",
    ),
    TenantEndpoint(
        method="PATCH",
        path="/v1/customers/{id}",
        id_prefix=CUSTOMER_PREFIX,
        handler=update,
        scope=Scope.CUSTOMERS_WRITE,
        summary="Change a customer",
        body=CustomerToChange,
        answer=CustomerView,
        errors=(
            *writing.CHANGE_ERRORS,
            NotFoundError,
            InvalidStateError,
            InvalidPersonalDataError,
            SealedValueError,
        ),
        tag="customers",
    ),
    TenantEndpoint(
        method="POST",
        path="/v1/customers/{id}/restrict",
        id_prefix=CUSTOMER_PREFIX,
        handler=restrict,
        scope=Scope.CUSTOMERS_WRITE,
        summary="Keep a customer's personal data for the law alone",
        description="It is not shown, found or changed any more. There is no way back but shredding.",
        answer=CustomerView,
        errors=(*writing.ACTION_ERRORS, InvalidStateError, SealedValueError),
        tag="customers",
    ),
    TenantEndpoint(
        method="DELETE",
        path="/v1/customers/{id}",
        id_prefix=CUSTOMER_PREFIX,
        handler=shred,
        scope=Scope.CUSTOMERS_WRITE,
        summary="Destroy a customer's personal data",
        description="The key that sealed it is destroyed. The customer stays, with its reference and its money.",
        answer=CustomerView,
        errors=(*writing.ACTION_ERRORS, SealedValueError),
        tag="customers",
    ),
)
