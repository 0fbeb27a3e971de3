"""Each documented field of the simulated WeChat Pay, wrong in each way: what is taken here is a bug at the channel."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pycore.channels.rsa_key import PrivateKey, PublicKey
from pycore.channels.wechat.signature import lines, verify
from tests.api.sandbox.simulated import Sandbox, new_number
from tests.api.sandbox.test_micropay import CODE, Merchant

NOTIFY_URL = "https://shop.example.com/notify"


class V3:
    """A merchant who writes out each header and field; nothing is filled in."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.own = sandbox.description["wechat"]
        self.key = PrivateKey.from_pem(sandbox.text("wechat.merchant_key_file").encode())
        self.channel = PublicKey.from_pem(sandbox.text("wechat.platform_public_key_file").encode())

    def call(
        self,
        method: str,
        uri: str,
        content: Any = None,
        *,
        is_signed: bool = True,
        headers: dict[str, str | None] | None = None,
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """A reply's status, content and headers; its signature is verified where it has one."""
        body = b"" if content is None else content if isinstance(content, bytes) else json.dumps(content).encode()
        nonce, at = secrets.token_hex(16), str(int(time.time()))
        signature = self.key.sign(lines(method, uri, at, nonce, body.decode()).encode())
        shown = signature if is_signed else "AAAA"
        sent: dict[str, str | None] = {
            "Authorization": f'WECHATPAY2-SHA256-RSA2048 mchid="{self.own["mchid"]}",nonce_str="{nonce}",'
            f'signature="{shown}",timestamp="{at}",serial_no="{self.own["merchant_serial"]}"',
            "Accept": "application/json",
            "User-Agent": "test",
            "Wechatpay-Serial": self.own["public_key_id"],
        }
        if content is not None:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        kept = {name: value for name, value in sent.items() if value is not None}
        request = urllib.request.Request(self.sandbox.url + uri, body or None, kept, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                status, raw, told = reply.status, reply.read(), reply.headers
        except urllib.error.HTTPError as error:
            with error:
                status, raw, told = error.code, error.read(), error.headers
        if "Wechatpay-Signature" in told:
            given = {name.lower(): value for name, value in told.items()}
            keys = {self.own[name]: self.channel for name in ("public_key_id", "platform_serial")}
            verify(given, raw, keys, datetime.now(UTC))
        return status, json.loads(raw) if raw else {}, dict(told.items())

    def order(self, kind: str = "native", **changes: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        fields: dict[str, Any] = {
            "appid": self.own["appid"],
            "mchid": self.own["mchid"],
            "description": "咖啡",
            "out_trade_no": new_number(),
            "notify_url": NOTIFY_URL,
            "amount": {"total": 100, "currency": "CNY"},
        }
        if kind == "h5":
            fields["scene_info"] = {"payer_client_ip": "203.0.113.9", "h5_info": {"type": "Wap"}}
        if kind == "codepay":
            del fields["notify_url"]
            fields["payer"] = {"auth_code": CODE}
            fields["scene_info"] = {"store_info": {"out_id": "0001"}}
        fields |= changes
        return self.call(
            "POST",
            f"/v3/pay/transactions/{kind}",
            {name: value for name, value in fields.items() if value is not None},
        )


@pytest.fixture
def v3(sandbox: Sandbox) -> V3:
    return V3(sandbox)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Accept": None}, "Http头缺少Accept或User-Agent"),
        ({"Accept": "text/plain"}, "Http头缺少Accept或User-Agent"),
        ({"User-Agent": ""}, "Http头缺少Accept或User-Agent"),
        ({"Content-Type": "text/plain"}, "Http头Content-Type应为application/json"),
    ],
)
def test_k6_headers(v3: V3, headers: dict[str, str | None], message: str) -> None:
    content = {"mchid": v3.own["mchid"]}
    status, said, told = v3.call(
        "POST", f"/v3/pay/transactions/out-trade-no/{new_number()}/close", content, headers=headers
    )
    assert (status, said["code"], said["message"]) == (400, "INVALID_REQUEST", message)
    assert "Wechatpay-Signature" not in told, "nobody knows yet whom to sign for"


def test_k6_a_key_the_channel_does_not_have(v3: V3) -> None:
    uri = f"/v3/refund/domestic/refunds/{new_number()}"
    status, said, _ = v3.call("GET", uri, headers={"Wechatpay-Serial": "PUB_KEY_ID_0000000000"})
    assert (status, said["code"], said["detail"]["field"]) == (400, "PARAM_ERROR", "Wechatpay-Serial")


def test_f11_header_names_are_spelled_as_the_channel_spells_them(v3: V3) -> None:
    """The official Java client looks for ``Request-ID`` and ``Wechatpay-Signature`` letter by letter."""
    status, _, told = v3.order()
    names = {"Content-Type", "Request-ID", "Wechatpay-Serial", "Wechatpay-Nonce", "Wechatpay-Signature"}
    assert status == 200
    assert names | {"Wechatpay-Timestamp", "Wechatpay-Signature-Type"} <= told.keys()
    missing = v3.call("GET", f"/v3/pay/transactions/out-trade-no/{new_number()}?mchid={v3.own['mchid']}")
    assert missing[0] == 404
    assert names <= missing[2].keys()


def test_f13_a_wrong_signature_is_refused_without_one(v3: V3) -> None:
    status, said, told = v3.call("GET", f"/v3/refund/domestic/refunds/{new_number()}", is_signed=False)
    assert (status, said["code"]) == (401, "SIGN_ERROR")
    assert "Wechatpay-Signature" not in told
    assert "Request-ID" in told


def test_k3_unknown_paths_are_answered_in_the_channel_s_form(v3: V3, sandbox: Sandbox) -> None:
    """A plain ``Not Found`` broke every client that met one."""
    for method, uri in (("GET", "/v3/merchant/fund/balance/BASIC"), ("DELETE", "/v3/pay/transactions/native")):
        status, said, told = v3.call(method, uri)
        assert (status, said["code"]) == (404, "RESOURCE_NOT_EXISTS")
        assert "Wechatpay-Signature" in told
    assert v3.call("GET", "/v3/no/such", is_signed=False)[0] == 401
    for path in ("/pay/nosuchcall", "/secapi/pay/profitsharing"):
        assert Merchant(sandbox).send(path, b"<xml></xml>")["return_code"] == "FAIL"


ORDER_FIELDS: list[tuple[str, dict[str, Any], str]] = [
    *(
        ("native", {field: value}, field)
        for field, values in {
            "appid": (None, "", 1, "x" * 33),
            "mchid": (None, "", 1),
            "description": (None, "", 1, "茶" * 128),
            "out_trade_no": (None, "", "short", "x" * 33, "汉字汉字汉字", "with space"),
            "notify_url": (
                None,
                "",
                "http://shop.example.com/n",
                "https://localhost/n",
                "http://localhost/n",
                "https://shop.example.com",
                "https://shop.example.com/a b",
                "https://shop.example.com/n?a=1",
                "https://shop.example.com/n#a",
                "https://user@shop.example.com/n",
                "https://shop/n",
                "ftp://shop.example.com/n",
                f"https://shop.example.com/{'n' * 256}",
            ),
            "time_expire": (
                "20261201T094254+0800",
                "2026-W49-2T09:42:54+08:00",
                "2026-12-01 09:42:54+08:00",
                "2099-12-01T09:42:54",
                "2099-12-01T09:42:54.5+08:00",
                "2099-13-01T09:42:54+08:00",
                "2020-12-01T09:42:54+08:00",
                "1796097600",
            ),
            "attach": ("", "x" * 129, 1),
            "goods_tag": ("x" * 33,),
            "support_fapiao": ("true",),
            "amount": (None, 1),
        }.items()
        for value in values
    ),
    ("native", {"detail": {"cost_price": -1}}, "detail.cost_price"),
    ("native", {"detail": {"goods_detail": [{"merchant_goods_id": "1"}]}}, "detail.goods_detail[0].quantity"),
    ("native", {"settle_info": {"profit_sharing": "no"}}, "settle_info.profit_sharing"),
    ("native", {"amount": {}}, "amount.total"),
    ("native", {"amount": {"total": 0}}, "amount.total"),
    ("native", {"amount": {"total": "1"}}, "amount.total"),
    ("native", {"amount": {"total": 1, "currency": "USD"}}, "amount.currency"),
    ("native", {"scene_info": {"payer_client_ip": "localhost"}}, "scene_info.payer_client_ip"),
    ("native", {"scene_info": {"payer_client_ip": "203.0.113.9", "store_info": {}}}, "scene_info.store_info.id"),
    ("jsapi", {"payer": None}, "payer"),
    ("jsapi", {"payer": {}}, "payer.openid"),
    ("jsapi", {"payer": {"openid": "x" * 129}}, "payer.openid"),
    ("h5", {"scene_info": None}, "scene_info"),
    ("h5", {"scene_info": {}}, "scene_info.payer_client_ip"),
    ("h5", {"scene_info": {"payer_client_ip": "203.0.113.9"}}, "scene_info.h5_info"),
    ("h5", {"scene_info": {"payer_client_ip": "203.0.113.9", "h5_info": {}}}, "scene_info.h5_info.type"),
    ("h5", {"scene_info": {"payer_client_ip": "203.0.113.9", "h5_info": {"type": "x"}}}, "scene_info.h5_info.type"),
    ("codepay", {"payer": None}, "payer"),
    ("codepay", {"scene_info": None}, "scene_info"),
    ("codepay", {"scene_info": {}}, "scene_info.store_info"),
    ("codepay", {"scene_info": {"store_info": {}}}, "scene_info.store_info"),
    ("codepay", {"scene_info": {"store_info": {"id": "1"}, "device_ip": "::x"}}, "scene_info.device_ip"),
]


@pytest.mark.parametrize(("kind", "changes", "field"), ORDER_FIELDS, ids=range(len(ORDER_FIELDS)))
def test_k6_orders(v3: V3, kind: str, changes: dict[str, Any], field: str) -> None:
    status, said, _ = v3.order(kind, **changes)
    assert (status, said["code"]) == (400, "PARAM_ERROR")
    assert said["detail"]["field"] == field


def test_k6_the_right_orders_pass(v3: V3) -> None:
    for changes in (
        {"notify_url": "http://127.0.0.1:9/n"},
        {"time_expire": "2099-12-01T09:42:54+08:00"},
        {"time_expire": "2099-12-01T01:42:54Z"},
        {"description": "茶" * 127},
        {"detail": {"goods_detail": [{"merchant_goods_id": "1", "quantity": 1, "unit_price": 100}]}},
    ):
        assert v3.order(**changes)[0] == 200


REFUND_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"funds_account": "JUNK"}, "funds_account"),
    ({"amount": {"refund": 10, "total": 100, "currency": "USD"}}, "amount.currency"),
    ({"amount": {"refund": 10, "total": 100}}, "amount.currency"),
    ({"amount": {"refund": 0, "total": 100, "currency": "CNY"}}, "amount.refund"),
    ({"reason": "x" * 81}, "reason"),
    ({"notify_url": "http://shop.example.com/n"}, "notify_url"),
    ({"out_refund_no": "x" * 65}, "out_refund_no"),
    ({"out_trade_no": None}, "out_trade_no"),
    (
        {"amount": {"refund": 10, "total": 100, "currency": "CNY", "from": [{"account": "AVAILABLE", "amount": 9}]}},
        "amount.from",
    ),
    (
        {"amount": {"refund": 10, "total": 100, "currency": "CNY", "from": [{"account": "MINE", "amount": 10}]}},
        "amount.from[0].account",
    ),
    ({"goods_detail": [{"merchant_goods_id": "1"}]}, "goods_detail[0].unit_price"),
]


