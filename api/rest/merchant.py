"""Merchants over HTTP: for operators to make and change, for a merchant's system to read its own."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from api.rest import resource, writing
from api.rest.body import json_response, read_json
from api.rest.endpoint import Endpoint, TenantEndpoint, read_query
from api.services import Services
from pycore.errors import (
    InvalidRequestError,
    LedgerUnavailableError,
    NotFoundError,
)
from pycore.ids import format_typed_id
from pycore.merchants import (
    MERCHANT_PREFIX,
    Allowance,
    Caller,
    Merchant,
    MerchantChanges,
    MerchantStatus,
    OperatorScope,
    Scope,
)
from pycore.moment import moment

Name = Annotated[str, Meta(description="For people, 1 to 100 characters.", examples=["Blue Teapot"])]
PerSecond = Annotated[int, Meta(description="Requests a second in the long run, in each mode.", ge=1, le=1_000_000)]
Labels = Annotated[
    list[str],
    Meta(description="What routing rules can say `label is` of: words of ASCII letters, digits and _.", max_length=32),
]
Burst = Annotated[int, Meta(description="Requests at once.", ge=1, le=1_000_000)]


class NewMerchant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A merchant to create."""

    name: Name
    requests_per_second: PerSecond = 2000
    requests_burst: Burst = 4000


class ChangedMerchant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a merchant; what is left out stays. Both numbers of the quota come together."""

    name: Name | UnsetType = UNSET
    status: MerchantStatus | UnsetType = UNSET
    labels: Labels | UnsetType = UNSET
    requests_per_second: PerSecond | UnsetType = UNSET
    requests_burst: Burst | UnsetType = UNSET


class MerchantView(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant."""

    id: str
    name: str
    status: MerchantStatus
    labels: list[str]
    requests_per_second: int
    requests_burst: int
    created_at: datetime


class MerchantList(msgspec.Struct, frozen=True):
    """Merchants, newest first."""

    data: list[MerchantView]
    has_more: bool


_CREATE: Final = msgspec.json.Decoder(NewMerchant)
_CHANGE: Final = msgspec.json.Decoder(ChangedMerchant)


def view(merchant: Merchant) -> MerchantView:
    """Return a merchant as JSON shows it."""
    return MerchantView(
        id=format_typed_id(MERCHANT_PREFIX, merchant.id),
        name=merchant.name,
        status=merchant.status,
        labels=list(merchant.labels),
        requests_per_second=merchant.allowance.requests_per_second,
        requests_burst=merchant.allowance.requests_burst,
        created_at=moment(merchant.created_at),
    )


async def create(services: Services, request: Request) -> Response:
    """Create a merchant."""
    new = await read_json(request, _CREATE)
    allowance = Allowance(new.requests_per_second, new.requests_burst)
    return json_response(view(await services.merchants.create(new.name, allowance)))


async def list_all(services: Services, request: Request) -> Response:
    """Return merchants."""
    query = read_query(request, resource.ListQuery)
    page = await services.merchants.list(query.limit, resource.read_after(query, MERCHANT_PREFIX))
    return json_response(MerchantList([view(each) for each in page.items], page.has_more))


async def read(services: Services, request: Request) -> Response:
    """Return one merchant."""
    return json_response(view(await services.merchants.get(resource.path_id(request, MERCHANT_PREFIX))))


async def update(services: Services, request: Request) -> Response:
    """Change a merchant."""
    merchant_id = resource.path_id(request, MERCHANT_PREFIX)
    wanted = await read_json(request, _CHANGE)
    changes = MerchantChanges(
        name=wanted.name, status=wanted.status, labels=wanted.labels, allowance=_allowance(wanted)
    )
    return json_response(view(await services.merchants.update(merchant_id, changes)))


async def read_own(services: Services, caller: Caller, _request: Request) -> Response:
    """Return the caller's merchant."""
    return json_response(view(await services.merchants.get(caller.tenant.merchant_id)))


def _allowance(wanted: ChangedMerchant) -> Allowance | UnsetType:
    per_second, burst = wanted.requests_per_second, wanted.requests_burst
    if per_second is UNSET and burst is UNSET:
        return UNSET
    if per_second is UNSET or burst is UNSET:
        raise InvalidRequestError("requests_per_second and requests_burst come together; nothing was recorded")
    return Allowance(per_second, burst)


ENDPOINTS: Final = (
    TenantEndpoint(
        method="GET",
        path="/v1/merchant",
        handler=read_own,
        scope=Scope.MERCHANT_READ,
        summary="Read the merchant whose key this is",
        answer=MerchantView,
        errors=(LedgerUnavailableError,),
        tag="merchants",
    ),
    Endpoint(
        method="POST",
        path="/v1/merchants",
        handler=create,
        scope=OperatorScope.MERCHANTS_WRITE,
        summary="Create a merchant",
        body=NewMerchant,
        answer=MerchantView,
        errors=writing.CHANGE_ERRORS,
        tag="merchants",
    ),
    Endpoint(
        method="GET",
        path="/v1/merchants",
        handler=list_all,
        scope=OperatorScope.MERCHANTS_READ,
        summary="List merchants",
        query=resource.ListQuery,
        answer=MerchantList,
        errors=writing.LIST_ERRORS,
        tag="merchants",
    ),
    Endpoint(
        method="GET",
        path="/v1/merchants/{id}",
        id_prefix=MERCHANT_PREFIX,
        handler=read,
        scope=OperatorScope.MERCHANTS_READ,
        summary="Read one merchant",
        answer=MerchantView,
        errors=(NotFoundError, LedgerUnavailableError),
        tag="merchants",
    ),
    Endpoint(
        method="PATCH",
        path="/v1/merchants/{id}",
        id_prefix=MERCHANT_PREFIX,
        handler=update,
        scope=OperatorScope.MERCHANTS_WRITE,
        summary="Change a merchant, or disable it",
        description="A disabled merchant's keys are refused at once; payments under way go on to their end.",
        body=ChangedMerchant,
        answer=MerchantView,
        errors=(*writing.CHANGE_ERRORS, NotFoundError),
        tag="merchants",
    ),
)
