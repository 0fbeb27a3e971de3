"""API keys over HTTP: a merchant's own, and those an operator makes for a merchant."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from api.rest import resource, writing
from api.rest.body import json_response, read_json
from api.rest.endpoint import Endpoint, TenantEndpoint, read_query
from api.rest.merchant import Burst, Name, PerSecond
from api.rest.once import once
from api.services import Services
from pycore.errors import IdempotencyMismatchError, InvalidStateError, LedgerUnavailableError, NotFoundError
from pycore.ids import format_typed_id
from pycore.merchants import (
    KEY_PREFIX,
    MERCHANT_PREFIX,
    Allowance,
    ApiKey,
    Caller,
    KeyTerms,
    OperatorScope,
    Scope,
)
from pycore.moment import moment
from pycore.tenant import Tenant

Networks = Annotated[
    list[str],
    Meta(description="Addresses and networks it may be used from; none: anywhere.", examples=[["203.0.113.0/24"]]),
]
Expiry = Annotated[datetime | None, Meta(description="From when it works no more; null: it does not expire.")]


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make, in the mode of the key that asks for it."""

    name: Name
    scopes: Annotated[list[Scope], Meta(min_length=1, description="What it allows.")]
    allowed_networks: Networks = []
    requests_per_second: PerSecond = 1000
    requests_burst: Burst = 2000
    expires_at: Expiry = None


