"""The trial balance over HTTP."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.rest import fields
from api.rest.body import json_response
from api.rest.endpoint import Endpoint
from api.services import Services
from pycore.merchants import OperatorScope


class LedgerTotalsView(msgspec.Struct, frozen=True, kw_only=True):
    """What all accounts of one ledger add up to."""

    ledger: int
    accounts: int
    debits_pending: fields.AmountText
    debits_posted: fields.AmountText
    credits_pending: fields.AmountText
    credits_posted: fields.AmountText
    balanced: bool


class TrialBalance(msgspec.Struct, frozen=True):
    """The totals of every ledger, and whether debits equal credits in each."""

    ledgers: list[LedgerTotalsView]
    balanced: bool


async def read(services: Services, _request: Request) -> Response:
    """Return the totals of every ledger."""
    totals = [
        LedgerTotalsView(
            ledger=total.ledger,
            accounts=total.accounts,
            debits_pending=str(total.debits_pending),
            debits_posted=str(total.debits_posted),
            credits_pending=str(total.credits_pending),
            credits_posted=str(total.credits_posted),
            balanced=total.balanced,
        )
        for total in services.ledger.trial_balance()
    ]
    return json_response(TrialBalance(totals, all(total.balanced for total in totals)))


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/ledger/trial_balance",
        handler=read,
        scope=OperatorScope.LEDGER_READ,
        summary="Read the totals of every ledger",
        answer=TrialBalance,
    ),
)
