"""Customers' stored value over HTTP: balances, withdrawals, and play money in test mode."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from api.rest.body import json_response, read_json
from api.rest.endpoint import TenantEndpoint, read_query
from api.rest.payment import CHANGE_ERRORS, LIST_ERRORS, CreatedBefore, CreatedFrom, idempotency_key
from api.rest.resource import ListQuery, path_id, read_after, read_id_or_none
from api.rest.writing import READ_ERRORS
from api.services import Services
from pycore.errors import AlreadyExistsError, InvalidRequestError, LedgerUnavailableError, NotFoundError
from pycore.merchants import CUSTOMER_PREFIX, Caller, Scope
from pycore.payments import CancelPayment, WithdrawalFilter
from pycore.payments.wallet import PREFIX, Balance, CreateWithdrawal, Fund, Withdrawal, WithdrawalStatus


class BalanceQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of a customer's balances."""

    currency: Annotated[str, Meta(description="A code of ISO 4217.")] = "CNY"


class WithdrawalQuery(ListQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which withdrawals, newest first: those for which everything holds that is given."""

    status: Annotated[WithdrawalStatus | None, Meta(description="Only those with this status.")] = None
    customer_id: Annotated[str | None, Meta(description="Only this customer's.")] = None
    merchant_reference: Annotated[str | None, Meta(description="The one with the merchant's own number.")] = None
    created_from: CreatedFrom = None
    created_before: CreatedBefore = None


class WithdrawalPage(msgspec.Struct, frozen=True):
    """Withdrawals, newest first; ``has_more``: older ones follow the last."""

    data: Sequence[Withdrawal]
    has_more: bool


_WITHDRAW: Final = msgspec.json.Decoder(CreateWithdrawal)
_FUND: Final = msgspec.json.Decoder(Fund)
_CANCEL: Final = msgspec.json.Decoder(CancelPayment)
_GET_ERRORS: Final = (NotFoundError, LedgerUnavailableError)


async def balance(services: Services, caller: Caller, request: Request) -> Response:
    """Return what a customer has."""
    query = read_query(request, BalanceQuery)
    customer_id = path_id(request, CUSTOMER_PREFIX)
    return json_response(await services.payments.wallet.balance(caller.tenant, customer_id, query.currency))


async def fund(services: Services, caller: Caller, request: Request) -> Response:
    """Give a customer play money."""
    asked = await read_json(request, _FUND)
    customer_id, key = path_id(request, CUSTOMER_PREFIX), idempotency_key(request)
    return json_response(await services.payments.wallet.fund(caller.tenant, customer_id, key, asked))


async def withdraw(services: Services, caller: Caller, request: Request) -> Response:
    """Hold stored value until it is paid out."""
    asked = await read_json(request, _WITHDRAW)
    customer_id, key = path_id(request, CUSTOMER_PREFIX), idempotency_key(request)
    return json_response(await services.payments.wallet.withdraw(caller.tenant, customer_id, key, asked))


async def list_all(services: Services, caller: Caller, request: Request) -> Response:
    """Return withdrawals."""
    query = read_query(request, WithdrawalQuery)
    page = await services.payments.lists.withdrawals(
        caller.tenant,
        WithdrawalFilter(
            limit=query.limit,
            before_id=read_after(query, PREFIX),
            status=query.status,
            customer_id=read_id_or_none(query.customer_id, CUSTOMER_PREFIX, "customer_id"),
            merchant_reference=query.merchant_reference,
            created_from=query.created_from,
            created_before=query.created_before,
        ),
    )
    return json_response(WithdrawalPage(page.items, page.has_more))


async def get(services: Services, caller: Caller, request: Request) -> Response:
    """Return a withdrawal."""
    return json_response(await services.payments.wallet.withdrawal(caller.tenant, path_id(request, PREFIX)))


async def cancel(services: Services, caller: Caller, request: Request) -> Response:
    """Give the customer back what was held."""
    await read_json(request, _CANCEL)
    withdrawal_id, key = path_id(request, PREFIX), idempotency_key(request)
    return json_response(await services.payments.wallet.cancel(caller.tenant, withdrawal_id, key))


ENDPOINTS: Final = (
    TenantEndpoint(
        method="GET",
        path="/v1/customers/{id}/balance",
        id_prefix=CUSTOMER_PREFIX,
        handler=balance,
        scope=Scope.CUSTOMERS_READ,
        summary="Get a customer's balance",
        query=BalanceQuery,
        answer=Balance,
        errors=(*READ_ERRORS, *_GET_ERRORS, InvalidRequestError),
        tag="wallet",
    ),
    TenantEndpoint(
        method="POST",
        path="/v1/customers/{id}/withdrawals",
        id_prefix=CUSTOMER_PREFIX,
        handler=withdraw,
        scope=Scope.PAYMENTS_WRITE,
        summary="Take stored value out",
        description="The amount is held until it is paid out.",
        body=CreateWithdrawal,
        answer=Withdrawal,
        errors=(*CHANGE_ERRORS, AlreadyExistsError),
        tag="wallet",
        has_key=True,
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/withdrawals",
        handler=list_all,
        scope=Scope.PAYMENTS_READ,
        summary="List withdrawals",
        query=WithdrawalQuery,
        answer=WithdrawalPage,
        errors=LIST_ERRORS,
        tag="wallet",
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/withdrawals/{id}",
        id_prefix=PREFIX,
        handler=get,
        scope=Scope.PAYMENTS_READ,
        summary="Get a withdrawal",
        answer=Withdrawal,
        errors=_GET_ERRORS,
        tag="wallet",
    ),
    TenantEndpoint(
        method="POST",
        path="/v1/withdrawals/{id}/cancel",
        id_prefix=PREFIX,
        handler=cancel,
        scope=Scope.PAYMENTS_WRITE,
        summary="Call a withdrawal off",
        body=CancelPayment,
        answer=Withdrawal,
        errors=CHANGE_ERRORS,
        tag="wallet",
        has_key=True,
    ),
    TenantEndpoint(
        method="POST",
        path="/v1/test_helpers/customers/{id}/fund",
        id_prefix=CUSTOMER_PREFIX,
        handler=fund,
        scope=Scope.PAYMENTS_WRITE,
        summary="Give a customer play money (test mode only)",
        body=Fund,
        answer=Balance,
        errors=CHANGE_ERRORS,
        tag="wallet",
        has_key=True,
    ),
)
