"""The cashier in a real browser, at desktop and phone size, with the simulators' page in the payer's hand.

Needs Chromium (Debian: ``apt-get install chromium``). Pictures of what was seen are in the test's folder.
"""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from api.app import Doors
from pycore.ids import parse_typed_id
from pycore.merchants import StoreChanges
from tests.api.sandbox.cashier.till import PHONE, WECHAT, LinkTill, path_of
from tests.api.sandbox.simulated import Sandbox

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium in PATH: apt-get install chromium")

AT_DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"}
ON_PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "locale": "zh-CN",
    "is_mobile": True,
    "has_touch": True,
    "user_agent": PHONE,
}
expect.set_options(timeout=60_000)
EXPECTED = ("404", "410", "422", "429")
"""What the browser notes where a test asks for it."""

OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        # Chromium's own sandbox cannot be had by root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        await browser.close()


@pytest.fixture
async def open_page(browser: Browser, doors: Doors) -> AsyncIterator[OpenPage]:
    """A page of the cashier in a browser of its own; what the browser complains about fails the test."""
    troubles: list[str] = []

    def note(message: Any) -> None:
        if message.type == "error" and not any(status in message.text for status in EXPECTED):
            troubles.append(message.text)

    async def open_(path: str, settings: dict[str, Any]) -> Page:
        context = await browser.new_context(**settings)
        context.set_default_timeout(60_000)
        page = await context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        await page.goto(doors.http_url + path)
        await page.wait_for_selector("h1")
        return page

    yield open_
    assert troubles == []


async def test_pay_at_a_desk(till: LinkTill, open_page: OpenPage, sandbox: Sandbox, tmp_path: Path) -> None:
    made = await till.payment(subject="<img src=x onerror=alert(1)> 咖啡", return_url="https://shop.example/done")
    page = await open_page(path_of(made), AT_DESK)
    await expect(page.get_by_text("<img src=x onerror=alert(1)> 咖啡")).to_be_visible()
    await expect(page.get_by_text("10.50")).to_be_visible()
    await expect(page.get_by_role("img", name="QR code of this page")).to_be_visible()
    await page.screenshot(path=tmp_path / "choose.png", full_page=True)

    await page.get_by_role("button", name="WeChat Pay").click()
    await expect(page.get_by_role("img", name="QR code to pay with WeChat Pay")).to_be_visible()
    await page.screenshot(path=tmp_path / "code.png", full_page=True)
    async with page.context.expect_page() as opened:
        await page.get_by_role("link", name="play the payer").click()
    payer = await opened.value
    await payer.get_by_role("button", name="Pay", exact=True).click()
    await payer.screenshot(path=tmp_path / "payer.png", full_page=True)

    await expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    await expect(page.get_by_role("status")).to_have_text("Paid")
    await expect(page.get_by_role("link", name="Done")).to_have_attribute("href", "https://shop.example/done")
    await page.screenshot(path=tmp_path / "paid.png", full_page=True)
    assert await till.status(made) == "succeeded"


@pytest.mark.parametrize("channel", ["微信支付", "支付宝", "云闪付"])
async def test_pay_on_a_phone_in_two_steps(till: LinkTill, open_page: OpenPage, tmp_path: Path, channel: str) -> None:
    made = await till.payment()
    page = await open_page(path_of(made), ON_PHONE)
    await page.screenshot(path=tmp_path / "choose.png", full_page=True)
    await page.get_by_role("button", name=channel).tap()
    await page.get_by_role("button", name="付款", exact=True).tap()
    await page.screenshot(path=tmp_path / "payer.png", full_page=True)
    await expect(page.get_by_text("已付款")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="付款成功")).to_be_visible()
    await page.screenshot(path=tmp_path / "paid.png", full_page=True)


async def test_pay_at_a_stores_code_in_three_steps(till: LinkTill, open_page: OpenPage, tmp_path: Path) -> None:
    _, path = await till.store("南京路")
    page = await open_page(path, {**ON_PHONE, "user_agent": WECHAT})
    await expect(page.get_by_role("button", name="支付宝")).to_have_count(0)
    await page.get_by_role("button", name="微信支付").tap()
    await expect(page.get_by_role("alert")).to_have_text("请输入金额，例如 12.50。")
    await page.get_by_label("金额").fill("12.5")
    await page.screenshot(path=tmp_path / "amount.png", full_page=True)
    await page.get_by_role("button", name="微信支付").tap()
    await page.get_by_role("button", name="付款", exact=True).tap()
    await expect(page.get_by_text("已付款")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="付款成功")).to_be_visible()
    await expect(page.get_by_text("12.50")).to_be_visible()
    await expect(page.get_by_role("link", name="再付一笔")).to_be_visible()