class NewMerchantKey(NewKey, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key for a merchant."""

    live: Annotated[bool, Meta(description="Whether real money moves.")]


class RollKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a key is replaced."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=2_592_000, description="How long the old one goes on working.")] = 0
    expires_at: Expiry = None


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without its secret."""

    id: str
    live: bool
    name: str
    hint: Annotated[str, Meta(description="The last characters of the secret.")]
    scopes: list[str]
    allowed_networks: list[str]
    requests_per_second: int
    requests_burst: int
    replaced_by: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class MadeKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key and its secret, which is told this once."""

    key: KeyView
    secret: str


class KeyList(msgspec.Struct, frozen=True):
    """Keys, newest first, also those that work no more."""

    data: list[KeyView]
    has_more: bool


_CREATE: Final = msgspec.json.Decoder(NewKey)
_CREATE_FOR_MERCHANT: Final = msgspec.json.Decoder(NewMerchantKey)
_ROLL: Final = msgspec.json.Decoder(RollKey)


def view(key: ApiKey) -> KeyView:
    """Return a key as JSON shows it."""
    terms = key.terms
    return KeyView(
        id=format_typed_id(KEY_PREFIX, key.id),
        live=key.tenant is None or key.tenant.live,
        name=terms.name,
        hint=key.hint,
        scopes=list(terms.scopes),
        allowed_networks=list(terms.allowed_networks),
        requests_per_second=terms.allowance.requests_per_second,
        requests_burst=terms.allowance.requests_burst,
        replaced_by=None if key.replaced_by is None else format_typed_id(KEY_PREFIX, key.replaced_by),
        created_at=moment(key.created_at),
        expires_at=resource.write_time_or_none(terms.expires_at),
        revoked_at=resource.write_time_or_none(key.revoked_at),
    )


async def create(services: Services, caller: Caller, request: Request) -> Response:
    """Make a key."""
    new = await read_json(request, _CREATE)
    asked = once(request, caller.tenant, "api_keys.create", new)
    key, secret = await services.api_keys.create(caller.tenant, _terms(new), asked)
    return json_response(MadeKey(key=view(key), secret=secret))


async def create_for_merchant(services: Services, request: Request) -> Response:
    """Make a key for a merchant."""
    merchant_id = resource.path_id(request, MERCHANT_PREFIX)
    new = await read_json(request, _CREATE_FOR_MERCHANT)
    tenant = Tenant(merchant_id, new.live)
    asked = once(request, tenant, "merchants.api_keys.create", new)
    key, secret = await services.api_keys.create(tenant, _terms(new), asked)
    return json_response(MadeKey(key=view(key), secret=secret))


async def list_all(services: Services, caller: Caller, request: Request) -> Response:
    """Return keys."""
    query = read_query(request, resource.ListQuery)
    page = await services.api_keys.list(caller.tenant, query.limit, resource.read_after(query, KEY_PREFIX))
    return json_response(KeyList([view(each) for each in page.items], page.has_more))


async def read(services: Services, caller: Caller, request: Request) -> Response:
    """Return one key."""
    return json_response(view(await services.api_keys.get(caller.tenant, resource.path_id(request, KEY_PREFIX))))


async def roll(services: Services, caller: Caller, request: Request) -> Response:
    """Replace a key."""
    key_id = resource.path_id(request, KEY_PREFIX)
    wanted = await read_json(request, _ROLL)
    key, secret = await services.api_keys.roll(
        caller.tenant,
        key_id,
        overlap_seconds=wanted.overlap_seconds,
        expires_at=_expiry(wanted.expires_at),
        once=once(request, caller.tenant, "api_keys.roll", wanted, key_id),
    )
    return json_response(MadeKey(key=view(key), secret=secret))


async def revoke(services: Services, caller: Caller, request: Request) -> Response:
    """End a key."""
    return json_response(view(await services.api_keys.revoke(caller.tenant, resource.path_id(request, KEY_PREFIX))))


def _terms(new: NewKey) -> KeyTerms:
    return KeyTerms(
        name=new.name,
        scopes=new.scopes,
        allowed_networks=new.allowed_networks,
        allowance=Allowance(new.requests_per_second, new.requests_burst),
        expires_at=_expiry(new.expires_at),
    )


def _expiry(time: datetime | None) -> int | None:
    return None if time is None else resource.read_time(time, "expires_at")


ENDPOINTS: Final = (
    TenantEndpoint(
        method="POST",
        path="/v1/api_keys",
        handler=create,
        scope=Scope.MERCHANT_ADMIN,
        summary="Make an API key",
        description="Its secret is in this answer and nowhere else.",
        body=NewKey,
        answer=MadeKey,
        errors=(*writing.CHANGE_ERRORS, IdempotencyMismatchError),
        may_have_key=True,
        tag="merchants",
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/api_keys",
        handler=list_all,
        scope=Scope.MERCHANT_READ,
        summary="List API keys",
        query=resource.ListQuery,
        answer=KeyList,
        errors=writing.LIST_ERRORS,
        tag="merchants",
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/api_keys/{id}",
        id_prefix=KEY_PREFIX,
        handler=read,
        scope=Scope.MERCHANT_READ,
        summary="Read one API key",
        answer=KeyView,
        errors=(NotFoundError, LedgerUnavailableError),
        tag="merchants",
    ),
    TenantEndpoint(
        method="POST",
        path="/v1/api_keys/{id}/roll",
        id_prefix=KEY_PREFIX,
        handler=roll,
        scope=Scope.MERCHANT_ADMIN,
        summary="Replace an API key by a new one on the same terms",
        body=RollKey,
        answer=MadeKey,
        errors=(*writing.CHANGE_ERRORS, NotFoundError, InvalidStateError, IdempotencyMismatchError),
        may_have_key=True,
        tag="merchants",
    ),
    TenantEndpoint(
        method="POST",
        path="/v1/api_keys/{id}/revoke",
        id_prefix=KEY_PREFIX,
        handler=revoke,
        scope=Scope.MERCHANT_ADMIN,
        summary="End an API key now",
        answer=KeyView,
        errors=writing.ACTION_ERRORS,
        tag="merchants",
    ),
    Endpoint(
        method="POST",
        path="/v1/merchants/{id}/api_keys",
        id_prefix=MERCHANT_PREFIX,
        handler=create_for_merchant,
        scope=OperatorScope.MERCHANTS_WRITE,
        summary="Make an API key for a merchant",
        description="Its secret is in this answer and nowhere else.",
        body=NewMerchantKey,
        answer=MadeKey,
        errors=(*writing.CHANGE_ERRORS, NotFoundError, IdempotencyMismatchError),
        may_have_key=True,
        tag="merchants",
    ),
)
