"""Row S1: an account of the chart belongs to its domain. At the raw doors nobody opens one, moves its money or ends its
holds.

With a key, or on the machine itself, a transfer could take money out of a customer's balance, make stored value that a
payment then spent, void another's hold, and open a balance account in advance without its floor.
"""

import pytest

from api.services import Services
from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.errors import StateMismatchError
from pycore.ids import new_id
from pycore.ledger import Account, AccountFilter, CreateTransferStatus, Ledger, Operation, Transfer, TransferFlags
from pycore.ledger.account import pack_accounts
from pycore.ledger.chart import AccountCode, AccountKey, Chart, customer_balance, ledger_number
from pycore.ledger.transfer import pack_transfers
from pycore.money import CNY
from pycore.payments.wallet import CreateWithdrawal
from tests.api.door import Door, message, to_the_end
from tests.api.shop import Shop
from tests.api.stub import Stub

BOOKS = ledger_number(CNY, live=False)
OURS = 7
"""An account of the raw ledger."""

PENDING, POST, VOID, LINKED = (int(TransferFlags[name]) for name in (
    "PENDING", "POST_PENDING_TRANSFER", "VOID_PENDING_TRANSFER", "LINKED"))  # fmt: skip
DEBIT, CREDIT = "debit_account_belongs_to_a_domain", "credit_account_belongs_to_a_domain"


@pytest.fixture
async def shop(services: Services, ledger: Ledger) -> Shop:
    await ledger.create_accounts([Account(id=OURS, ledger=BOOKS, code=1)])
    return await Shop.open(services, minor=5000)


def balance_of(shop: Shop) -> int:
    return customer_balance(BOOKS, shop.tenant, shop.customer).account_id


def move(debit: int, credit: int, **more: int) -> dict[str, int]:
    return {
        "id": new_id(), "debit_account_id": debit, "credit_account_id": credit, "amount": 5, "ledger": BOOKS, "code": 1
    } | more  # fmt: skip


async def test_s1_no_raw_transfer_touches_a_domains_account(door: Door, shop: Shop) -> None:
    balance, flags = balance_of(shop), TransferFlags
    before = await door.balances(balance)
    for more in (0, flags.PENDING, flags.BALANCING_DEBIT, flags.PENDING | flags.CLOSING_CREDIT):
        assert await door.create_transfers([move(balance, OURS, flags=int(more))]) == [DEBIT]
        assert await door.create_transfers([move(OURS, balance, flags=int(more))]) == [CREDIT]
    imported = move(OURS, balance, flags=int(flags.IMPORTED), timestamp=1)
    assert await door.create_transfers([imported]) == [CREDIT]
    chain = [move(OURS, balance, flags=LINKED), move(OURS, balance)]
    assert await door.create_transfers(chain) == [CREDIT, "linked_event_failed"]
    assert await door.balances(balance) == before
    # The same id is free afterwards for who may: nothing of a stranger's try is remembered.
    assert before[3] == 5000


async def test_s1_no_raw_transfer_ends_a_domains_hold(door: Door, shop: Shop) -> None:
    asked = CreateWithdrawal(merchant_reference="w1", amount=1000, destination="bank")
    await shop.services.channels.payments.wallet.withdraw(shop.tenant, shop.customer, "k1", asked)
    [hold] = [
        each
        for each in await shop.services.ledger.account_transfers(_all_of(balance_of(shop)))
        if each.flags & TransferFlags.PENDING
    ]
    for flag in (POST, VOID):
        ending = {"id": new_id(), "pending_id": hold.id, "amount": 1000, "flags": flag}
        assert await door.create_transfers([ending]) == [DEBIT]
    assert (await door.balances(balance_of(shop)))[0] == 1000


async def test_s1_no_raw_account_takes_a_domains_code(door: Door, shop: Shop) -> None:
    in_advance = customer_balance(BOOKS, shop.tenant, new_id()).account_id
    for code in (100, int(AccountCode.CUSTOMER_BALANCE), 999):
        account = {"id": in_advance, "ledger": BOOKS, "code": code}
        assert await door.create_accounts([account]) == ["code_belongs_to_a_domain"]
    for code in (99, 1000):
        assert await door.create_accounts([{"id": code, "ledger": BOOKS, "code": code}]) == ["created"]


async def test_s1_the_stream_is_no_way_round(rpc: Stub, shop: Shop) -> None:
    stream = rpc.StreamTransfers()
    taken = message(ledger_pb2.Transfer, move(balance_of(shop), OURS))
    await stream.write(ledger_pb2.StreamTransfersRequest(transfers=[taken]))
    await stream.done_writing()
    [response], _ = await to_the_end(stream)
    name = ledger_pb2.CreateTransferStatus.Name(response.results[0].status)
    assert name == "CREATE_TRANSFER_STATUS_DEBIT_ACCOUNT_BELONGS_TO_A_DOMAIN"


async def test_s1_not_even_in_the_batch_in_which_its_domain_opens_it(ledger: Ledger, shop: Shop) -> None:
    """A check before the batch would see no account; the engine judges when the transfer's turn comes."""
    customer = new_id()
    key = customer_balance(BOOKS, shop.tenant, customer)
    account = Account(id=key.account_id, user_data_128=customer, ledger=BOOKS, code=key.code)
    raw = Transfer(id=new_id(), debit_account_id=key.account_id, credit_account_id=OURS, amount=1, ledger=BOOKS, code=1)
    ledger.enqueue(Operation.CREATE_ACCOUNTS, pack_accounts([account]))
    results = await ledger.enqueue(Operation.CREATE_STRANGERS_TRANSFERS, pack_transfers([raw]))
    assert int.from_bytes(results[8:12], "little") == CreateTransferStatus.DEBIT_ACCOUNT_BELONGS_TO_A_DOMAIN


@pytest.mark.parametrize("change", [{"flags": 0}, {"code": 1}, {"ledger": BOOKS + 1}, {"user_data_128": 3}])
async def test_s1_an_account_in_the_place_of_a_balance_is_not_taken_for_it(
    ledger: Ledger, shop: Shop, change: dict[str, int]
) -> None:
    """Its id is a hash that anybody can work out: what stands there is compared before any money moves."""
    customer = new_id()
    key = customer_balance(BOOKS, shop.tenant, customer)
    right = {"user_data_128": customer, "ledger": BOOKS, "code": int(key.code), "flags": 2}
    await ledger.create_accounts([Account(id=key.account_id, **(right | change))])
    with pytest.raises(StateMismatchError, match="stands another one"):
        await Chart(ledger).opened([AccountKey(AccountCode.CUSTODY_BANK, BOOKS), key])
    with pytest.raises(StateMismatchError):
        Chart(ledger).known(key)


def _all_of(account_id: int) -> AccountFilter:
    return AccountFilter(account_id=account_id, limit=100)