async def test_who_refused_may_pay_another_way(
    till: LinkTill, open_page: OpenPage, sandbox: Sandbox, tmp_path: Path
) -> None:
    made = await till.payment()
    page = await open_page(path_of(made), AT_DESK)
    await page.get_by_role("button", name="WeChat Pay").click()
    await expect(page.get_by_role("img", name="QR code to pay with WeChat Pay")).to_be_visible()
    await asyncio.to_thread(sandbox.act, await till.reference(made), "refuse")
    await page.get_by_role("button", name="Alipay").click()
    await expect(page.get_by_role("img", name="QR code to pay with Alipay")).to_be_visible()
    await page.screenshot(path=tmp_path / "other.png", full_page=True)
    await asyncio.to_thread(sandbox.act, await till.reference(made), "pay")
    await expect(page.get_by_role("heading", name="Paid")).to_be_visible()


async def test_a_failure_says_what_next(till: LinkTill, open_page: OpenPage, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.fault("rate_limit", protocol="wechat", operation="create")
    page = await open_page(path_of(await till.payment()), AT_DESK)
    await page.get_by_role("button", name="WeChat Pay").click()
    await expect(page.get_by_text("The last try did not work, and nothing was charged.")).to_be_visible()
    await page.screenshot(path=tmp_path / "failed.png", full_page=True)
    await page.get_by_role("button", name="Alipay").click()
    await expect(page.get_by_role("img", name="QR code to pay with Alipay")).to_be_visible()


async def test_time_runs_out_in_front_of_the_payer(till: LinkTill, open_page: OpenPage, tmp_path: Path) -> None:
    made = await till.payment(expires_in_seconds=600)
    page = await open_page(path_of(made), AT_DESK)
    await expect(page.get_by_role("timer")).to_have_text(re.compile(r"Pay within 0\d:\d\d"))
    await till.run_out(made)
    await expect(page.get_by_role("heading", name="The time to pay has run out")).to_be_visible()
    await page.screenshot(path=tmp_path / "expired.png", full_page=True)


async def test_a_wrong_link(open_page: OpenPage, tmp_path: Path) -> None:
    page = await open_page(f"/pay/{'x' * 43}", ON_PHONE)
    await expect(page.get_by_role("heading", name="链接无效")).to_be_visible()
    await page.screenshot(path=tmp_path / "wrong.png", full_page=True)


async def test_both_languages(till: LinkTill, open_page: OpenPage) -> None:
    page = await open_page(path_of(await till.payment()), {**AT_DESK, "locale": "zh-CN"})
    await expect(page.get_by_role("heading", name="请选择付款方式")).to_be_visible()
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", name="Choose how to pay")).to_be_visible()
    assert await page.evaluate("document.documentElement.lang") == "en"
    await page.get_by_role("button", name="中文").click()
    assert await page.title() == "收银台 · Blue Teapot"


async def test_a_double_click_is_one_attempt(till: LinkTill, open_page: OpenPage) -> None:
    made = await till.payment()
    page = await open_page(path_of(made), AT_DESK)
    await page.get_by_role("button", name="Alipay").dblclick()
    await expect(page.get_by_role("img", name="QR code to pay with Alipay")).to_be_visible()
    assert len(await till.attempts(made)) == 1


async def test_the_keyboard_is_enough(till: LinkTill, open_page: OpenPage) -> None:
    made = await till.payment()
    page = await open_page(path_of(made), AT_DESK)
    for _ in range(3):
        await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "支Alipay"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("img", name="QR code to pay with Alipay")).to_be_visible()
    assert await page.evaluate("document.activeElement.tagName") == "H1"


async def test_without_pushes_the_page_asks(till: LinkTill, open_page: OpenPage) -> None:
    made = await till.payment()
    page = await open_page(f"/pay/{'x' * 43}", AT_DESK)
    await page.route("**/events", lambda route: route.fulfill(status=429, body="{}"))
    await page.goto(made["cashier_url"])
    await expect(page.get_by_role("heading", name="Choose how to pay")).to_be_visible()
    await till.run_out(made)
    await expect(page.get_by_role("heading", name="The time to pay has run out")).to_be_visible()


