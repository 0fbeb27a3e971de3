"""Every fault that can be ordered is seen to happen, through an SDK, and to happen again with the same seed."""

import json
import time
import urllib.error
from functools import partial
from typing import Any

import pytest
import requests
from wechatpayv3 import WeChatPay

from tests.api.sandbox.simulated import Inbox, Sandbox, new_number


def pay(client: WeChatPay, reference: str, total: int = 100) -> tuple[int, str]:
    reply: tuple[int, str] = client.pay(description="x", out_trade_no=reference, amount={"total": total})
    return reply


def state(client: WeChatPay, reference: str) -> str:
    status, text = client.query(out_trade_no=reference)
    content: dict[str, str] = json.loads(text)
    return content["trade_state"] if status == 200 else content["code"]


@pytest.fixture
def client(sandbox: Sandbox, inbox: Inbox) -> WeChatPay:
    return sandbox.wechat(inbox.url)


async def test_no_reply_but_done(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.wechat(inbox.url, timeout=0.5)
    reference = new_number()
    sandbox.fault("timeout_hidden_success", reference, operation="create")
    with pytest.raises(requests.Timeout):
        pay(client, reference)
    assert state(client, reference) == "NOTPAY"


async def test_no_reply_and_not_done(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.wechat(inbox.url, timeout=0.5)
    reference = new_number()
    sandbox.fault("timeout_failure", reference, operation="create", times=1)
    with pytest.raises(requests.Timeout):
        pay(client, reference)
    assert state(client, reference) == "ORDER_NOT_EXIST"
    assert pay(client, reference)[0] == 200


async def test_a_connection_that_is_held_and_cut(sandbox: Sandbox, client: WeChatPay) -> None:
    reference = new_number()
    sandbox.fault("timeout_failure", reference, operation="create", hold_ms=50)
    with pytest.raises(requests.ConnectionError):
        pay(client, reference)


async def test_server_errors(sandbox: Sandbox, client: WeChatPay) -> None:
    undone, done = new_number(), new_number()
    sandbox.fault("server_error", undone, operation="create")
    sandbox.fault("server_error_hidden_success", done, operation="create")
    for reference in (undone, done):
        status, text = pay(client, reference)
        assert (status, json.loads(text)["code"]) == (500, "SYSTEM_ERROR")
    assert (state(client, undone), state(client, done)) == ("ORDER_NOT_EXIST", "NOTPAY")


async def test_a_bad_signature(sandbox: Sandbox, client: WeChatPay) -> None:
    reference = new_number()
    sandbox.fault("bad_signature", reference, operation="query", times=1)
    pay(client, reference)
    with pytest.raises(Exception, match="failed to verify the signature"):
        state(client, reference)
    assert state(client, reference) == "NOTPAY"


async def test_too_many_requests(sandbox: Sandbox, client: WeChatPay) -> None:
    sandbox.fault("rate_limit", protocol="wechat")
    status, text = pay(client, new_number())
    assert (status, json.loads(text)["code"]) == (429, "FREQUENCY_LIMITED")


async def test_a_channel_that_is_down(sandbox: Sandbox, client: WeChatPay, inbox: Inbox) -> None:
    reference = new_number()
    sandbox.fault("channel_down", protocol="wechat")
    for _ in range(3):
        with pytest.raises(requests.ConnectionError):
            pay(client, reference)
    assert sandbox.alipay(inbox.url).api_alipay_trade_precreate("x", new_number(), "1")["code"] == "10000"
    sandbox.control("DELETE", "/faults")
    assert state(client, reference) == "ORDER_NOT_EXIST"


async def test_latency(sandbox: Sandbox, client: WeChatPay) -> None:
    sandbox.fault("latency", median_ms=300, p99_ms=300)
    began = time.monotonic()
    pay(client, new_number())
    assert time.monotonic() - began >= 0.3


async def test_success_after_failure(sandbox: Sandbox, client: WeChatPay, inbox: Inbox) -> None:
    reference = new_number()
    sandbox.fault("success_after_failure", reference, delay_s=3600)
    pay(client, reference)
    assert client.close(reference)[0] == 204
    assert state(client, reference) == "CLOSED"
    assert await inbox.is_quiet()
    sandbox.advance(3601)
    assert client.callback(*await headers_and_body(inbox))["resource"]["out_trade_no"] == reference
    assert state(client, reference) == "SUCCESS"


async def test_a_scanned_code_that_fails_and_succeeds(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.alipay(inbox.url)
    reference = new_number()
    sandbox.fault("success_after_failure", reference, delay_s=3600)
    reply = client.api_alipay_trade_pay(reference, "bar_code", "28" + "1" * 16, "x", total_amount="1")
    assert reply["code"] == "40004"
    assert client.api_alipay_trade_query(out_trade_no=reference)["trade_status"] == "TRADE_CLOSED"
    sandbox.advance(3601)
    await inbox.next()
    assert client.api_alipay_trade_query(out_trade_no=reference)["trade_status"] == "TRADE_SUCCESS"


async def test_a_wrong_amount(sandbox: Sandbox, client: WeChatPay, inbox: Inbox) -> None:
    reference = new_number()
    sandbox.fault("wrong_amount", reference)
    pay(client, reference, total=100)
    sandbox.act(reference, "pay")
    assert client.callback(*await headers_and_body(inbox))["resource"]["amount"]["total"] == 101
    assert sandbox.order(reference)["amount"] == 100


async def test_a_callback_twice(sandbox: Sandbox, client: WeChatPay, inbox: Inbox) -> None:
    reference = new_number()
    sandbox.fault("notice_duplicated", reference)
    pay(client, reference)
    sandbox.act(reference, "pay")
    first = client.callback(*await headers_and_body(inbox))
    sandbox.advance(2)
    second = client.callback(*await headers_and_body(inbox))
    assert first["id"] == second["id"]


async def test_callbacks_in_another_order(sandbox: Sandbox, client: WeChatPay, inbox: Inbox) -> None:
    reference, refund = new_number(), new_number()
    sandbox.fault("notice_reordered", reference)
    pay(client, reference)
    sandbox.act(reference, "pay")
    amount = {"refund": 1, "total": 100, "currency": "CNY"}
    client.refund(refund, amount, out_trade_no=reference, notify_url=inbox.url)
    sandbox.advance(5)
    assert client.callback(*await headers_and_body(inbox))["event_type"] == "REFUND.SUCCESS"
    sandbox.advance(600)
    assert client.callback(*await headers_and_body(inbox))["event_type"] == "TRANSACTION.SUCCESS"


async def test_a_callback_a_day_late_and_one_that_never_comes(
    sandbox: Sandbox, client: WeChatPay, inbox: Inbox
) -> None:
    late, lost = new_number(), new_number()
    sandbox.fault("notice_late", late)
    sandbox.fault("notice_lost", lost)
    for reference in (late, lost):
        pay(client, reference)
        sandbox.act(reference, "pay")
    sandbox.advance(86_000)
    assert await inbox.is_quiet()
    sandbox.advance(401)
    assert client.callback(*await headers_and_body(inbox))["resource"]["out_trade_no"] == late
    assert await inbox.is_quiet()


async def test_a_forged_callback(sandbox: Sandbox, client: WeChatPay, inbox: Inbox) -> None:
    reference = new_number()
    sandbox.fault("bad_signature", reference, operation="notice")
    inbox.answers = [401]
    pay(client, reference)
    sandbox.act(reference, "pay")
    assert client.callback(*await headers_and_body(inbox)) is None
    sandbox.advance(16)
    assert client.callback(*await headers_and_body(inbox))["resource"]["out_trade_no"] == reference


async def test_the_schedule_of_callbacks(sandbox: Sandbox, client: WeChatPay, inbox: Inbox) -> None:
    reference = new_number()
    sandbox.control("PUT", "/clock", {"factor": 0.001})  # nothing but what is advanced
    pay(client, reference)
    inbox.answers = [500] * 16
    sandbox.act(reference, "pay")
    await inbox.next()

    def tried(count: int) -> bool:
        return bool(sandbox.order(reference)["notices"][0]["tries"] == count)

    gaps = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600)
    for tries, seconds in enumerate(gaps, 1):
        sandbox.until(partial(tried, tries))
        sandbox.advance(seconds - 3)
        assert await inbox.is_quiet(0.02)
        sandbox.advance(3)
        await inbox.next()
    sandbox.until(partial(tried, len(gaps) + 1))
    sandbox.advance(200_000)
    assert await inbox.is_quiet()
    assert sandbox.order(reference)["notices"][0]["last_answer"] == "HTTP 500"


async def test_a_payer_who_needs_no_person(sandbox: Sandbox, client: WeChatPay, inbox: Inbox) -> None:
    paid, refused = new_number(), new_number()
    sandbox.fault("payer_pays", paid, median_ms=5000, p99_ms=9000)
    sandbox.fault("payer_refuses", refused)
    pay(client, paid)
    pay(client, refused)
    sandbox.advance(60)
    assert client.callback(*await headers_and_body(inbox))["resource"]["out_trade_no"] == paid
    shown = sandbox.order(refused)
    assert (shown["state"], shown["refusals"]) == ("open", 1)


async def test_time_passes(sandbox: Sandbox, client: WeChatPay) -> None:
    reference = new_number()
    pay(client, reference)
    sandbox.control("PUT", "/clock", {"factor": 100_000})
    ends_at = sandbox.order(reference)["expires_at"]
    sandbox.until(lambda: bool(sandbox.control("GET", "/clock")["now_ms"] > ends_at))
    assert sandbox.refused("POST", f"/orders/{sandbox.order(reference)['id']}/pay", {}) == 409
    assert state(client, reference) == "NOTPAY"  # until the merchant closes it


async def test_the_same_seed_draws_the_same(sandbox: Sandbox, client: WeChatPay) -> None:
    references = [new_number() for _ in range(40)]

    def drawn(seed: int) -> list[int]:
        sandbox.control("DELETE", "/faults")
        sandbox.control("PUT", "/seed", {"seed": seed})
        sandbox.fault("server_error", operation="query", probability=0.5)
        return [client.query(out_trade_no=each)[0] for each in references]

    first = drawn(7)
    assert {404, 500} == set(first)
    assert drawn(7) == first
    assert drawn(8) != first


async def test_a_rule_taken_away_does_not_begin_the_others_anew(sandbox: Sandbox, client: WeChatPay) -> None:
    """An order whose first query was lost lost every query, as long as rules came and went between them."""
    references = [new_number() for _ in range(5)]
    sandbox.control("PUT", "/seed", {"seed": 7})
    sandbox.fault("server_error", operation="query", probability=0.5)
    found = []
    for _ in range(30):
        found.append([client.query(out_trade_no=each)[0] for each in references])
        passing = sandbox.fault("channel_down", protocol="alipay")
        sandbox.control("DELETE", f"/faults/{passing['id']}")
    assert all(404 in answers for answers in zip(*found, strict=True)), "each order is found missing once"


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/faults", {"kind": "earthquake"}),
        ("POST", "/faults", {"kind": "latency", "probability": 1.5}),
        ("POST", "/faults", {"kind": "latency", "unknown": 1}),
        ("PUT", "/clock", {"advance_s": -1}),
        ("PUT", "/clock", {"factor": 0}),
        ("PUT", "/seed", {"seed": -1}),
        ("GET", "/orders?limit=x", None),
        ("GET", "/orders?state=lost", None),
        ("POST", "/orders/1/steal", {}),
    ],
)
async def test_bad_control_requests_are_refused(sandbox: Sandbox, method: str, path: str, content: Any) -> None:
    assert sandbox.refused(method, path, content) == 400


async def test_there_is_no_such_order(sandbox: Sandbox) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        sandbox.control("GET", "/orders/999999")
    assert refused.value.code == 404
    refused.value.close()


async def headers_and_body(inbox: Inbox) -> tuple[dict[str, str], bytes]:
    letter = await inbox.next()
    return letter.headers, letter.body
