"""Events are rows of the money's own transaction."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import asyncpg

from pycore.events import EVENTS, MEANINGS, Event, EventType, event_row
from pycore.events.event import RESOURCE_PREFIXES
from pycore.ids import new_id
from pycore.ledger import Insertion, Ledger, Operation
from pycore.tenant import Tenant
from tests.unit.ledger.conftest import account, transfer

TENANT = Tenant(new_id(), live=False)


def test_every_type_is_explained_and_begins_with_a_resource() -> None:
    assert list(MEANINGS) == list(EventType)
    assert all(
        re.fullmatch(r"[a-z]+\.[a-z_]+", type) and type.partition(".")[0] in RESOURCE_PREFIXES for type in MEANINGS
    )


def test_the_documentation_lists_every_type() -> None:
    text = (Path(__file__).parents[3] / "docs" / "events.md").read_text()
    listed = re.findall(r"^\| `([a-z_.]+\.[a-z_]+)` \| (.+) \|$", text, re.MULTILINE)
    assert dict(listed) == {type.value: meaning for type, meaning in MEANINGS.items()}


def test_ids_are_shown_with_their_kind() -> None:
    event = Event(7, 0xABC, TENANT, "refund.succeeded", 0xDEF, b"{}", 1)
    assert event.public_id == "evt_" + "abc".zfill(32)
    assert event.public_resource_id == "rfd_" + "def".zfill(32)
    assert event._replace(type="payout.sent").public_resource_id.startswith("payout_")


async def test_events_are_written_with_their_transfers_in_the_order_of_the_units(
    ledger: Ledger, database_dsn: str
) -> None:
    await ledger.create_accounts([account(1), account(2)])
    payments = [new_id() for _ in range(50)]

    def pay(payment: int) -> asyncio.Future[bytes]:
        row = event_row(TENANT, EventType.PAYMENT_SUCCEEDED, payment, b'{"amount": 1}', 5)
        return ledger.enqueue(
            Operation.CREATE_TRANSFERS, transfer(1, 2, 1).pack(), rows_of=lambda _: [Insertion(EVENTS, [row])]
        )

    await asyncio.gather(*(pay(payment) for payment in payments))
    connection = await asyncpg.connect(database_dsn)
    found = await connection.fetch("SELECT * FROM events ORDER BY sequence")
    await connection.close()
    assert [row["resource_id"].int for row in found] == payments
    assert {(row["merchant_id"].int, row["live"], row["type"], row["data"], row["created_at"]) for row in found} == {
        (TENANT.merchant_id, False, "payment.succeeded", '{"amount": 1}', 5)
    }
    assert len({row["id"] for row in found}) == len(payments)
