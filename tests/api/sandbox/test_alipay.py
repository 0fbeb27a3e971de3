"""An SDK nobody here wrote drives the simulated Alipay as it would the real one."""

import io
import json
import urllib.error
import urllib.request
import zipfile
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from alipay import AliPay
from alipay.exceptions import AliPayException, AliPayValidationError
from Cryptodome.PublicKey import RSA

from tests.api.sandbox.simulated import Inbox, Sandbox, new_number


def verified(client: AliPay, body: bytes) -> dict[str, str]:
    """A callback's fields, if the SDK takes its signature."""
    fields = dict(parse_qsl(body.decode()))
    sign = fields.pop("sign")
    assert client.verify(dict(fields), sign)
    return fields


async def test_a_code_that_is_shown_and_scanned(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.alipay(inbox.url)
    reference = new_number()
    made = client.api_alipay_trade_precreate("两杯咖啡", reference, "10.50")
    assert made["code"] == "10000"
    assert made["qr_code"].startswith("https://qr.alipay.com/")
    unscanned = client.api_alipay_trade_query(out_trade_no=reference)
    assert (unscanned["code"], unscanned["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")
    sandbox.act(reference, "scan")
    assert client.api_alipay_trade_query(out_trade_no=reference)["trade_status"] == "WAIT_BUYER_PAY"

    sandbox.act(reference, "pay")
    told = verified(client, (await inbox.next()).body)
    assert (told["out_trade_no"], told["trade_status"], told["total_amount"]) == (reference, "TRADE_SUCCESS", "10.50")
    paid = client.api_alipay_trade_query(trade_no=told["trade_no"])
    assert (paid["trade_status"], paid["total_amount"]) == ("TRADE_SUCCESS", "10.50")


async def test_refunds(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.alipay(inbox.url)
    reference = new_number()
    client.api_alipay_trade_precreate("两杯咖啡", reference, "10.50")
    early = client.api_alipay_trade_refund("1.00", out_trade_no=reference, out_request_no="a")
    assert early["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    sandbox.act(reference, "pay")
    verified(client, (await inbox.next()).body)

    part = client.api_alipay_trade_refund("0.50", out_trade_no=reference, out_request_no="a")
    assert (part["code"], part["fund_change"], part["refund_fee"]) == ("10000", "Y", "0.50")
    assert client.api_alipay_trade_refund("0.50", out_trade_no=reference, out_request_no="a")["fund_change"] == "N"
    other = client.api_alipay_trade_refund("0.51", out_trade_no=reference, out_request_no="a")
    assert other["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    told = verified(client, (await inbox.next()).body)
    assert (told["out_biz_no"], told["refund_fee"], told["trade_status"]) == ("a", "0.50", "TRADE_SUCCESS")
    found = client.api_alipay_trade_fastpay_refund_query("a", out_trade_no=reference)
    assert (found["refund_status"], found["refund_amount"]) == ("REFUND_SUCCESS", "0.50")
    missing = client.api_alipay_trade_fastpay_refund_query("b", out_trade_no=reference)
    assert (missing["code"], "refund_status" in missing) == ("10000", False)

    too_much = client.api_alipay_trade_refund("10.01", out_trade_no=reference, out_request_no="b")
    assert too_much["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    rest = client.api_alipay_trade_refund("10.00", out_trade_no=reference, out_request_no="b")
    assert rest["refund_fee"] == "10.50"
    assert client.api_alipay_trade_query(out_trade_no=reference)["trade_status"] == "TRADE_CLOSED"


async def test_a_scanned_code(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.alipay(inbox.url)
    code = "28" + "1" * 16
    paid = client.api_alipay_trade_pay(new_number(), "bar_code", code, "咖啡", total_amount="0.01")
    assert (paid["code"], paid["total_amount"]) == ("10000", "0.01")
    verified(client, (await inbox.next()).body)
    wrong = client.api_alipay_trade_pay(new_number(), "bar_code", "13" + "1" * 16, "咖啡", total_amount="0.01")
    assert wrong["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"

    asked = new_number()
    sandbox.fault("payer_is_asked", asked)
    waiting = client.api_alipay_trade_pay(asked, "bar_code", code, "咖啡", total_amount="5")
    assert waiting["code"] == "10003"
    assert client.api_alipay_trade_query(out_trade_no=asked)["trade_status"] == "WAIT_BUYER_PAY"
    cancelled = client.api_alipay_trade_cancel(out_trade_no=asked)
    assert (cancelled["code"], cancelled["action"], cancelled["retry_flag"]) == ("10000", "close", "N")
    assert client.api_alipay_trade_query(out_trade_no=asked)["trade_status"] == "TRADE_CLOSED"

    undone = new_number()
    client.api_alipay_trade_pay(undone, "bar_code", code, "咖啡", total_amount="5")
    assert client.api_alipay_trade_cancel(out_trade_no=undone)["action"] == "refund"
    assert sandbox.order(undone)["refunded"] == 500

    refused = new_number()
    sandbox.fault("payer_refuses", refused)
    failed = client.api_alipay_trade_pay(refused, "bar_code", code, "咖啡", total_amount="5")
    assert (failed["code"], failed["sub_code"]) == ("40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH")


async def test_closing(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.alipay(inbox.url)
    reference = new_number()
    client.api_alipay_trade_precreate("咖啡", reference, "1")
    assert client.api_alipay_trade_close(out_trade_no=reference)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    sandbox.act(reference, "scan")
    assert client.api_alipay_trade_close(out_trade_no=reference)["code"] == "10000"
    assert client.api_alipay_trade_close(out_trade_no=reference)["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


async def test_a_page_in_a_browser(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.alipay(inbox.url)
    for method in (client.api_alipay_trade_page_pay, client.api_alipay_trade_wap_pay):
        reference = new_number()
        query = method("咖啡", reference, "8.88", return_url="http://127.0.0.1:1/thanks?a=b")
        with urllib.request.urlopen(f"{client._gateway}?{query}", timeout=10) as response:
            assert response.url.startswith(f"{sandbox.url}/payer/?token=")
        shown = sandbox.act(reference, "pay")
        back = dict(parse_qsl(urlsplit(shown["return_url"]).query))
        assert back.pop("a") == "b"
        assert client.verify(back, back.pop("sign"))
        assert (back["out_trade_no"], back["total_amount"]) == (reference, "8.88")


async def test_bad_requests_are_refused(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.alipay(inbox.url)
    reference = new_number()
    for amount in ("0", "-1", "0.001", "1e999", "NaN", "100000000.01", "１"):
        assert client.api_alipay_trade_precreate("x", reference, amount)["sub_code"] == "ACQ.INVALID_PARAMETER", amount
    assert client.api_alipay_trade_precreate("x", "with space", "1")["sub_code"] == "ACQ.INVALID_PARAMETER"
    client.api_alipay_trade_precreate("x", reference, "1")
    differs = client.api_alipay_trade_precreate("x", reference, "2")
    assert differs["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"
    assert sandbox.order(reference)["amount"] == 100


async def test_bad_signatures_are_refused(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.alipay(inbox.url)
    stranger = sandbox.alipay(inbox.url)
    stranger._app_private_key = RSA.generate(2048)
    # Who is not known to be the merchant gets a refusal that is not signed, which the SDK raises.
    with pytest.raises(AliPayException, match=r"40002.*isv\.invalid-signature"):
        stranger.api_alipay_trade_precreate("x", new_number(), "1")
    client._appid = "2021000000000000"
    with pytest.raises(AliPayException, match=r"40002.*isv\.invalid-app-id"):
        client.api_alipay_trade_precreate("x", new_number(), "1")


async def test_a_reply_with_a_bad_signature(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.alipay(inbox.url)
    reference = new_number()
    sandbox.fault("bad_signature", reference, operation="create", times=1)
    with pytest.raises(AliPayValidationError):
        client.api_alipay_trade_precreate("x", reference, "1")
    assert client.api_alipay_trade_precreate("x", reference, "1")["code"] == "10000"


async def test_bills(own_sandbox: Sandbox, inbox: Inbox) -> None:
    day = own_sandbox.noon().date().isoformat()
    client = own_sandbox.alipay("")
    first, second = new_number(), new_number()
    code = "28" + "1" * 16
    client.api_alipay_trade_pay(first, "bar_code", code, "两杯,咖啡", total_amount="10.50")
    client.api_alipay_trade_pay(second, "bar_code", code, "面包", total_amount="100")
    client.api_alipay_trade_refund("25", out_trade_no=second, out_request_no="r1")
    assert bill_url(client, day, "trade")["sub_code"] == "isp.bill_not_exist"
    own_sandbox.advance(34 * 3600)
    files = download(bill_url(client, day, "trade")["bill_download_url"])
    stem = f"{own_sandbox.description['alipay']['seller_id']}0156_{day.replace('-', '')}"
    assert list(files) == [f"{stem}_业务明细.csv", f"{stem}_业务明细(汇总).csv"]
    lines = files[f"{stem}_业务明细.csv"]
    assert [line[0] for line in lines[:4]] == ["#"] * 4
    assert len(lines[4].split(",")) == 25
    rows = [line.split(",") for line in lines[5:-4]]
    assert all(value.endswith("\t") for row in rows for value in row)
    assert [(row[1].strip(), row[2].strip(), row[12].strip(), row[21].strip(), row[22].strip()) for row in rows] == [
        (first, "交易", "10.50", "", "-0.06"),
        (second, "交易", "100.00", "", "-0.60"),
        (second, "退款", "-25.00", "r1", "0.15"),
    ]
    assert "业务明细列表结束" in lines[-4]
    assert lines[-3] == "#交易合计：2笔，商家实收共110.50元，商家优惠共0.00元"
    assert lines[-2] == "#退款合计：1笔，商家实收退款共-25.00元，商家优惠退款共0.00元"
    account = download(bill_url(client, day, "signcustomer")["bill_download_url"])
    assert account[f"{stem}_账务明细.csv"][-3].split(",")[8].strip() == "84.99"
    with pytest.raises(urllib.error.HTTPError) as refused:
        download(f"{own_sandbox.url}/alipay/bill/download?ticket=AAAA")
    assert refused.value.code == 403
    refused.value.close()


def bill_url(client: AliPay, day: str, kind: str) -> Any:
    content = {"bill_type": kind, "bill_date": day}
    return client.server_api("alipay.data.dataservice.bill.downloadurl.query", content)


def download(url: str) -> dict[str, list[str]]:
    with urllib.request.urlopen(url, timeout=10) as response:
        archive = zipfile.ZipFile(io.BytesIO(response.read()))
    assert all(entry.flag_bits & 0x800 == 0 for entry in archive.infolist())
    return {
        entry.filename.encode("cp437").decode("gbk"): archive.read(entry).decode("gbk").splitlines()
        for entry in archive.infolist()
    }


async def test_slashes_are_escaped_in_what_is_signed(sandbox: Sandbox, inbox: Inbox) -> None:
    """A client that writes the inner object anew before it verifies fails here, as it does with the real one."""
    client = sandbox.alipay(inbox.url)
    body = client.build_body(
        "alipay.trade.precreate", {"subject": "x", "out_trade_no": new_number(), "total_amount": 1}
    )
    with urllib.request.urlopen(f"{client._gateway}?{client.sign_data(body)}", timeout=10) as response:
        text = response.read().decode()
    assert "https:\\/\\/qr.alipay.com" in text
    assert json.loads(text)["alipay_trade_precreate_response"]["qr_code"].startswith("https://")
