"""The public names, pinned: a change here is a change for every user and belongs into the CHANGELOG."""

from __future__ import annotations

import pycore.channels
import pycore.client
import pycore.ledger
from pycore import _core
from pycore.ledger import CreateAccountStatus, CreateTransferStatus

LEDGER = [
    "AMOUNT_MAX", "Account", "AccountBalance", "AccountFilter", "AccountFlags", "CreateAccountResult",
    "CreateAccountStatus", "CreateTransferResult", "CreateTransferStatus", "JournalKey", "Ledger", "LedgerStats",
    "LedgerTotals", "Operation", "Rows", "SynchronousLedger", "Transfer", "TransferFlags", "VerifyReport", "rebuild",
    "verify",
]  # fmt: skip


def test_the_names_of_the_ledger() -> None:
    assert pycore.ledger.__all__ == LEDGER
    assert all(hasattr(pycore.ledger, name) for name in LEDGER)


CHANNELS = [
    "Adapter", "BillKind", "BillLink", "BillOrder", "BillRefusedError", "CallApp", "Capability", "ChannelConnection",
    "ChannelOrder", "Failed", "FundBill", "FundLine", "HandleByHand", "HttpNotification", "HttpRequest",
    "HttpResponse", "LineKind", "Method", "NotTrustedError", "Notification", "NotificationRefusedError", "OpenPage",
    "Outcome", "Payer", "Pending", "PrivateKey", "PublicKey", "ReasonClass", "Refund", "RequiresAction", "Secret",
    "ShowCode", "SigningPool", "Stamp", "SubmitForm", "Succeeded", "TradeBill", "TradeLine", "Transport", "Unknown",
    "UnsupportedOperationError",
]  # fmt: skip


def test_the_names_of_the_channels() -> None:
    assert pycore.channels.__all__ == CHANNELS
    assert all(hasattr(pycore.channels, name) for name in CHANNELS)


def test_the_names_of_the_client() -> None:
    assert "LedgerClient" in pycore.client.__all__


def test_result_codes_are_the_engines() -> None:
    assert {status.name.lower(): int(status) for status in CreateAccountStatus} == _core.account_status_names()
    assert {status.name.lower(): int(status) for status in CreateTransferStatus} == _core.transfer_status_names()