def test_k6_refunds(v3: V3, sandbox: Sandbox) -> None:
    reference = new_number()
    assert v3.order(out_trade_no=reference)[0] == 200
    sandbox.act(reference, "pay")
    good: dict[str, Any] = {"out_trade_no": reference, "amount": {"refund": 10, "total": 100, "currency": "CNY"}}
    for changes, field in REFUND_FIELDS:
        fields = {**good, "out_refund_no": new_number(), **changes}
        wanted = {name: value for name, value in fields.items() if value is not None}
        status, said, _ = v3.call("POST", "/v3/refund/domestic/refunds", wanted)
        assert (status, said["code"], said["detail"]["field"]) == (400, "PARAM_ERROR", field)
    assert sandbox.order(reference)["refunded"] == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("bill_date=2026-11-1", "bill_date"),
        ("bill_date=20261101", "bill_date"),
        ("bill_date=2026-02-30", "bill_date"),
        ("bill_date=", "bill_date"),
        ("bill_type=ALL", "bill_date"),
        ("bill_date=2026-11-01&bill_type=SOME", "bill_type"),
        ("bill_date=2026-11-01&tar_type=ZIP", "tar_type"),
    ],
)
def test_k6_bills(v3: V3, query: str, field: str) -> None:
    status, said, _ = v3.call("GET", f"/v3/bill/tradebill?{query}")
    assert (status, said["code"], said["detail"]["field"]) == (400, "PARAM_ERROR", field)


