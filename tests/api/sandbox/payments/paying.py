"""A merchant's world at the simulated channels: services on a real database, a door for callbacks, a clock to turn."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from aiohttp import web

from pycore.channels import HttpNotification, Succeeded
from pycore.channels.accounts import ChannelAccounts
from pycore.errors import PycoreError
from pycore.ids import format_typed_id, new_id, parse_typed_id
from pycore.ledger import Ledger
from pycore.ledger.chart import (
    AccountKey,
    channel_receivable,
    customer_balance,
    ledger_number,
    merchant_pending,
    refund_in_transit,
    suspense,
)
from pycore.money import CNY
from pycore.payments import (
    ConfirmPayment,
    CreatePayment,
    CreateRefund,
    Payer,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Refund,
    RefundFilter,
)
from pycore.payments.attempt import AttemptRecord
from pycore.payments.channel_desk import ChannelDesk
from pycore.payments.ladder import Paid
from pycore.tenant import Tenant
from tests.api.sandbox.simulated import Sandbox

BOOKS = ledger_number(CNY, live=False)
AUTH_CODES = {"wechat": "134567890123456789", "alipay": "2812345678901234567", "unionpay": "6212345678901234567"}
_NUMBERS = count(1)

Found = TypeVar("Found")


class Mailbox:
    """The HTTP door's part of it: hands raw bytes to whoever takes notifications, or keeps them until told to."""

    def __init__(self) -> None:
        self.url = ""
        self.desk: ChannelDesk | None = None
        self.letters: list[tuple[str, HttpNotification]] = []
        self.answers: list[int] = []

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        letter = request.match_info["channel"], HttpNotification(headers=headers, body=await request.read())
        self.letters.append(letter)
        if self.desk is None:
            return web.Response(status=503)
        return await self.hand_over(letter)

    async def hand_over(self, letter: tuple[str, HttpNotification]) -> web.Response:
        """What the desk answers to a letter."""
        assert self.desk is not None
        try:
            answer = await self.desk.notifications.take(letter[0], letter[1], live=False)
        except PycoreError:
            return web.Response(status=503)
        self.answers.append(answer.status)
        return web.Response(status=answer.status, body=answer.body)


