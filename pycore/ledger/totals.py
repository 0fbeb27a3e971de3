"""The trial balance: per ledger, what all accounts add up to."""

from __future__ import annotations

import msgspec


class LedgerTotals(msgspec.Struct, frozen=True, kw_only=True):
    """The sums over all accounts of one ledger, in minor units."""

    ledger: int
    accounts: int
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int

    @property
    def balanced(self) -> bool:
        """Whether debits equal credits, posted and pending: anything else is a broken ledger."""
        return self.debits_posted == self.credits_posted and self.debits_pending == self.credits_pending
