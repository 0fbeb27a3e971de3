"""What customers have used, as it is known in memory."""

import asyncio
from uuid import UUID

from pycore.ids import new_id
from pycore.payments.balance_limits import Authentication, BalanceLimits
from tests.unit.payments.conftest import Shop


async def test_a_customer_forgotten_while_others_are_read_is_read_again(shop: Shop) -> None:
    """A hold was given back, which forgets its customer, while payments of this and another customer were about to be
    counted: those payments failed as a defect."""
    other = new_id()
    await shop.ledger.store.pool.execute(
        "INSERT INTO customers (id, merchant_id, live, merchant_reference, account_class, subject_key, created_at)"
        " VALUES ($1, $2, false, 'c2', 3, '', 0)",
        UUID(int=other),
        UUID(int=shop.tenant.merchant_id),
    )
    limits = BalanceLimits(shop.ledger.store)
    await limits.load([shop.customer], shop.now_ns)
    loading = asyncio.create_task(limits.load([shop.customer, other], shop.now_ns))
    await asyncio.sleep(0)
    limits.forget(shop.customer)
    await loading
    assert limits.take(shop.customer, 1, Authentication.NONE, shop.now_ns) is None
