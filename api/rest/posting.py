"""Manual postings over HTTP: an operator asks, another approves or refuses."""

from collections.abc import Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.rest import resource, writing
from api.rest.body import json_response, read_json
from api.rest.endpoint import Endpoint, OperatorEndpoint, read_query
from api.services import Services
from pycore.errors import (
    AlreadyExistsError,
    InvalidStateError,
    LedgerOverloadedError,
    LedgerUnavailableError,
    NotFoundError,
)
from pycore.merchants import Operator, OperatorScope
from pycore.payments.approvals import Person
from pycore.payments.manual_postings import PREFIX, AskPosting, Posting, RefusePosting


class PostingList(msgspec.Struct, frozen=True):
    """Manual postings, newest first."""

    data: Sequence[Posting]
    has_more: bool


_ASK: Final = msgspec.json.Decoder(AskPosting)
_REFUSE: Final = msgspec.json.Decoder(RefusePosting)
_DECISION_ERRORS: Final = (*writing.ACTION_ERRORS, InvalidStateError, LedgerOverloadedError)


async def ask(services: Services, operator: Operator, request: Request) -> Response:
    """Ask for a posting."""
    wanted = await read_json(request, _ASK)
    return json_response(await services.payments.manual_postings.ask(_person(operator), wanted))


async def approve(services: Services, operator: Operator, request: Request) -> Response:
    """Make a posting that another operator asked for."""
    posting_id = resource.path_id(request, PREFIX)
    return json_response(await services.payments.manual_postings.approve(_person(operator), posting_id))


async def refuse(services: Services, operator: Operator, request: Request) -> Response:
    """Decide that a posting is never made."""
    posting_id, why = resource.path_id(request, PREFIX), await read_json(request, _REFUSE)
    return json_response(await services.payments.manual_postings.refuse(_person(operator), posting_id, why))


async def withdraw(services: Services, operator: Operator, request: Request) -> Response:
    """Take back what this operator asked for."""
    posting_id = resource.path_id(request, PREFIX)
    return json_response(await services.payments.manual_postings.withdraw(_person(operator), posting_id))


async def list_all(services: Services, request: Request) -> Response:
    """Return postings."""
    query = read_query(request, resource.ListQuery)
    after = resource.read_after(query, PREFIX)
    page = await services.payments.manual_postings.list(query.limit, after)
    return json_response(PostingList(page.items, page.has_more))


async def get(services: Services, request: Request) -> Response:
    """Return a posting."""
    return json_response(await services.payments.manual_postings.get(resource.path_id(request, PREFIX)))


def _person(operator: Operator) -> Person:
    return Person(operator.key_id, operator.name)


ENDPOINTS: Final = (
    OperatorEndpoint(
        method="POST",
        path="/v1/postings",
        handler=ask,
        scope=OperatorScope.POSTINGS_ASK,
        summary="Ask for a manual posting",
        description="No money moves until another person approves it. The same request again is the same posting.",
        body=AskPosting,
        answer=Posting,
        errors=(*writing.CHANGE_ERRORS, AlreadyExistsError),
    ),
    Endpoint(
        method="GET",
        path="/v1/postings",
        handler=list_all,
        scope=OperatorScope.LEDGER_READ,
        summary="List manual postings",
        query=resource.ListQuery,
        answer=PostingList,
        errors=writing.LIST_ERRORS,
    ),
    Endpoint(
        method="GET",
        path="/v1/postings/{id}",
        id_prefix=PREFIX,
        handler=get,
        scope=OperatorScope.LEDGER_READ,
        summary="Read one manual posting",
        answer=Posting,
        errors=(NotFoundError, LedgerUnavailableError),
    ),
    OperatorEndpoint(
        method="POST",
        path="/v1/postings/{id}/approve",
        id_prefix=PREFIX,
        handler=approve,
        scope=OperatorScope.POSTINGS_APPROVE,
        summary="Approve a manual posting of another person",
        description="Its transfer is made at that moment, once. Who asked is refused (`permission_denied`), also with "
        "another key of the same name.",
        answer=Posting,
        errors=_DECISION_ERRORS,
    ),
    OperatorEndpoint(
        method="POST",
        path="/v1/postings/{id}/refuse",
        id_prefix=PREFIX,
        handler=refuse,
        scope=OperatorScope.POSTINGS_APPROVE,
        summary="Refuse a manual posting of another person",
        body=RefusePosting,
        answer=Posting,
        errors=(*writing.CHANGE_ERRORS, *_DECISION_ERRORS),
    ),
    OperatorEndpoint(
        method="POST",
        path="/v1/postings/{id}/withdraw",
        id_prefix=PREFIX,
        handler=withdraw,
        scope=OperatorScope.POSTINGS_ASK,
        summary="Withdraw a manual posting one asked for",
        answer=Posting,
        errors=_DECISION_ERRORS,
    ),
)
