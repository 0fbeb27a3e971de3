"""The simulated gateway of Alipay, call by call: what it takes and refuses, in which words, in which alphabet."""

import base64
import json
import re
import urllib.request
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, quote_from_bytes

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.api.sandbox.simulated import Inbox, Sandbox, new_number
from tests.api.sandbox.test_alipay_rest import Merchant as RestMerchant

PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36"
)
DESKTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"


class Gateway:
    """A merchant who signs for himself, and checks what comes back over its bytes."""

    def __init__(self, sandbox: Sandbox, notify_url: str = "") -> None:
        key = serialization.load_pem_private_key(sandbox.text("alipay.app_key_file").encode(), None)
        platform = serialization.load_pem_public_key(sandbox.text("alipay.platform_public_key_file").encode())
        assert isinstance(key, rsa.RSAPrivateKey)
        assert isinstance(platform, rsa.RSAPublicKey)
        self.key, self.platform, self.own = key, platform, sandbox.description["alipay"]
        self.notify_url = notify_url

    def fields(self, called: str, content: dict[str, Any], codec: str = "utf-8", **changes: str | None) -> bytes:
        """A signed call as a form. ``changes`` are made before signing; None takes a parameter away."""
        parameters: dict[str, str | None] = {
            "app_id": self.own["app_id"],
            "method": called,
            "format": "JSON",
            "charset": codec,
            "sign_type": "RSA2",
            "timestamp": "2026-12-01 12:00:00",
            "version": "1.0",
            "notify_url": self.notify_url or None,
            "biz_content": json.dumps(content, ensure_ascii=False),
            **changes,
        }
        sent = {name: value.encode(codec) for name, value in parameters.items() if value is not None}
        text = b"&".join(name.encode() + b"=" + sent[name] for name in sorted(sent) if sent[name])
        if "sign" not in parameters:
            sent["sign"] = base64.b64encode(self.key.sign(text, padding.PKCS1v15(), hashes.SHA256()))
        return b"&".join(f"{name}={quote_from_bytes(value)}".encode() for name, value in sent.items())

    def send(self, form: bytes, query: str = "", agent: str = "test") -> Any:
        """The reply's object under its name; whether it is signed is the key ``signed``."""
        request = urllib.request.Request(f"{self.own['gateway']}?{query}", form, {"user-agent": agent})
        with urllib.request.urlopen(request, timeout=10) as response:
            codec, body = response.headers.get_content_charset(), response.read()
        if response.headers.get_content_type() != "text/html" or not body.startswith(b'{"'):
            return {"url": response.url}
        matched = re.fullmatch(rb'\{"(\w+)":(\{.*\})(?:,"sign":"([0-9A-Za-z+/=]+)")?\}', body, re.DOTALL)
        assert matched, body
        if matched[3]:
            self.platform.verify(base64.b64decode(matched[3]), matched[2], padding.PKCS1v15(), hashes.SHA256())
        return {"name": matched[1].decode(), "signed": bool(matched[3]), **json.loads(matched[2].decode(codec))}

    def call(self, called: str, content: dict[str, Any], codec: str = "utf-8", **changes: str | None) -> Any:
        return self.send(self.fields(called, content, codec, **changes))


def trade(**changes: Any) -> dict[str, Any]:
    return {"out_trade_no": new_number(), "total_amount": "10.50", "subject": "两杯咖啡", **changes}


PRECREATE = "alipay.trade.precreate"


async def test_f9_a_merchant_whose_alphabet_is_gbk(sandbox: Sandbox, inbox: Inbox) -> None:
    """A client that signs and sends GBK was told that its signature is invalid; it is answered and told in GBK."""
    gateway, wanted = Gateway(sandbox, inbox.url), trade(subject="会员充值")
    made = gateway.call(PRECREATE, wanted, "gbk")
    assert (made["code"], made["signed"]) == ("10000", True)
    refused = gateway.call("alipay.trade.close", {"out_trade_no": wanted["out_trade_no"]}, "gbk")
    assert (refused["sub_code"], refused["sub_msg"]) == ("ACQ.TRADE_NOT_EXIST", "交易不存在")
    sandbox.act(wanted["out_trade_no"], "pay")
    body = (await inbox.next()).body
    assert b"subject=%BB%E1%D4%B1%B3%E4%D6%B5" in body
    told = dict(parse_qsl(body.decode(), encoding="gbk"))
    sign = base64.b64decode(told.pop("sign"))
    told.pop("sign_type")
    text = "&".join(f"{name}={told[name]}" for name in sorted(told)).encode("gbk")
    gateway.platform.verify(sign, text, padding.PKCS1v15(), hashes.SHA256())
    assert (told["charset"], told["subject"], told["total_amount"]) == ("gbk", "会员充值", "10.50")


