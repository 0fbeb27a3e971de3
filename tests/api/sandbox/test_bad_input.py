"""Whatever is sent, correctly signed or not, is refused with a 4xx or the protocol's own no, and changes nothing."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from wechatpayv3.utils import build_authorization

from tests.api.sandbox.simulated import Inbox, Sandbox, new_number
from tests.api.sandbox.test_alipay_rest import Merchant as RestMerchant

BODIES = (
    *("", "null", "[]", "{}", '"x"', "{", "\x00", "NaN", "[" * 100_000, '{"a":' * 50_000),
    *('{"out_trade_no": "\\ud800"}', '{"amount": 1e309}', '{"mchid": 1}', '{"out_trade_no": null}'),
)
PATHS = (
    *("/v3/pay/transactions/native", "/v3/pay/transactions/out-trade-no/x%00y/close", "/v3/refund/domestic/refunds"),
    *("/v3/alipay/trade/precreate", "/v3/alipay/trade/refund", "/gateway.do", "/pay/micropay", "/secapi/pay/reverse"),
    *("/gateway/api/backTransReq.do", "/gateway/api/frontTransReq.do", "/file/", "/control/faults"),
)


@pytest.fixture(autouse=True)
def nothing_changes(sandbox: Sandbox) -> Iterator[None]:
    before = sandbox.control("GET", "/orders?limit=1")["orders"], sandbox.control("GET", "/faults")
    yield
    assert (sandbox.control("GET", "/orders?limit=1")["orders"], sandbox.control("GET", "/faults")) == before


def status(url: str, body: bytes | None, headers: dict[str, str] | None = None, method: str = "POST") -> int:
    request = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize("path", PATHS)
def test_unsigned(sandbox: Sandbox, path: str) -> None:
    kinds = ("application/json", "application/x-www-form-urlencoded", "text/xml")
    for body in (*(each.encode() for each in BODIES), b"\xff\xfe", b"a=b&a=c", b"%ff=%ff", b"x" * (1 << 20)):
        for kind in kinds:
            assert status(sandbox.url + path, body, {"content-type": kind}) < 500
    for header in (
        "",
        "x",
        "WECHATPAY2-SHA256-RSA2048 ",
        'WECHATPAY2-SHA256-RSA2048 mchid="é"',
        "ALIPAY-SHA256withRSA é",
    ):
        encoded = {"authorization": header.encode("latin-1").decode("latin-1")}
        assert 400 <= status(sandbox.url + "/v3/pay/transactions/native", b"{}", encoded) < 500
        assert 400 <= status(sandbox.url + "/v3/alipay/trade/pay", b"{}", encoded) < 500


def test_signed_wechat(sandbox: Sandbox, inbox: Inbox) -> None:
    core = sandbox.wechat(inbox.url)._core
    for path in (
        "/v3/pay/transactions/native",
        "/v3/refund/domestic/refunds",
        "/v3/pay/transactions/out-trade-no/x/close",
    ):
        for body in BODIES:
            signed = build_authorization(path, "POST", core._mchid, core._cert_serial_no, core._private_key, data=body)
            assert 400 <= status(sandbox.url + path, body.encode(), {"authorization": signed}) < 500, body[:40]
    for path in (
        "/v3/bill/tradebill?bill_date=9999-12-31",
        "/v3/bill/tradebill?bill_date=0001-01-01&bill_type=X",
        "/v3/bill/fundflowbill",
        "/v3/billdownload/file?token=%00%ff",
        "/v3/pay/transactions/id/%27%20OR%201=1?mchid=" + core._mchid,
        "/v3/pay/transactions/out-trade-no/%F0%9F%98%80",
    ):
        signed = build_authorization(path, "GET", core._mchid, core._cert_serial_no, core._private_key)
        assert 400 <= status(sandbox.url + path, None, {"authorization": signed}, "GET") < 500, path


def test_signed_alipay(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.alipay(inbox.url)
    rest = RestMerchant(sandbox)
    contents: tuple[Any, ...] = (
        *({}, [], "x", 1, None, {"out_trade_no": 1}, {"out_trade_no": new_number()}),
        {"out_trade_no": new_number(), "total_amount": {"a": 1}, "subject": "x"},
        {"out_trade_no": new_number(), "total_amount": "1", "subject": "x", "timeout_express": "0m"},
        {"out_trade_no": new_number(), "total_amount": "1", "subject": "x", "time_expire": "0001-01-01 00:00:00"},
        {"bill_type": "trade", "bill_date": "9999-12"},
    )
    for name in (
        "trade.precreate",
        "trade.pay",
        "trade.query",
        "trade.refund",
        "trade.cancel",
        "data.dataservice.bill.downloadurl.query",
    ):
        for content in contents:
            body = client.build_body(f"alipay.{name}", {"x": 1})
            body["biz_content"] = json.dumps(content)
            with urllib.request.urlopen(f"{client._gateway}?{client.sign_data(body)}", timeout=10) as response:
                reply = json.loads(response.read())
            assert reply[f"alipay_{name.replace('.', '_')}_response"]["code"] in {"40002", "40004"}, content
            if name.startswith("trade"):
                assert rest.ask("POST", f"/v3/alipay/{name.replace('.', '/')}", content)[0] == 400, content


def test_control(sandbox: Sandbox) -> None:
    for path in ("/orders/99999999999999999999999", "/orders/0", "/orders/x", "/nothing", "/orders?limit=-1"):
        assert 400 <= status(f"{sandbox.url}/control{path}", None, method="GET") < 500
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert status(f"{sandbox.url}/control/faults", b'{"kind": "latency"}', form) == 400
    assert status(f"{sandbox.url}/control/orders/1/pay", b"{}", form) == 400
