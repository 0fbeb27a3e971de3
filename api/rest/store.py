"""A merchant's stores over HTTP."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from api.rest import resource, writing
from api.rest.body import json_response, read_json
from api.rest.endpoint import TenantEndpoint, read_query
from api.rest.once import once
from api.services import Services
from pycore.errors import IdempotencyMismatchError, LedgerUnavailableError, NotFoundError
from pycore.ids import format_typed_id
from pycore.merchants import STORE_PREFIX, Caller, MerchantStore, Scope, StoreChanges
from pycore.moment import moment

Name = Annotated[str, Meta(description="For people, 1 to 100 characters.", examples=["Nanjing Road"])]
CodeEnabled = Annotated[bool, Meta(description="Whether the store's printed code can be paid at.")]
CodeAmountMax = Annotated[int, Meta(description="Of one payment at the code, minor units.", examples=[5_000_000])]
CodeOpenMax = Annotated[int, Meta(description="Payments at the code that nobody paid yet.", examples=[100])]


class NewStore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A store to create."""

    name: Name


class ChangedStore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a store; what is left out stays."""

    name: Name | UnsetType = UNSET
    code_enabled: CodeEnabled | UnsetType = UNSET
    code_amount_max: CodeAmountMax | UnsetType = UNSET
    code_open_max: CodeOpenMax | UnsetType = UNSET


class StoreView(msgspec.Struct, frozen=True, kw_only=True):
    """A store."""

    id: str
    live: bool
    name: str
    cashier_url: Annotated[str, Meta(description="What the store's printed code says: customers scan it and pay.")]
    code_enabled: CodeEnabled
    code_amount_max: CodeAmountMax
    code_open_max: CodeOpenMax
    created_at: datetime


class StoreList(msgspec.Struct, frozen=True):
    """Stores, newest first."""

    data: list[StoreView]
    has_more: bool


_CREATE: Final = msgspec.json.Decoder(NewStore)
_CHANGE: Final = msgspec.json.Decoder(ChangedStore)


def view(services: Services, store: MerchantStore) -> StoreView:
    """Return a store as JSON shows it."""
    return StoreView(
        id=format_typed_id(STORE_PREFIX, store.id),
        live=store.tenant.live,
        name=store.name,
        cashier_url=services.cashier.links.store_url(store.code.id),
        code_enabled=store.code.is_enabled,
        code_amount_max=store.code.amount_max,
        code_open_max=store.code.open_max,
        created_at=moment(store.created_at),
    )


async def create(services: Services, caller: Caller, request: Request) -> Response:
    """Create a store."""
    new = await read_json(request, _CREATE)
    store = await services.stores.create(caller.tenant, new.name, once(request, caller.tenant, "stores.create", new))
    return json_response(view(services, store))


async def list_all(services: Services, caller: Caller, request: Request) -> Response:
    """Return stores."""
    query = read_query(request, resource.ListQuery)
    page = await services.stores.list(caller.tenant, query.limit, resource.read_after(query, STORE_PREFIX))
    return json_response(StoreList([view(services, each) for each in page.items], page.has_more))


async def read(services: Services, caller: Caller, request: Request) -> Response:
    """Return one store."""
    return json_response(
        view(services, await services.stores.get(caller.tenant, resource.path_id(request, STORE_PREFIX)))
    )


async def update(services: Services, caller: Caller, request: Request) -> Response:
    """Change a store."""
    store_id = resource.path_id(request, STORE_PREFIX)
    wanted = await read_json(request, _CHANGE)
    changes = StoreChanges(**{name: getattr(wanted, name) for name in wanted.__struct_fields__})
    return json_response(view(services, await services.stores.update(caller.tenant, store_id, changes)))


async def rotate_code(services: Services, caller: Caller, request: Request) -> Response:
    """Give a store another code."""
    store_id = resource.path_id(request, STORE_PREFIX)
    return json_response(view(services, await services.stores.rotate_code(caller.tenant, store_id)))


ENDPOINTS: Final = (
    TenantEndpoint(
        method="POST",
        path="/v1/stores",
        handler=create,
        scope=Scope.MERCHANT_ADMIN,
        summary="Create a store",
        body=NewStore,
        answer=StoreView,
        errors=(*writing.CHANGE_ERRORS, IdempotencyMismatchError),
        may_have_key=True,
        tag="merchants",
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/stores",
        handler=list_all,
        scope=Scope.MERCHANT_READ,
        summary="List stores",
        query=resource.ListQuery,
        answer=StoreList,
        errors=writing.LIST_ERRORS,
        tag="merchants",
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/stores/{id}",
        id_prefix=STORE_PREFIX,
        handler=read,
        scope=Scope.MERCHANT_READ,
        summary="Read one store",
        answer=StoreView,
        errors=(NotFoundError, LedgerUnavailableError),
        tag="merchants",
    ),
    TenantEndpoint(
        method="PATCH",
        path="/v1/stores/{id}",
        id_prefix=STORE_PREFIX,
        handler=update,
        scope=Scope.MERCHANT_ADMIN,
        summary="Change a store, or what its code takes",
        description="A disabled code takes no new payment at once; what was begun at it can still be paid.",
        body=ChangedStore,
        answer=StoreView,
        errors=(*writing.CHANGE_ERRORS, NotFoundError),
        tag="merchants",
    ),
    TenantEndpoint(
        method="POST",
        path="/v1/stores/{id}/rotate_code",
        id_prefix=STORE_PREFIX,
        handler=rotate_code,
        scope=Scope.MERCHANT_ADMIN,
        summary="Give a store another code",
        description="For a code that was copied or lost: the old one takes no payment from now on. Print the new one.",
        answer=StoreView,
        errors=writing.ACTION_ERRORS,
        tag="merchants",
    ),
)
