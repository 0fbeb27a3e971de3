"""Our adapters against the simulated channels: two sides that share no code, only the protocols."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from pycore.channels.alipay import AlipayAdapter, AlipayMerchant
from pycore.channels.alipay.adapter import WireForm
from pycore.channels.bill import BillKind, BillNotReady, BillOrder, LineKind, NoBill, TradeBill
from pycore.channels.connection import ChannelConnection
from pycore.channels.failure import NotificationRefusedError
from pycore.channels.message import HttpNotification
from pycore.channels.notification import Notification
from pycore.channels.order import ChannelOrder, Method, Payer
from pycore.channels.outcome import Failed, Outcome, Pending, ReasonClass, RequiresAction, ShowCode, Succeeded, Unknown
from pycore.channels.refund import Refund
from pycore.channels.rsa_key import PrivateKey, PublicKey
from pycore.channels.secret import Secret
from pycore.channels.signing_pool import SigningPool
from pycore.channels.transport import Transport
from pycore.channels.wechat import ScansOver, WeChatAdapter, WeChatMerchant
from pycore.money import CNY, Amount
from tests.api.sandbox.simulated import Inbox, Letter, Sandbox, new_number

CHANNELS = ("wechat v3", "wechat v2", "alipay v2", "alipay v3")
AUTH_CODES = {"wechat": "134567890123456789", "alipay": "2812345678901234567"}


def wechat_merchant(sandbox: Sandbox, scans_over: ScansOver) -> WeChatMerchant:
    own = sandbox.description["wechat"]
    return WeChatMerchant(
        merchant_id=own["mchid"],
        app_id=own["appid"],
        serial_no=own["merchant_serial"],
        private_key=PrivateKey.from_pem(sandbox.text("wechat.merchant_key_file").encode()),
        api_v3_key=Secret(sandbox.text("wechat.apiv3_key_file")),
        platform_keys={
            own["platform_serial"]: PublicKey.from_pem(sandbox.text("wechat.platform_certificate_file").encode()),
            own["public_key_id"]: PublicKey.from_pem(sandbox.text("wechat.platform_public_key_file").encode()),
        },
        scans_over=scans_over,
        server_ip="192.0.2.7",
        api_v2_key=Secret(sandbox.text("wechat.api_key_file")),
        base_url=own["base_url"],
    )


def adapter(sandbox: Sandbox, channel: str) -> WeChatAdapter | AlipayAdapter:
    """A merchant's account at the simulated channel, from what the sandbox tells merchants."""
    protocol = channel.partition(" ")[0]
    own = sandbox.description[protocol]
    if protocol == "wechat":
        return WeChatAdapter(wechat_merchant(sandbox, ScansOver.V2 if channel.endswith("v2") else ScansOver.V3))
    application = AlipayMerchant(
        app_id=own["app_id"],
        seller_id=own["seller_id"],
        private_key=PrivateKey.from_pem(sandbox.text("alipay.app_key_file").encode()),
        platform_key=PublicKey.from_pem(sandbox.text("alipay.platform_public_key_file").encode()),
        gateway=own["gateway"],
        endpoint=own["endpoint"],
        bill_hosts=frozenset({sandbox.url.removeprefix("http://")}),
    )
    return AlipayAdapter(application, WireForm.V3 if channel.endswith("v3") else WireForm.V2)


