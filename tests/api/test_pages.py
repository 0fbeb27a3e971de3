"""The pages for people, ``/`` and ``/docs``, in a real browser at three widths. Needs Chromium."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession
from playwright.async_api import Browser, Page, async_playwright

from api.app import Doors
from api.rest import openapi
from api.rest.app import ENDPOINTS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDTHS = (320, 390, 1280)
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium in PATH: apt-get install chromium")
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        await browser.close()


async def opened(browser: Browser, doors: Doors, path: str, width: int, locale: str = "en-GB") -> Page:
    page = await browser.new_page(viewport={"width": width, "height": 800}, locale=locale)
    await page.goto(f"http://{doors.http_address}{path}")
    return page


async def test_u15_docs_show_every_request_and_fit_on_phones(browser: Browser, doors: Doors, tmp_path: Path) -> None:
    # The page had no fields of requests, showed raw back-ticks, was cut off on phones, and knew English only.
    for width in WIDTHS:
        page = await opened(browser, doors, "/docs", width)
        await page.locator("#payment_create").wait_for()
        await page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert not await page.evaluate(TOO_WIDE), f"cut off at {width} px"
        text = await page.locator("main").inner_text()
        assert "`" not in text
        for id, field in (
            ("refund_create", "reason"),
            ("payment_capture", "final"),
            ("wallet_withdraw", "destination"),
            ("customer_create", "account_class"),
        ):
            assert f"\n{field}\n" in (await page.locator(f"#{id}").inner_text()), (id, field)
        await page.screenshot(path=tmp_path / f"docs_{width}.png")
        await page.close()
    page = await opened(browser, doors, "/docs", 390, "zh-CN")
    await page.locator("#payment_create").get_by_text("创建支付").wait_for()
    await page.get_by_text("English").click()
    await page.locator("#payment_create").get_by_text("Make a payment").wait_for()


async def test_u14_the_first_page_says_where_one_is(
    browser: Browser, doors: Doors, session: ClientSession, tmp_path: Path
) -> None:
    # It was a bare 404 in JSON.
    doors.start_page.cashier_url = "http://127.0.0.1:1/pay/s/demo?a=1&b=2"
    for width in WIDTHS:
        page = await opened(browser, doors, "/", width)
        assert not await page.evaluate(TOO_WIDE)
        assert await page.get_by_role("link", name="API", exact=True).get_attribute("href") == "/docs"
        await page.screenshot(path=tmp_path / f"start_{width}.png")
        await page.close()
    page = await opened(browser, doors, "/", 390, "zh-CN")
    assert "支付服务器" in await page.locator("main").inner_text()
    async with session.get("/", headers={"accept-language": "zh"}) as response:
        text = await response.text()
        assert (response.status, response.headers["content-language"]) == (200, "zh")
        assert 'href="http://127.0.0.1:1/pay/s/demo?a=1&amp;b=2"' in text


async def test_u15_every_operation_has_its_chinese_name(session: ClientSession) -> None:
    document: dict[str, Any] = openapi.document(ENDPOINTS)
    operations = {each["operationId"] for methods in document["paths"].values() for each in methods.values()}
    async with session.get("/docs/zh.json") as response:
        assert operations <= msgspec.json.decode(await response.read()).keys()
