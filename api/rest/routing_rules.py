"""A merchant's routing rules over HTTP: put in force, read back, every version."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from api.rest import resource, writing
from api.rest.body import json_response, read_json
from api.rest.endpoint import TenantEndpoint, read_query
from api.services import Services
from pycore.errors import InvalidRequestError, LedgerUnavailableError
from pycore.ids import format_typed_id
from pycore.merchants import KEY_PREFIX, Caller, Scope
from pycore.moment import moment
from pycore.payments.routing_rules import RulesVersion

_Text = Annotated[
    str,
    Meta(
        description="One rule per line; docs/routing.md has the grammar. Empty: none.",
        max_length=16_384,
        examples=["when hour from 22 to 6 avoid unionpay"],
    ),
]


class RulesToSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules that shall be in force."""

    rules: _Text


class RulesView(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the rules; 0 where none were ever set. ``set_by`` is a key, or who was at the command line."""

    version: int
    rules: str
    set_by: str | None
    set_at: datetime | None


class RulesHistory(msgspec.Struct, frozen=True):
    """Versions, newest first; the first of all is in force."""

    data: Sequence[RulesView]
    has_more: bool


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which versions; newest first."""

    limit: Annotated[int, Meta(ge=1, le=resource.LIMIT_MAX, description="At most so many.")] = resource.LIMIT_DEFAULT
    starting_after: Annotated[
        int, Meta(ge=1, le=2**31 - 1, description="The last version of the page before; none: from the newest.")
    ] = 2**31 - 1


_SET: Final = msgspec.json.Decoder(RulesToSet)


async def set_rules(services: Services, caller: Caller, request: Request) -> Response:
    """Put rules in force."""
    wanted = await read_json(request, _SET)
    by = format_typed_id(KEY_PREFIX, caller.key_id)
    return json_response(_view(await services.channels.rules.set(caller.tenant, wanted.rules, by=by)))


async def read(services: Services, caller: Caller, _request: Request) -> Response:
    """Return the rules in force."""
    return json_response(_view(await services.channels.rules.current(caller.tenant)))


async def list_versions(services: Services, caller: Caller, request: Request) -> Response:
    """Return every version of the rules."""
    query = read_query(request, HistoryQuery)
    page = await services.channels.rules.history(caller.tenant, query.limit, query.starting_after)
    return json_response(RulesHistory([_view(each) for each in page.items], page.has_more))


def _view(version: RulesVersion) -> RulesView:
    return RulesView(
        version=version.version,
        rules=version.rules,
        set_by=version.set_by or None,
        set_at=moment(version.set_at) if version.version else None,
    )


ENDPOINTS: Final = (
    TenantEndpoint(
        method="GET",
        path="/v1/merchant/routing_rules",
        handler=read,
        scope=Scope.MERCHANT_READ,
        summary="Read the routing rules in force",
        description="Those of the key's mode: live and test mode have rules of their own.",
        answer=RulesView,
        errors=(LedgerUnavailableError,),
        tag="merchants",
    ),
    TenantEndpoint(
        method="PUT",
        path="/v1/merchant/routing_rules",
        handler=set_rules,
        scope=Scope.MERCHANT_ADMIN,
        summary="Put routing rules in force",
        description="From the next payment on. A mistake is refused with its line and column, and nothing changes. "
        "The same rules again make no new version.",
        body=RulesToSet,
        answer=RulesView,
        errors=writing.CHANGE_ERRORS,
        tag="merchants",
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/merchant/routing_rules/versions",
        handler=list_versions,
        scope=Scope.MERCHANT_READ,
        summary="List the versions of the routing rules",
        query=HistoryQuery,
        answer=RulesHistory,
        errors=(*writing.READ_ERRORS, InvalidRequestError, LedgerUnavailableError),
        tag="merchants",
    ),
)