def test_k4_an_order_does_not_close_by_itself(v3: V3, sandbox: Sandbox) -> None:
    """With ``time_expire`` 3 s ahead a query soon said CLOSED: the channel leaves it unpaid, and moves the time."""
    soon, left = new_number(), new_number()
    # By the merchant's own clock, whatever other tests made of the simulator's.
    ahead = (datetime.now(UTC) + timedelta(seconds=3)).isoformat(timespec="seconds")
    for reference in (soon, left):
        assert v3.order(out_trade_no=reference, time_expire=ahead)[0] == 200
    sandbox.advance(30)
    assert sandbox.act(soon, "pay")["state"] == "paid"
    sandbox.advance(60)
    found = v3.call("GET", f"/v3/pay/transactions/out-trade-no/{left}?mchid={v3.own['mchid']}")[1]
    assert found["trade_state"] == "NOTPAY"
    assert sandbox.refused("POST", f"/orders/{sandbox.order(left)['id']}/pay", {}) == 409
    closed = v3.call("POST", f"/v3/pay/transactions/out-trade-no/{left}/close", {"mchid": v3.own["mchid"]})
    assert closed[0] == 204
    found = v3.call("GET", f"/v3/pay/transactions/out-trade-no/{left}?mchid={v3.own['mchid']}")[1]
    assert found["trade_state"] == "CLOSED"