def test_k1_a_parameter_that_comes_twice_with_one_value_is_one(sandbox: Sandbox) -> None:
    """A well-known client repeats ``charset`` in the address: 参数重复, on every call."""
    gateway = Gateway(sandbox)
    made = gateway.send(gateway.fields(PRECREATE, trade()), "charset=utf-8&method=" + PRECREATE)
    assert made["code"] == "10000"
    differs = gateway.send(gateway.fields(PRECREATE, trade()), "method=alipay.trade.pay")
    assert (differs["code"], differs["sub_code"]) == ("40002", "isv.invalid-parameter")


def test_k2_a_refusal_stands_under_the_method_s_name(sandbox: Sandbox) -> None:
    """The method was read from the address only: a body refused while it was read came back as ``error_response``."""
    gateway = Gateway(sandbox)
    for content in (trade(total_amount="1.001"), {"out_trade_no": 1}, {}):
        refused = gateway.call(PRECREATE, content)
        assert (refused["name"], refused["code"], refused["signed"]) == (
            "alipay_trade_precreate_response", "40004", True,
        )  # fmt: skip
    for page in ("alipay.trade.page.pay", "alipay.trade.wap.pay"):
        refused = gateway.call(page, trade())
        assert (refused["name"], refused["signed"]) == (f"{page.replace('.', '_')}_response", True)


def test_k3_methods_and_paths_nobody_knows_are_refused_in_the_channel_s_form(sandbox: Sandbox) -> None:
    unknown = Gateway(sandbox).call("alipay.trade.nothing", trade())
    assert (unknown["name"], unknown["code"], unknown["sub_code"]) == (
        "alipay_trade_nothing_response", "40002", "isv.invalid-method",
    )  # fmt: skip
    rest = RestMerchant(sandbox)
    for method, uri in (
        ("POST", "/v3/alipay/trade/nothing"),
        ("GET", "/v3/alipay/trade/precreate"),
        ("DELETE", "/v3/alipay/trade/query"),
        ("GET", "/v3/alipay/"),
    ):
        status, said = rest.ask(method, uri)
        assert (status, said["code"]) == (404, "invalid-method"), uri


@pytest.mark.parametrize(
    ("changes", "code", "sub_code"),
    [
        ({"app_id": None}, "40001", "isv.missing-app-id"),
        ({"method": None}, "40001", "isv.missing-method"),
        ({"sign_type": None}, "40001", "isv.missing-signature-type"),
        ({"sign": None}, "40001", "isv.missing-signature"),
        ({"sign": ""}, "40001", "isv.missing-signature"),
        ({"timestamp": None}, "40001", "isv.missing-timestamp"),
        ({"version": None}, "40001", "isv.missing-version"),
        ({"app_id": "2021000000000000"}, "40002", "isv.invalid-app-id"),
        ({"sign_type": "RSA"}, "40002", "isv.invalid-signature-type"),
        ({"sign": "AAAA"}, "40002", "isv.invalid-signature"),
        ({"timestamp": "2026-12-1 12:00:00"}, "40002", "isv.invalid-timestamp"),
        ({"timestamp": "1796097600"}, "40002", "isv.invalid-timestamp"),
        ({"version": "2.0"}, "40002", "isv.invalid-parameter"),
        ({"format": "XML"}, "40002", "isv.invalid-format"),
        ({"charset": "latin-1"}, "40002", "isv.invalid-charset"),
        ({"charset": None}, "40002", "isv.invalid-charset"),
        ({"notify_url": "ftp://shop.example/told"}, "40002", "isv.invalid-parameter"),
        ({"notify_url": "https://"}, "40002", "isv.invalid-parameter"),
        ({"notify_url": "https://shop.example/a b"}, "40002", "isv.invalid-parameter"),
        ({"return_url": "https://shop.example/" + "x" * 256}, "40002", "isv.invalid-parameter"),
    ],
)
def test_k7_a_parameter_of_every_method(sandbox: Sandbox, changes: dict[str, Any], code: str, sub_code: str) -> None:
    """What is missing is 40001; it was 40002. Who cannot be known gets a refusal that nobody signed."""
    refused = Gateway(sandbox).call(PRECREATE, trade(), **changes)
    assert (refused["code"], refused["sub_code"], refused["signed"]) == (code, sub_code, False)