async def test_u9_the_amount_is_judged_while_it_is_typed(till: LinkTill, open_page: OpenPage) -> None:
    """A store's code took 9,999,999,999,999.00 yuan; the error came after the tap, far from the field."""
    store, path = await till.store()
    await till.services.stores.update(till.tenant, store.id, StoreChanges(code_amount_max=200_000_000))
    page = await open_page(path, {**ON_PHONE, "viewport": {"width": 320, "height": 640}})
    field, wechat = page.get_by_label("金额"), page.get_by_role("button", name="微信支付")
    await expect(page.get_by_text("单笔最多 ¥2,000,000.00。")).to_be_visible()
    for typed, told, can in (
        ("9999999999999", "单笔最多 ¥2,000,000.00。", False),
        ("1500000", "微信支付单笔最多 ¥1,000,000.00。", False),
        ("12a", "请输入金额，例如 12.50。", True),
        ("１２.５", "", True),
        ("1,000.00", "", True),
        (".5", "", True),
    ):
        await field.fill(typed)
        await expect(page.locator("#fault")).to_have_text(told)
        await expect(field).to_have_attribute("aria-invalid", "true" if told else "false")
        assert await wechat.is_enabled() is can
    await expect(page.get_by_role("button", name="支付宝")).to_be_enabled()


async def test_u16_the_receipt_is_what_a_shopper_looks_for(
    till: LinkTill, open_page: OpenPage, sandbox: Sandbox
) -> None:
    """The success page had no time, number or channel, and its biggest button was for another payment."""
    made = await till.payment(amount=123_456_789)
    page = await open_page(path_of(made), {**ON_PHONE, "viewport": {"width": 320, "height": 640}})
    await expect(page.get_by_text("微信支付单笔最多 ¥1,000,000.00。")).to_be_visible()
    amount = await page.locator(".amount").bounding_box()
    assert amount is not None
    assert amount["height"] < 60, "on one line"
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
    await page.get_by_role("button", name="支付宝").tap()
    await page.get_by_role("button", name="付款", exact=True).tap()
    await expect(page.get_by_text("已付款")).to_be_visible()
    await page.goto(made["cashier_url"])
    await expect(page.get_by_role("heading", name="付款成功")).to_be_visible()
    await expect(page.get_by_text("¥1,234,567.89")).to_be_visible()
    facts = await page.locator("dl.receipt").inner_text()
    for fact in ("收款方", "Blue Teapot", "支付宝", "付款时间", "交易单号", "商户单号", await till.reference(made)):
        assert fact in facts
    assert await page.locator(".next button, .next a").first.inner_text() == "完成"
    assert await page.evaluate("document.documentElement.scrollWidth") == 320


async def test_u16_what_was_called_off_is_no_fault(till: LinkTill, open_page: OpenPage) -> None:
    """A payment that was cancelled had the red mark of one that failed."""
    made = await till.payment(subject="Blue Teapot")
    page = await open_page(path_of(made), AT_DESK)
    await expect(page.get_by_text("Blue Teapot")).to_have_count(1)
    await till.services.payments.payments.cancel(till.tenant, parse_typed_id("pay", made["id"]), "c1")
    await expect(page.get_by_role("heading", name="The payment was called off")).to_be_visible()
    await expect(page.locator(".result.calm")).to_be_visible()
    await expect(page.locator(".result.bad")).to_have_count(0)


async def test_u10_the_language_is_kept_on_the_way_back(till: LinkTill, open_page: OpenPage) -> None:
    """Who had chosen English read Chinese after coming back from a channel."""
    made = await till.payment()
    page = await open_page(path_of(made), {**AT_DESK, "locale": "zh-CN"})
    await page.get_by_role("button", name="English").click()
    await page.goto(made["cashier_url"])
    await expect(page.get_by_role("heading", name="Choose how to pay")).to_be_visible()


async def test_u17_a_code_out_of_use_says_so(till: LinkTill, open_page: OpenPage) -> None:
    store, path = await till.store()
    await till.services.stores.rotate_code(till.tenant, store.id)
    page = await open_page(path, ON_PHONE)
    await expect(page.get_by_role("heading", name="此收款码已停用")).to_be_visible()