def test_k3_codes_over_v3(v3: V3, sandbox: Sandbox) -> None:
    paid, asked, refused = (new_number() for _ in range(3))
    status, said, _ = v3.order("codepay", out_trade_no=paid)
    assert (status, said["trade_state"], said["trade_type"]) == (200, "SUCCESS", "MICROPAY")
    sandbox.fault("payer_is_asked", asked)
    assert v3.order("codepay", out_trade_no=asked)[1]["code"] == "USERPAYING"
    sandbox.fault("payer_refuses", refused)
    assert v3.order("codepay", out_trade_no=refused)[1]["code"] == "TRADE_ERROR"
    assert v3.order("codepay", payer={"auth_code": "28" + "0" * 16})[1]["code"] == "AUTH_CODE_INVALID"
    own = {"appid": v3.own["appid"], "mchid": v3.own["mchid"]}
    for reference in (paid, asked):
        for _ in range(2):
            assert v3.call("POST", f"/v3/pay/transactions/out-trade-no/{reference}/reverse", own)[0] == 204
        found = v3.call("GET", f"/v3/pay/transactions/out-trade-no/{reference}?mchid={v3.own['mchid']}")[1]
        assert found["trade_state"] == "REVOKED"
    assert sandbox.order(paid)["refunded"] == 100
    native = new_number()
    v3.order(out_trade_no=native)
    refusal = v3.call("POST", f"/v3/pay/transactions/out-trade-no/{native}/reverse", own)
    assert (refusal[0], refusal[1]["code"]) == (400, "INVALID_REQUEST")