class Till:
    """A merchant who takes payments through the simulated channels."""

    def __init__(self, ledger: Ledger, sandbox: Sandbox, mailbox: Mailbox, channels: ChannelAccounts) -> None:
        self.ledger = ledger
        self.sandbox = sandbox
        self.mailbox = mailbox
        self.channels = channels
        self.tenant = Tenant(new_id(), live=False)
        self.customer = new_id()
        self.ahead_ns: int = max(0, sandbox.control("GET", "/clock")["merchant_now_ms"] * 10**6 - time.time_ns())
        self.desk = ChannelDesk(ledger, channels, clock_ns=self.now_ns)
        mailbox.desk = self.desk

    def now_ns(self) -> int:
        return time.time_ns() + self.ahead_ns

    def reopen(self) -> None:
        """What a restart is: services that know nothing but the database."""
        self.desk = ChannelDesk(self.ledger, self.channels, clock_ns=self.now_ns)
        if self.mailbox.desk is not None:
            self.mailbox.desk = self.desk

    async def open(self, rules: str = "") -> None:
        pool = self.ledger.store.pool
        await pool.execute(
            "INSERT INTO merchants (id, name, status, requests_per_second, requests_burst, created_at)"
            " VALUES ($1, 'shop', 'active', 1000, 1000, 0)",
            UUID(int=self.tenant.merchant_id),
        )
        if rules:
            await self.desk.rules.set(self.tenant, rules, by="test")

    def pass_time(self, seconds: int) -> None:
        """Let time go by, here and at the channels."""
        self.ahead_ns += seconds * 10**9
        self.sandbox.advance(seconds, merchant_follows=True)

    async def sweep(self, seconds: int = 0) -> None:
        """Let time go by here, and do what is due."""
        self.ahead_ns += seconds * 10**9
        await self.desk.sweeper.sweep()

    @property
    def customer_id(self) -> str:
        return format_typed_id("cus", self.customer)

    async def add_customer(self) -> None:
        await self.ledger.store.pool.execute(
            "INSERT INTO customers (id, merchant_id, live, merchant_reference, account_class, subject_key, created_at)"
            " VALUES ($1, $2, false, 'c1', 3, '', 0)",
            UUID(int=self.customer),
            UUID(int=self.tenant.merchant_id),
        )

    async def create(self, minor: int = 1050, key: str = "", reference: str = "", **more: Any) -> Payment:
        request = CreatePayment(
            merchant_reference=reference or f"T{next(_NUMBERS)}", amount=minor, subject="两杯咖啡", **more
        )
        asked = [(key or f"key{next(_NUMBERS)}", request)]
        (made,) = await self.desk.payments.payments.create(self.tenant, asked)
        if isinstance(made, PycoreError):
            raise made
        return made

    async def pay(self, channel: str | None, method: str = "qr_code", minor: int = 1050, **more: Any) -> Payment:
        """Make a payment and confirm it at once."""
        code = more.pop("code", AUTH_CODES.get(channel or "")) if method == "bar_code" else None
        payer = Payer(
            auth_code=code,
            open_id="o123" if method == "jsapi" else None,
            client_ip="203.0.113.9" if method == "h5" else None,
        )
        return await self.create(
            minor, method=PaymentMethod(method), channel=channel, confirm=True, payer=payer, **more
        )

    async def confirm(self, payment: Payment, channel: str | None, method: str = "qr_code") -> Payment:
        payer = Payer(auth_code=AUTH_CODES.get(channel or "") if method == "bar_code" else None)
        request = ConfirmPayment(method=PaymentMethod(method), channel=channel, payer=payer)
        return await self.desk.payments.payments.confirm(
            self.tenant, parse_typed_id("pay", payment.id), f"key{next(_NUMBERS)}", request
        )

    async def confirm_elsewhere(self, payment: Payment) -> Payment:
        """Choose another way to pay."""
        return await self.confirm(payment, None)

    async def cancel(self, payment: Payment) -> Payment:
        id = parse_typed_id("pay", payment.id)
        return await self.desk.payments.payments.cancel(self.tenant, id, f"key{next(_NUMBERS)}")

    async def refund(self, payment: Payment, minor: int | None = None) -> Refund:
        return await self.desk.payments.refunds.create(
            self.tenant,
            parse_typed_id("pay", payment.id),
            f"key{next(_NUMBERS)}",
            CreateRefund(merchant_reference=f"R{next(_NUMBERS)}", amount=minor, reason="洒了"),
        )

    async def get(self, payment: Payment) -> Payment:
        return await self.desk.payments.payments.get(self.tenant, parse_typed_id("pay", payment.id))

    async def refunds(self, payment: Payment) -> list[Refund]:
        wanted = RefundFilter(payment_id=parse_typed_id("pay", payment.id))
        return list((await self.desk.payments.lists.refunds(self.tenant, wanted)).items)

    async def attempts(self, payment: Payment) -> list[AttemptRecord]:
        return await self.desk.attempts.of_payment(parse_typed_id("pay", payment.id))

    async def reference(self, payment: Payment) -> str:
        """The number of the payment's last attempt at its channel."""
        return (await self.attempts(payment))[-1].reference

    def mailbox_reference(self, payment: Payment) -> str:
        """The number of the sandbox's latest order, for attempts that are not in the tables any more."""
        return str(self.sandbox.control("GET", "/orders?limit=1")["orders"][0]["reference"])

    async def ask_again(self, attempt: AttemptRecord) -> None:
        """What somebody who doubts an attempt's outcome does."""
        connection = self.channels.connection(attempt.channel, live=False)
        assert connection is not None
        found = await connection.query(attempt.order())
        assert isinstance(found, Succeeded)
        await self.desk.outcomes.settle(attempt, Paid(found))

    async def act(self, payment: Payment, act: str) -> None:
        reference = await self.reference(payment)
        await asyncio.to_thread(self.sandbox.act, reference, act)

    async def until(self, payment: Payment, *statuses: PaymentStatus) -> Payment:
        """Wait for what a callback brings."""
        return await eventually(lambda: self.get(payment), lambda found: found.status in statuses)

    async def events(self, payment: Payment | None = None) -> list[str]:
        rows = await self.ledger.store.pool.fetch("SELECT type, resource_id FROM events ORDER BY sequence")
        wanted = None if payment is None else parse_typed_id("pay", payment.id)
        return [row[0] for row in rows if wanted in {None, row[1].int}]

    async def timeline(self, payment: Payment) -> list[tuple[str, dict[str, Any]]]:
        rows = await self.ledger.store.pool.fetch(
            "SELECT kind, detail FROM payment_timeline WHERE payment_id = $1 ORDER BY sequence",
            UUID(int=parse_typed_id("pay", payment.id)),
        )
        return [(row[0], json.loads(row[1])) for row in rows]

    async def steps(self, payment: Payment) -> list[str]:
        """What the channel was asked."""
        return [detail["step"] for kind, detail in await self.timeline(payment) if kind == "called"]

    async def books(self, channel: str) -> dict[str, int]:
        """Where the money is; accounts without any are left out."""
        keys: dict[str, AccountKey] = {
            "receivable": channel_receivable(BOOKS, channel),
            "merchant": merchant_pending(BOOKS, self.tenant),
            "customer": customer_balance(BOOKS, self.tenant, self.customer),
            "suspense": suspense(BOOKS, channel),
            "refunding": refund_in_transit(BOOKS, channel),
        }
        found = {each.id: each for each in await self.ledger.lookup_accounts([key.account_id for key in keys.values()])}
        balances = {}
        for name, key in keys.items():
            account = found.get(key.account_id)
            if account is not None:
                balance = account.credits_posted - account.debits_posted
                balances[name] = -balance if name == "receivable" else balance
        self.ledger.check_invariants()
        assert all(total.balanced for total in self.ledger.trial_balance())
        return {name: balance for name, balance in balances.items() if balance}


async def eventually(look: Callable[[], Awaitable[Found]], holds: Callable[[Found], bool]) -> Found:
    """Look until it holds."""
    deadline = time.monotonic() + 15
    while True:
        found = await look()
        if holds(found):
            return found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.01)


@asynccontextmanager
async def open_mailbox() -> AsyncIterator[Mailbox]:
    mailbox = Mailbox()
    application = web.Application()
    application.router.add_post("/notifications/{channel}/test", mailbox.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    mailbox.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield mailbox
    finally:
        await runner.cleanup()


@asynccontextmanager
async def open_till(
    dsn: str, data: Path, sandbox: Sandbox, *, rules: str = "", folder: Path | None = None
) -> AsyncIterator[Till]:
    """A till at a sandbox, whose description is in ``folder``. The sweeper sweeps when a test says so."""
    async with Ledger.open(dsn=dsn, data=data) as ledger, open_mailbox() as mailbox:
        channels = ChannelAccounts({}, folder or sandbox.folder, public_url=mailbox.url, call_seconds_max=1.0)
        async with channels:
            till = Till(ledger, sandbox, mailbox, channels)
            await till.open(rules)
            yield till
            await till.desk.rest()
