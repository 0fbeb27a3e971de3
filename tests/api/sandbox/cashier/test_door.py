"""The cashier over HTTP: who holds a link sees what a payer may see, chooses once, and hears what became of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from html import unescape
from re import findall
from typing import Any

from aiohttp import ClientSession

from api.app import Doors
from api.cashier.code import code_picture
from api.cashier.limits import ACTS, STREAMS_PER_ADDRESS_MAX
from api.services import Services
from pycore.ids import new_id, parse_typed_id
from pycore.merchants import MerchantChanges, MerchantStatus
from pycore.payments import CreateRefund, PaymentFilter
from pycore.payments.cashier_links import Link
from tests.api.sandbox.cashier.till import ALIPAY, DESKTOP, PHONE, UNIONPAY, WECHAT, LinkTill, path_of
from tests.api.sandbox.payments.paying import eventually
from tests.api.sandbox.simulated import Sandbox

FIELDS = {
    "status", "live", "merchant", "store", "subject", "amount", "refunded", "is_fully_refunded", "currency",
    "seconds_left", "device", "channel", "action", "offers", "barred", "was_refused", "bound_seconds", "receipt",
    "version", "return_url", "store_url", "simulator_url",
}  # fmt: skip


async def ask(session: ClientSession, path: str, agent: str = DESKTOP, content: Any = None) -> tuple[int, Any]:
    """Status and JSON of what the page asks."""
    headers = {"user-agent": agent}
    method = "GET" if content is None else "POST"
    async with session.request(method, path, json=content, headers=headers) as response:
        return response.status, await response.json()


async def choose(session: ClientSession, path: str, channel: str, method: str, agent: str = DESKTOP) -> tuple[int, Any]:
    return await ask(session, f"{path}/choose", agent, {"channel": channel, "method": method})


async def states(session: ClientSession, path: str) -> AsyncIterator[dict[str, Any]]:
    """What is pushed, until the server ends it."""
    async with session.get(f"{path}/events") as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        async for line in response.content:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))


async def test_a_payer_sees_what_is_for_the_payer_only(till: LinkTill, session: ClientSession) -> None:
    made = await till.payment(metadata={"secret": "of the merchant"}, return_url="https://shop.example/done")
    status, state = await ask(session, f"{path_of(made)}/state")
    assert (status, set(state)) == (200, FIELDS)
    assert 0 < state.pop("seconds_left") <= 900
    assert state == {
        "status": "created", "live": False, "merchant": "Blue Teapot", "subject": "两杯咖啡", "amount": "10.50",
        "currency": "CNY", "device": "desktop", "channel": None, "action": None, "version": 1, "store_url": None,
        "store": None, "refunded": None, "is_fully_refunded": False, "barred": [], "was_refused": False,
        "bound_seconds": None, "receipt": None,
        "simulator_url": None, "return_url": "https://shop.example/done",
        "offers": [{"channel": each, "method": "qr_code"} for each in ("wechat", "alipay", "unionpay")],
    }  # fmt: skip
    text = json.dumps(state)
    for hidden in (made["id"], made["merchant_reference"], "of the merchant", till.merchant.secret):
        assert hidden not in text


OFFERED = {
    DESKTOP: [("wechat", "qr_code"), ("alipay", "qr_code"), ("unionpay", "qr_code")],
    PHONE: [("wechat", "h5"), ("alipay", "h5"), ("unionpay", "page")],
    WECHAT: [("wechat", "h5")],
    ALIPAY: [("alipay", "h5")],
    UNIONPAY: [("unionpay", "page")],
}


async def test_the_app_that_scanned_gets_its_own_channel(till: LinkTill, session: ClientSession) -> None:
    path = path_of(await till.payment())
    for agent, offered in OFFERED.items():
        _, state = await ask(session, f"{path}/state", agent)
        assert [(each["channel"], each["method"]) for each in state["offers"]] == offered


async def test_pages_are_strict(till: LinkTill, session: ClientSession) -> None:
    path = path_of(await till.payment())
    _, store = await till.store()
    for place in (path, store, "/pay/wrong"):
        for part in ("", "/state", "/code.svg"):
            async with session.get(f"{place}{part}") as response:
                policy = response.headers["content-security-policy"]
                assert "default-src 'none'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy
                assert response.headers["cache-control"] == "no-store"
                assert response.headers["referrer-policy"] == "no-referrer"
    async with session.get(path, headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"}) as response:
        assert '<html lang="zh">' in (page := await response.text())
    assert "<script>" not in page
    assert "style=" not in page
    async with session.get(f"{path}?lang=en", headers={"accept-language": "zh"}) as response:
        assert '<html lang="en">' in await response.text()


async def test_a_wrong_link_is_not_found_and_says_nothing(till: LinkTill, session: ClientSession) -> None:
    made = await till.payment()
    token = path_of(made).rpartition("/")[2]
    _, store = await till.store()
    of_nobody = till.services.cashier.links.token(Link.PAYMENT, new_id())
    other = token[:-1] + ("A" if token[-1] != "A" else "E")
    answers = set()
    for wrong in ("x" * 43, other, store.rpartition("/")[2], made["id"], of_nobody):
        for path in ("state", "events", "code.svg", "go"):
            async with session.get(f"/pay/{wrong}/{path}") as response:
                assert response.status == 404
                answers.add((await response.json())["reason"])
        assert (await choose(session, f"/pay/{wrong}", "wechat", "qr_code"))[0] == 404
    assert (await ask(session, f"/pay/s/{token}/state"))[0] == 404
    assert answers == {"not_found"}
    async with session.get(f"/pay/{'x' * 43}") as response:
        assert response.status == 404
        assert response.content_type == "text/html"


async def test_two_clicks_ask_the_channel_once(till: LinkTill, session: ClientSession, sandbox: Sandbox) -> None:
    made = await till.payment()
    path = path_of(made)
    answers = await asyncio.gather(*(choose(session, path, "wechat", "qr_code") for _ in range(5)))
    assert {status for status, _ in answers} == {200}
    status, state = await choose(session, path, "wechat", "qr_code")
    assert (status, state["action"], state["channel"]) == (200, "code", "wechat")
    assert await till.attempts(made) == [("wechat", "qr_code", "submitted")]
    async with session.get(f"{path}/code.svg") as response:
        picture = await response.read()
    order = sandbox.order(await till.reference(made))
    assert picture == code_picture(f"weixin://wxpay/bizpayurl?pr={order['token']}")
    assert state["simulator_url"] == f"{sandbox.url}/payer/?token={order['token']}"


async def test_the_simulators_page_knows_every_code(till: LinkTill, session: ClientSession, sandbox: Sandbox) -> None:
    for channel in ("wechat", "alipay", "unionpay"):
        made = await till.payment()
        _, state = await choose(session, path_of(made), channel, "qr_code")
        token = state["simulator_url"].partition("?token=")[2]
        (order,) = sandbox.control("GET", f"/orders?token={token}")["orders"]
        assert order["reference"] == await till.reference(made)


async def test_what_happens_is_pushed_until_it_is_decided(
    till: LinkTill, session: ClientSession, sandbox: Sandbox
) -> None:
    made = await till.payment()
    path = path_of(made)
    seen = []
    async for state in states(session, path):
        seen.append(state["status"])
        if state["status"] == "created":
            assert (await choose(session, path, "wechat", "qr_code"))[0] == 200
        if state["status"] == "requires_action":
            reference = await till.reference(made)
            await asyncio.to_thread(sandbox.act, reference, "pay")
    assert [each for each in seen if each != "processing"] == ["created", "requires_action", "succeeded"]
    _, state = await choose(session, path, "alipay", "qr_code")
    assert (state["status"], state["offers"], len(await till.attempts(made))) == ("succeeded", [], 1)


async def test_an_open_page_does_not_hold_up_a_stop(
    till: LinkTill, session: ClientSession, doors: Doors, services: Services
) -> None:
    path = path_of(await till.payment())
    stopping = [asyncio.create_task(doors.close(30)) async for _ in states(session, path)]
    await asyncio.wait_for(stopping[0], 5)


async def test_another_way_closes_the_first(till: LinkTill, session: ClientSession, sandbox: Sandbox) -> None:
    made = await till.payment()
    path = path_of(made)
    await choose(session, path, "wechat", "qr_code")
    first = await till.reference(made)
    status, state = await choose(session, path, "alipay", "h5", PHONE)
    assert (status, state["action"], state["channel"]) == (200, "go", "alipay")
    assert sandbox.order(first)["state"] == "closed"
    async with session.get(f"{path}/go", allow_redirects=False) as response:
        assert response.status == 303
        assert response.headers["location"].startswith(f"{sandbox.url}/gateway.do?")


async def test_what_a_channel_cannot_close_is_paid_there(till: LinkTill, session: ClientSession) -> None:
    path = path_of(await till.payment())
    _, state = await choose(session, path, "unionpay", "qr_code")
    assert (state["action"], state["offers"]) == ("code", [{"channel": "unionpay", "method": "qr_code"}])
    assert (await ask(session, f"{path}/state", PHONE))[1]["action"] == "code"
    assert (await choose(session, path, "wechat", "qr_code"))[0] == 409


async def test_u10_what_cannot_be_closed_is_over_soon_and_another_way_is_offered(
    till: LinkTill, session: ClientSession
) -> None:
    """After UnionPay was tapped there was no other way and no explanation for up to 15 minutes."""
    made = await till.payment()
    path = path_of(made)
    _, state = await choose(session, path, "unionpay", "page", PHONE)
    assert 120 < state["bound_seconds"] <= 240 < state["seconds_left"]
    assert [each["channel"] for each in state["offers"]] == ["unionpay"]
    await till.let_attempt_run_out(made)
    _, state = await ask(session, f"{path}/state", PHONE)
    assert (state["action"], state["bound_seconds"]) == (None, None)
    assert [each["channel"] for each in state["offers"]] == ["wechat", "alipay", "unionpay"]
    _, state = await choose(session, path, "wechat", "h5", PHONE)
    assert (state["action"], state["channel"]) == ("go", "wechat")


async def test_u11_a_page_tells_what_was_given_back(till: LinkTill, session: ClientSession, sandbox: Sandbox) -> None:
    """The link of a payment that was refunded in full said that it was paid."""
    made = await till.payment()
    path, payment_id = path_of(made), parse_typed_id("pay", made["id"])
    await choose(session, path, "wechat", "qr_code")
    await asyncio.to_thread(sandbox.act, await till.reference(made), "pay")
    await eventually(lambda: till.status(made), lambda status: status == "succeeded")
    _, state = await ask(session, f"{path}/state")
    assert (state["status"], state["refunded"], state["is_fully_refunded"]) == ("succeeded", None, False)
    assert state["receipt"]["reference"] == await till.reference(made)
    assert state["receipt"]["transaction_id"]
    for number, amount, seen in (("R1", 400, ("4.00", False)), ("R2", 650, ("10.50", True))):
        request = CreateRefund(merchant_reference=number, amount=amount)
        await till.services.payments.refunds.create(till.tenant, payment_id, number, request)
        _, state = await ask(session, f"{path}/state")
        assert (state["refunded"], state["is_fully_refunded"]) == seen


async def test_u10_the_way_back_keeps_the_language(till: LinkTill, session: ClientSession) -> None:
    path = path_of(await till.payment())
    for query, kept in (("?lang=en", "?lang=en"), ("?lang=zh", "?lang=zh"), ("?lang=//evil.example", ""), ("", "")):
        async with session.post(f"{path}{query}", data={"respCode": "00"}, allow_redirects=False) as response:
            assert (response.status, response.headers["location"]) == (303, f"{path}{kept}")


async def test_a_form_leads_to_a_channel_that_wants_one(
    till: LinkTill, session: ClientSession, sandbox: Sandbox
) -> None:
    made = await till.payment(subject='"><script>alert(1)</script>')
    path = path_of(made)
    _, state = await choose(session, path, "unionpay", "page", PHONE)
    assert state["action"] == "go"
    async with session.get(f"{path}/go") as response:
        page = await response.text()
        assert f"form-action {sandbox.url} https:" in response.headers["content-security-policy"]
    assert "<script>alert" not in page
    assert f'action="{sandbox.url}/' in page
    fields = {unescape(name): unescape(value) for name, value in findall(r'name="([^"]*)" value="([^"]*)"', page)}
    assert fields["orderId"] == await till.reference(made)
    # The way back: a form of the channel's, which proves nothing and is not looked at.
    async with session.post(path, data={"respCode": "00"}, allow_redirects=False) as response:
        assert (response.status, response.headers["location"]) == (303, path)
    assert await till.status(made) == "requires_action"


async def test_what_is_not_for_a_link_is_refused(till: LinkTill, session: ClientSession) -> None:
    path = path_of(await till.payment())
    for content in (
        {"channel": "wechat", "method": "jsapi"},
        {"channel": "wechat", "method": "balance"},
        {"channel": "nobody", "method": "qr_code"},
    ):
        assert (await ask(session, f"{path}/choose", content=content))[0] == 422
    malformed: list[dict[str, object]] = [
        {},
        {"channel": "wechat"},
        {"channel": "wechat", "method": "qr_code", "amount": 1},
    ]
    for wrong in malformed:
        assert (await ask(session, f"{path}/choose", content=wrong))[0] == 400
    async with session.post(f"{path}/choose", data="channel=wechat&method=qr_code") as response:
        assert response.status == 415


async def test_a_disabled_merchant_takes_nothing_new(till: LinkTill, session: ClientSession) -> None:
    path, (_, store) = path_of(await till.payment()), await till.store()
    _, state = await ask(session, f"{store}/state")
    await till.services.merchants.update(till.tenant.merchant_id, MerchantChanges(status=MerchantStatus.DISABLED))
    assert (await ask(session, f"{path}/state"))[1]["offers"] == []
    assert (await choose(session, path, "wechat", "qr_code"))[0] == 403
    assert (await ask(session, f"{store}/state"))[0] == 403
    assert (
        await ask(session, f"{store}/order", content={"order": state["order"], "amount": "1", "channel": "wechat"})
    )[0] == 403


async def test_a_stores_code_makes_one_payment_per_order(till: LinkTill, session: ClientSession) -> None:
    store, path = await till.store("南京路 <b>")
    _, state = await ask(session, f"{path}/state", WECHAT)
    assert (state["store"], state["merchant"], state["live"]) == ("南京路 <b>", "Blue Teapot", False)
    order = {"order": state["order"], "amount": "12.50", "channel": "wechat"}
    answers = await asyncio.gather(*(ask(session, f"{path}/order", WECHAT, order) for _ in range(3)))
    paths = {content["path"] for status, content in answers if status == 200}
    assert len(paths) == 1
    assert {status for status, _ in answers} <= {200, 409}
    payments = (await till.services.payments.lists.page(till.tenant, PaymentFilter())).items
    assert [(each.amount, each.subject, each.metadata) for each in payments] == [
        (1250, "南京路 <b>", {"origin": "store_code"})
    ]
    assert payments[0].store_id == f"sto_{store.id:032x}"
    assert payments[0].cashier_url == f"{till.services.channels.accounts.public_url}{paths.pop()}"
    assert (await ask(session, f"{path}/order", WECHAT, {**order, "amount": "13"}))[0] == 409


async def test_a_store_takes_exact_amounts_only(till: LinkTill, session: ClientSession) -> None:
    _, path = await till.store()
    _, state = await ask(session, f"{path}/state")
    for amount in ("", "0", "-1", "1.234", "1e3", "NaN", "１", "1,5", "0x10", "9" * 17, "9" * 19):
        asked = {"order": state["order"], "amount": amount, "channel": "wechat"}
        status, content = await ask(session, f"{path}/order", content=asked)
        assert (amount, status, content["reason"]) == (amount, 422, "invalid_request")


async def test_an_order_is_ours_or_none(till: LinkTill, session: ClientSession) -> None:
    _, path = await till.store()
    for order in ("", "x" * 43, "T1", path.rpartition("/")[2]):
        assert (await ask(session, f"{path}/order", content={"order": order, "amount": "1", "channel": "wechat"}))[
            0
        ] == 404


async def test_an_address_is_counted(till: LinkTill, session: ClientSession) -> None:
    path = path_of(await till.payment())
    answers = await asyncio.gather(*(ask(session, f"{path}/choose", content={}) for _ in range(5 * ACTS.burst)))
    statuses = [status for status, _ in answers]
    assert set(statuses) == {400, 429}
    assert statuses.count(400) >= ACTS.burst
    assert (await ask(session, f"{path}/state"))[0] == 200
    streams = [await session.get(f"{path}/events") for _ in range(STREAMS_PER_ADDRESS_MAX + 1)]
    assert [each.status for each in streams] == [200] * STREAMS_PER_ADDRESS_MAX + [429]
    for each in streams:
        each.close()

    async def again() -> int:
        async with session.get(f"{path}/events") as response:
            return response.status

    assert await eventually(again, lambda status: status == 200) == 200