def shanghai(ahead: timedelta) -> str:
    return f"{datetime.now(UTC).astimezone(timezone(timedelta(hours=8))) + ahead:%Y-%m-%d %H:%M:%S}"


REFUSED: dict[str, list[Any]] = {
    "out_trade_no": ["", "x" * 65, "a b", "a-b", "订单", "a\n", 1, None],
    "total_amount": ["", "0", "0.00", "-1", "1.001", "1e2", "100000000.01", "1,0", "１", "0x1", " 1", None, True, {}],
    "subject": ["", "x" * 257, "A&B", "A=B", "A/B", "茶🍵", "a\tb", 1, None],
    "body": ["x" * 129, 1],
    "product_code": ["x" * 65, "FAST_INSTANT_TRADE_PAY", 1],
    "seller_id": ["2088", "1" * 16, 1],
    "timeout_express": ["16d", "361h", "21601m", "0m", "1.5h", "1", "m", "1w", "2c", "01m", 90],
    "time_expire": ["2026-12-1 09:42:54", "20261201T094254", "2026-W49-2 09:42:54", "2026-13-01 00:00:00",
                    "0001-01-01 00:00:00", "9999-01-01 00:00:00", "2026-12-01T09:42:54+08:00", 1],
    "discountable_amount": ["10.51", "x"],
    "passback_params": ["x" * 513],
    "store_id": ["x" * 33],
    "terminal_id": ["x" * 33],
    "operator_id": ["x" * 29],
    "goods_detail": ["x", [1]],
    "goods_type": ["01", "x"],
    "extend_params": ["x", []],
    "notify_url": ["ftp://shop.example/told"],
}  # fmt: skip


@pytest.mark.parametrize("field", REFUSED)
def test_k6_fields_of_an_order_that_are_not_as_documented(sandbox: Sandbox, field: str) -> None:
    """The simulator took ``timeout_express`` 16d, ``notify_url`` ftp://…, any title: kinder than the channel."""
    gateway = Gateway(sandbox)
    for value in REFUSED[field]:
        content = {name: each for name, each in trade(**{field: value}).items() if each is not None}
        refused = gateway.call(PRECREATE, content)
        assert (refused["code"], refused["sub_code"]) == ("40004", "ACQ.INVALID_PARAMETER"), (field, value)


def test_k6_fields_of_an_order_as_documented(sandbox: Sandbox) -> None:
    gateway = Gateway(sandbox)
    for changes in (
        {"subject": "汉" * 256, "body": "x" * 128, "passback_params": "x" * 512},
        {"timeout_express": "15d"},
        {"timeout_express": "90m", "store_id": "x" * 32, "operator_id": "x" * 28},
        {"time_expire": shanghai(timedelta(minutes=15))},
        {"total_amount": "100000000.00"},
        {"total_amount": 0.01},
        {"goods_detail": [{"goods_id": "1"}], "extend_params": {"sys_service_provider_id": "2088"}},
        {"discountable_amount": "10.00", "undiscountable_amount": "0.50", "product_code": "QR_CODE_OFFLINE"},
        {"a_field_of_next_year": {"x": 1}},
        {"discountable_amount": "", "operator_id": "", "terminal_id": "", "product_code": ""},
    ):
        assert gateway.call(PRECREATE, trade(**changes))["code"] == "10000", changes


