"""What the books must say, counted from nothing but the witness's log."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from pycore.ledger import CreateTransferStatus, Transfer, TransferFlags
from pycore.ledger.account import Account
from pycore.ledger.status import CreateTransferResult, unpack_transfer_results
from pycore.ledger.transfer import AMOUNT_MAX, unpack_transfers
from tests.simulation.crew import Entry

Status = CreateTransferStatus


@dataclass
class Balance:
    """The four sums of an account."""

    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0

    def matches(self, account: Account) -> bool:
        """Return whether the ledger says the same."""
        return all(getattr(account, name) == value for name, value in vars(self).items())


@dataclass
class ExpectedBooks:
    """Balances and transfers that follow from the answers."""

    balances: defaultdict[int, Balance] = field(default_factory=lambda: defaultdict(Balance))
    holds: dict[int, Transfer] = field(default_factory=dict)
    transfers: int = 0

    def follow(self, entries: list[Entry]) -> list[int]:
        """Take in one log; return the ids of the transfers it shows to be in the ledger."""
        answers = {entry.number: entry.payload for entry in entries if not entry.intention}
        # In the order of the ledger's own time, because a hold may be posted by another worker's request.
        created: list[tuple[int, Transfer]] = []
        for entry in entries:
            if entry.intention:
                results = unpack_transfer_results(answers[entry.number])
                created += _created(unpack_transfers(entry.payload), results)
        for _, transfer in sorted(created, key=lambda pair: pair[0]):
            self._apply(transfer)
        self.transfers += len(created)
        return [transfer.id for _, transfer in created]

    def _apply(self, transfer: Transfer) -> None:
        flags = transfer.flags
        if flags & (TransferFlags.POST_PENDING_TRANSFER | TransferFlags.VOID_PENDING_TRANSFER):
            hold = self.holds.pop(transfer.pending_id)
            debit, credit = self.balances[hold.debit_account_id], self.balances[hold.credit_account_id]
            debit.debits_pending -= hold.amount
            credit.credits_pending -= hold.amount
            if flags & TransferFlags.POST_PENDING_TRANSFER:
                amount = hold.amount if transfer.amount == AMOUNT_MAX else transfer.amount
                debit.debits_posted += amount
                credit.credits_posted += amount
            return
        debit, credit = self.balances[transfer.debit_account_id], self.balances[transfer.credit_account_id]
        if flags & TransferFlags.PENDING:
            self.holds[transfer.id] = transfer
            debit.debits_pending += transfer.amount
            credit.credits_pending += transfer.amount
        else:
            debit.debits_posted += transfer.amount
            credit.credits_posted += transfer.amount


def _created(transfers: list[Transfer], results: list[CreateTransferResult]) -> list[tuple[int, Transfer]]:
    """Return the transfers that are in the ledger, with their times.

    A request may have been sent several times, so "exists" counts as created. A chain that exists answers "exists" for
    its first transfer and "linked_event_failed" for the others, which therefore follow the first.
    """
    found = []
    chain_exists: CreateTransferResult | None = None
    in_chain = False
    for position, (transfer, result) in enumerate(zip(transfers, results, strict=True)):
        if not in_chain:
            linked = bool(transfer.flags & TransferFlags.LINKED)
            chain_exists = result if linked and result.status is Status.EXISTS else None
        in_chain = bool(transfer.flags & TransferFlags.LINKED)
        if result.status in (Status.CREATED, Status.EXISTS):
            found.append((result.timestamp, transfer))
        elif chain_exists is not None and result.status is Status.LINKED_EVENT_FAILED:
            found.append((chain_exists.timestamp + position, transfer))
    return found
