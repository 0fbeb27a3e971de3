"""The double-entry ledger: accounts, transfers, and the journal that makes them durable."""

from pycore.ledger.account import Account, AccountBalance, AccountFlags
from pycore.ledger.account_filter import AccountFilter
from pycore.ledger.key import JournalKey
from pycore.ledger.ledger import Ledger
from pycore.ledger.rebuild import rebuild
from pycore.ledger.rows import Insertion, Rows, Table
from pycore.ledger.stats import LedgerStats
from pycore.ledger.status import (
    CreateAccountResult,
    CreateAccountStatus,
    CreateTransferResult,
    CreateTransferStatus,
    Operation,
)
from pycore.ledger.synchronous import SynchronousLedger
from pycore.ledger.totals import LedgerTotals
from pycore.ledger.transfer import AMOUNT_MAX, Transfer, TransferFlags
from pycore.ledger.verify import VerifyReport, verify

__all__ = [
    "AMOUNT_MAX",
    "Account",
    "AccountBalance",
    "AccountFilter",
    "AccountFlags",
    "CreateAccountResult",
    "CreateAccountStatus",
    "CreateTransferResult",
    "CreateTransferStatus",
    "Insertion",
    "JournalKey",
    "Ledger",
    "LedgerStats",
    "LedgerTotals",
    "Operation",
    "Rows",
    "SynchronousLedger",
    "Table",
    "Transfer",
    "TransferFlags",
    "VerifyReport",
    "rebuild",
    "verify",
]