@pytest.fixture(params=CHANNELS)
def channel(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def signing() -> Iterator[SigningPool]:
    pool = SigningPool()
    yield pool
    pool.close()


@pytest.fixture
async def connection(sandbox: Sandbox, channel: str, signing: SigningPool) -> AsyncIterator[ChannelConnection]:
    async with Transport() as transport:
        yield ChannelConnection(adapter(sandbox, channel), transport, signing, deadline_seconds=3)


def an_order(
    inbox: Inbox, minor: int = 1050, method: Method = Method.QR_CODE, payer: Payer | None = None
) -> ChannelOrder:
    now = datetime.now(UTC)
    return ChannelOrder(
        payment_attempt_id=new_number(),
        amount=Amount(minor, CNY),
        method=method,
        subject="两杯咖啡",
        notify_url=inbox.url,
        created_at=now,
        expires_at=now + timedelta(minutes=30),
        payer=payer or Payer(),
    )


def a_refund(order: ChannelOrder, paid: Succeeded, minor: int) -> Refund:
    return Refund(
        refund_id=new_number(),
        order=order,
        transaction_id=paid.transaction_id,
        amount=Amount(minor, CNY),
        reason="洒了",
        created_at=datetime.now(UTC),
        notify_url=order.notify_url,
    )


async def read(connection: ChannelConnection, letter: Letter) -> Notification:
    headers = {name.lower(): value for name, value in letter.headers.items()}
    return await connection.verify_notification(HttpNotification(headers=headers, body=letter.body))


async def paid(connection: ChannelConnection, sandbox: Sandbox, order: ChannelOrder) -> Succeeded:
    """Make the order, let the payer pay, ask."""
    made = await connection.create(order)
    assert isinstance(made, RequiresAction)
    assert isinstance(made.action, ShowCode)
    sandbox.act(order.payment_attempt_id, "pay")
    found = await connection.query(order)
    assert isinstance(found, Succeeded)
    assert found.amount == order.amount
    return found


async def refunded(connection: ChannelConnection, sandbox: Sandbox, refund: Refund) -> Outcome:
    """Ask for the refund, and what became of it once the channel had time."""
    assert isinstance(await connection.refund(refund), Pending | Succeeded)
    sandbox.advance(5)
    # What is due is done a moment after the clock was turned.
    async with asyncio.timeout(30):
        while isinstance(outcome := await connection.query_refund(refund), Pending):
            await asyncio.sleep(0.02)
    return outcome


async def test_an_order_is_paid_told_and_given_back(
    connection: ChannelConnection, sandbox: Sandbox, inbox: Inbox
) -> None:
    order = an_order(inbox)
    first = await connection.create(order)
    assert await connection.create(order) == first, "the same order once more is the same order"
    assert not isinstance(await connection.query(order), Succeeded)
    found = await paid(connection, sandbox, order)
    told = await read(connection, await inbox.next())
    assert told.transaction_id == found.transaction_id
    assert told.matched(order.payment_attempt_id, order.amount) == told.outcome
    with pytest.raises(NotificationRefusedError, match="other_amount"):
        told.matched(order.payment_attempt_id, Amount(order.amount.minor + 1, CNY))
    with pytest.raises(NotificationRefusedError, match="other_order"):
        told.matched(new_number(), order.amount)

    refund = a_refund(order, found, 50)
    done = await refunded(connection, sandbox, refund)
    assert isinstance(done, Succeeded)
    assert done.amount == refund.amount
    again = await refunded(connection, sandbox, refund)
    assert again == done
    assert sandbox.order(order.payment_attempt_id)["refunded"] == 50, "sent twice, given back once"


async def test_a_closed_order_cannot_be_paid(connection: ChannelConnection, sandbox: Sandbox, inbox: Inbox) -> None:
    order = an_order(inbox)
    await connection.create(order)
    if sandbox.order(order.payment_attempt_id)["protocol"] == "alipay":
        sandbox.act(order.payment_attempt_id, "scan")  # before, there is nothing to close
    assert isinstance(await connection.close(order), Succeeded)
    assert sandbox.order(order.payment_attempt_id)["state"] == "closed"
    found = await connection.query(order)
    assert isinstance(found, Failed)
    assert found.reason is ReasonClass.FINAL


async def test_a_scanned_code_pays_and_is_reversed(
    connection: ChannelConnection, sandbox: Sandbox, inbox: Inbox, channel: str
) -> None:
    payer = Payer(auth_code=Secret(AUTH_CODES[channel.partition(" ")[0]]))
    order = an_order(inbox, 300, Method.BAR_CODE, payer)
    found = await connection.create(order)
    assert isinstance(found, Succeeded)
    assert found.amount == order.amount
    assert isinstance(await connection.reverse(order), Succeeded)
    assert sandbox.order(order.payment_attempt_id)["state"] == "reversed"


async def test_a_scanned_code_whose_payer_is_asked_is_pending(
    connection: ChannelConnection, sandbox: Sandbox, inbox: Inbox, channel: str
) -> None:
    payer = Payer(auth_code=Secret(AUTH_CODES[channel.partition(" ")[0]]))
    order = an_order(inbox, 300, Method.BAR_CODE, payer)
    sandbox.fault("payer_is_asked", order.payment_attempt_id)
    assert isinstance(await connection.create(order), Pending)
    assert isinstance(await connection.query(order), Pending)
    sandbox.act(order.payment_attempt_id, "pay")
    assert isinstance(await connection.query(order), Succeeded)


@pytest.mark.parametrize(
    ("fault", "is_made"),
    [
        ("timeout_hidden_success", True),
        ("timeout_failure", False),
        ("server_error_hidden_success", True),
        ("server_error", False),
        ("bad_signature", True),
        ("channel_down", False),
    ],
)
async def test_trouble_on_the_way_is_unknown_and_a_question_tells(
    connection: ChannelConnection, sandbox: Sandbox, inbox: Inbox, fault: str, is_made: bool, channel: str
) -> None:
    payer = Payer(auth_code=Secret(AUTH_CODES[channel.partition(" ")[0]]))
    order = an_order(inbox, 300, Method.BAR_CODE, payer)
    sandbox.fault(fault, order.payment_attempt_id, times=1, hold_ms=100)
    assert isinstance(await connection.create(order), Unknown)
    found = await connection.query(order)
    if is_made:
        assert isinstance(found, Succeeded)
        assert found.amount == order.amount
    else:
        assert isinstance(found, Failed)
        assert found.reason in {ReasonClass.RETRY_SAME_ID, ReasonClass.FINAL}


async def test_a_wrong_amount_is_held(connection: ChannelConnection, sandbox: Sandbox, inbox: Inbox) -> None:
    order = an_order(inbox)
    sandbox.fault("wrong_amount", order.payment_attempt_id)
    await connection.create(order)
    sandbox.act(order.payment_attempt_id, "pay")
    told = await read(connection, await inbox.next())
    with pytest.raises(NotificationRefusedError, match="other_amount"):
        told.matched(order.payment_attempt_id, order.amount)


async def test_a_badly_signed_callback_proves_nothing(
    connection: ChannelConnection, sandbox: Sandbox, inbox: Inbox
) -> None:
    order = an_order(inbox)
    await connection.create(order)
    sandbox.fault("bad_signature", order.payment_attempt_id, operation="notice", times=1)
    sandbox.act(order.payment_attempt_id, "pay")
    with pytest.raises(NotificationRefusedError):
        await read(connection, await inbox.next())


@pytest.mark.parametrize("channel", CHANNELS[:2])
async def test_the_bill_of_the_day_has_what_happened(
    own_sandbox: Sandbox, inbox: Inbox, signing: SigningPool, channel: str
) -> None:
    """On a sandbox of its own, for the day has to be over."""
    async with Transport() as transport:
        connection = ChannelConnection(adapter(own_sandbox, channel), transport, signing)
        order = an_order(inbox)
        found = await paid(connection, own_sandbox, order)
        refund = a_refund(order, found, 50)
        assert isinstance(await refunded(connection, own_sandbox, refund), Succeeded)
        day = date.fromisoformat(own_sandbox.control("GET", "/clock")["now"][:10])
        own_sandbox.advance(36 * 3600)
        bill = await connection.fetch_bill(BillOrder(day, BillKind.TRADE))
    assert isinstance(bill, TradeBill)
    lines = {(each.kind, each.payment_attempt_id, each.refund_id): each.amount_minor for each in bill.lines}
    assert lines == {
        (LineKind.PAYMENT, order.payment_attempt_id, ""): 1050,
        (LineKind.REFUND, order.payment_attempt_id, refund.refund_id): 50,
    }


@pytest.mark.parametrize("held", ["public_key_id", "platform_serial", "public_key_id platform_serial"])
async def test_f8_a_wechat_account_verifies_with_the_keys_it_has(
    sandbox: Sandbox, inbox: Inbox, signing: SigningPool, held: str
) -> None:
    """The channel signs by certificate unless the request names the key: with the key alone nothing was verified.

    Both: an account in the middle of a change of keys.
    """
    full = wechat_merchant(sandbox, ScansOver.V3)
    names = {sandbox.description["wechat"][each] for each in held.split()}
    merchant = msgspec.structs.replace(
        full, platform_keys={name: key for name, key in full.platform_keys.items() if name in names}
    )
    async with Transport() as transport:
        connection = ChannelConnection(WeChatAdapter(merchant), transport, signing)
        order = an_order(inbox)
        found = await paid(connection, sandbox, order)
        told = await read(connection, await inbox.next())
        assert told.transaction_id == found.transaction_id
        assert isinstance(await refunded(connection, sandbox, a_refund(order, found, 50)), Succeeded)
        other = an_order(inbox)
        await connection.create(other)
        assert isinstance(await connection.close(other), Succeeded)


async def test_f20_no_bill_and_not_ready_are_two_answers(sandbox: Sandbox, inbox: Inbox, signing: SigningPool) -> None:
    """A day without trade gave an empty file, and a bill in the making the same failure as any other."""
    today = datetime.fromisoformat(sandbox.control("GET", "/clock")["now"]).date()
    async with Transport() as transport:
        connection = ChannelConnection(adapter(sandbox, "wechat v3"), transport, signing)
        for kind in BillKind:
            quiet = BillOrder(today - timedelta(days=9), kind)
            assert await connection.fetch_bill(quiet) == NoBill("NO_STATEMENT_EXIST")
            assert await connection.fetch_bill(BillOrder(today, kind)) == BillNotReady("STATEMENT_CREATING")
        sandbox.fault("server_error", operation="bill", times=1)
        assert await connection.fetch_bill(BillOrder(today)) == Unknown("SYSTEM_ERROR")


async def test_f13_the_channel_s_words_for_a_wrong_key_are_kept(
    sandbox: Sandbox, inbox: Inbox, signing: SigningPool
) -> None:
    """Both interfaces tell a wrong key of ours without a signature; their words were dropped."""
    stranger = PrivateKey(rsa.generate_private_key(65537, 2048))
    wrong = msgspec.structs.replace(
        wechat_merchant(sandbox, ScansOver.V2), private_key=stranger, api_v2_key=Secret("x" * 32)
    )
    scanned = an_order(inbox, 300, Method.BAR_CODE, Payer(auth_code=Secret(AUTH_CODES["wechat"])))
    async with Transport() as transport:
        connection = ChannelConnection(WeChatAdapter(wrong), transport, signing)
        assert await connection.create(an_order(inbox)) == Unknown("not_signed", "SIGN_ERROR 错误的签名，验签失败")
        assert await connection.create(scanned) == Unknown("bad_signature", "FAIL 签名错误")
