"""A merchant's stores over HTTP."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from api.rest import resource, writing
from api.rest.body import json_response, read_json
from api.rest.endpoint import TenantEndpoint, read_query
from api.rest.once import once
from api.services import Services
from pycore.errors import IdempotencyMismatchError, LedgerUnavailableError, NotFoundError
from pycore.ids import format_typed_id
from pycore.merchants import STORE_PREFIX, Caller, MerchantStore, Scope
from pycore.moment import moment


class NewStore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A store to create."""

    name: Annotated[str, Meta(description="For people, 1 to 100 characters.", examples=["Nanjing Road"])]


class StoreView(msgspec.Struct, frozen=True, kw_only=True):
    """A store."""

    id: str
    live: bool
    name: str
    cashier_url: Annotated[str, Meta(description="What the store's printed code says: customers scan it and pay.")]
    created_at: datetime


class StoreList(msgspec.Struct, frozen=True):
    """Stores, newest first."""

    data: list[StoreView]
    has_more: bool


_CREATE: Final = msgspec.json.Decoder(NewStore)


def view(services: Services, store: MerchantStore) -> StoreView:
    """Return a store as JSON shows it."""
    return StoreView(
        id=format_typed_id(STORE_PREFIX, store.id),
        live=store.tenant.live,
        name=store.name,
        cashier_url=services.cashier.links.store_url(store.id),
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
)