@pytest.mark.parametrize(
    ("method", "content"),
    [
        ("alipay.trade.page.pay", {}),
        ("alipay.trade.page.pay", {"product_code": "QUICK_WAP_WAY"}),
        ("alipay.trade.wap.pay", {}),
        ("alipay.trade.wap.pay", {"product_code": "FAST_INSTANT_TRADE_PAY"}),
        ("alipay.trade.wap.pay", {"product_code": "QUICK_WAP_WAY", "quit_url": "shop.example"}),
        ("alipay.trade.app.pay", {"product_code": "QUICK_WAP_WAY"}),
        ("alipay.trade.pay", {}),
        ("alipay.trade.pay", {"auth_code": "28" + "1" * 16, "scene": "wave"}),
        ("alipay.trade.pay", {"auth_code": "28" + "1" * 16, "product_code": "QR_CODE_OFFLINE"}),
        ("alipay.trade.query", {"out_trade_no": None}),
        ("alipay.trade.query", {"out_trade_no": "x" * 65}),
        ("alipay.trade.query", {"trade_no": "x"}),
        ("alipay.trade.query", {"query_options": "trade_settle_info"}),
        ("alipay.trade.close", {"operator_id": "x" * 29}),
        ("alipay.trade.cancel", {"out_trade_no": 1}),
        ("alipay.trade.refund", {"refund_amount": None}),
        ("alipay.trade.refund", {"refund_amount": "0"}),
        ("alipay.trade.refund", {"refund_amount": "0.001"}),
        ("alipay.trade.refund", {"refund_amount": "1", "out_request_no": ""}),
        ("alipay.trade.refund", {"refund_amount": "1", "out_request_no": "x" * 65}),
        ("alipay.trade.refund", {"refund_amount": "1", "refund_reason": "x" * 257}),
        ("alipay.trade.refund", {"refund_amount": "1", "refund_currency": "USD"}),
        ("alipay.trade.fastpay.refund.query", {}),
        ("alipay.trade.fastpay.refund.query", {"out_request_no": ""}),
    ],
)
def test_k6_fields_of_the_other_calls(sandbox: Sandbox, method: str, content: dict[str, Any]) -> None:
    sent = {name: each for name, each in trade(**content).items() if each is not None}
    refused = Gateway(sandbox).call(method, sent)
    assert (refused["code"], refused["sub_code"]) == ("40004", "ACQ.INVALID_PARAMETER")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"bill_type": "trade"},
        {"bill_type": "fund", "bill_date": "2026-11-01"},
        {"bill_type": "trade", "bill_date": "2026-11-1"},
        {"bill_type": "trade", "bill_date": "20261101"},
        {"bill_type": "trade", "bill_date": "2026-02-30"},
        {"bill_type": "trade", "bill_date": "2026-11-01 "},
    ],
)
def test_k6_fields_of_a_question_for_a_bill(sandbox: Sandbox, query: dict[str, str]) -> None:
    refused = Gateway(sandbox).call("alipay.data.dataservice.bill.downloadurl.query", query)
    assert refused["sub_code"] in {"isp.invalid_arguments", "ACQ.INVALID_PARAMETER"}


def test_s7_one_name_twice_in_the_business_content_is_refused(sandbox: Sandbox) -> None:
    gateway = Gateway(sandbox)
    twice = json.dumps(trade()).replace("}", ', "total_amount": "0.01"}')
    refused = gateway.call(PRECREATE, {}, biz_content=twice)
    assert (refused["code"], refused["sub_code"]) == ("40004", "ACQ.INVALID_PARAMETER")


def test_u5_a_phone_s_browser_does_not_get_the_desktop_s_product(sandbox: Sandbox) -> None:
    gateway = Gateway(sandbox)
    desktop, phone = {"product_code": "FAST_INSTANT_TRADE_PAY"}, {"product_code": "QUICK_WAP_WAY"}
    refused = gateway.send(gateway.fields("alipay.trade.page.pay", trade(**desktop)), agent=PHONE)
    assert refused["sub_code"] == "ACQ.INVALID_PARAMETER"
    for method, product, agent in (
        ("alipay.trade.page.pay", desktop, DESKTOP),
        ("alipay.trade.wap.pay", phone, PHONE),
    ):
        opened = gateway.send(gateway.fields(method, trade(**product)), agent=agent)
        assert opened["url"].startswith(f"{sandbox.url}/payer/?token=")