V2_ORDER = {
    "body": "咖啡",
    "total_fee": "100",
    "spbill_create_ip": "203.0.113.9",
    "notify_url": NOTIFY_URL,
    "trade_type": "NATIVE",
    "product_id": "1",
}
V2_FIELDS: list[tuple[str, str, str]] = [
    ("nonce_str", "", "LACK_PARAMS"),
    ("nonce_str", "x" * 33, "PARAM_ERROR"),
    ("body", "", "LACK_PARAMS"),
    ("body", "x" * 129, "PARAM_ERROR"),
    ("body", "茶" * 43, "PARAM_ERROR"),
    ("total_fee", "1.5", "PARAM_ERROR"),
    ("spbill_create_ip", "", "LACK_PARAMS"),
    ("spbill_create_ip", "localhost", "PARAM_ERROR"),
    ("fee_type", "USD", "PARAM_ERROR"),
    ("out_trade_no", "short", "PARAM_ERROR"),
    ("attach", "x" * 128, "PARAM_ERROR"),
    ("time_expire", "2026-12-01", "PARAM_ERROR"),
    ("time_expire", "20261301000000", "PARAM_ERROR"),
]


@pytest.mark.parametrize(("field", "value", "code"), V2_FIELDS, ids=range(len(V2_FIELDS)))
@pytest.mark.parametrize("path", ["/pay/unifiedorder", "/pay/micropay"])
def test_k6_v2_orders(sandbox: Sandbox, path: str, field: str, value: str, code: str) -> None:
    fields = {**V2_ORDER, "out_trade_no": new_number(), "auth_code": CODE, field: value}
    said = Merchant(sandbox).ask(path, **fields)
    assert (said["result_code"], said["err_code"]) == ("FAIL", code)
    assert field in said["err_code_des"]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("notify_url", "", "LACK_PARAMS"),
        ("notify_url", "ftp://shop.example.com/n", "PARAM_ERROR"),
        ("trade_type", "", "LACK_PARAMS"),
        ("trade_type", "CARD", "PARAM_ERROR"),
        ("product_id", "", "LACK_PARAMS"),
        ("time_expire", "20200101000000", "PARAM_ERROR"),
    ],
)
def test_k6_v2_unified_orders(sandbox: Sandbox, field: str, value: str, code: str) -> None:
    said = Merchant(sandbox).ask("/pay/unifiedorder", **{**V2_ORDER, "out_trade_no": new_number(), field: value})
    assert said["err_code"] == code


def test_k3_orders_and_refunds_over_v2(sandbox: Sandbox) -> None:
    """Merchants who are not with APIv3 yet use ``unifiedorder`` and ``refund``: both were plain ``Not Found``."""
    merchant, reference, refund = Merchant(sandbox), new_number(), new_number()
    made = merchant.ask("/pay/unifiedorder", **V2_ORDER, out_trade_no=reference)
    assert made["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    assert made["prepay_id"].startswith("wx")
    assert merchant.ask("/pay/orderquery", out_trade_no=reference)["trade_state"] == "NOTPAY"
    sandbox.act(reference, "pay")
    assert merchant.ask("/pay/closeorder", out_trade_no=reference)["err_code"] == "ORDERPAID"
    wanted = {"out_trade_no": reference, "out_refund_no": refund, "total_fee": "100", "refund_fee": "40"}
    given = merchant.ask("/secapi/pay/refund", **wanted)
    assert (given["result_code"], given["refund_fee"]) == ("SUCCESS", "40")
    assert merchant.ask("/secapi/pay/refund", **wanted)["refund_id"] == given["refund_id"]
    assert merchant.ask("/secapi/pay/refund", **{**wanted, "refund_fee": "41"})["err_code"] == "REFUND_FEE_MISMATCH"
    found = merchant.ask("/pay/refundquery", out_refund_no=refund)
    assert (found["refund_count"], found["refund_fee_0"], found["refund_status_0"]) == ("1", "40", "PROCESSING")
    assert merchant.ask("/pay/refundquery", out_refund_no=new_number())["err_code"] == "REFUNDNOTEXIST"
