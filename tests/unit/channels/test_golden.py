"""Our signing texts against signatures that other programs made over texts written by hand (see golden/make.sh)."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qsl, urlencode, urlsplit

from pycore.channels.alipay import AlipayAdapter, WireForm
from pycore.channels.message import HttpNotification, HttpRequest, HttpResponse
from pycore.channels.order import Method
from pycore.channels.outcome import CallApp, RequiresAction, ShowCode
from pycore.channels.unionpay import UnionPayAdapter
from pycore.channels.wechat import WeChatAdapter, micropay
from pycore.channels.wechat.signature import decrypt
from tests.unit.channels import sides
from tests.unit.channels.sides import NONCE, STAMP, golden, order


def signature(name: str) -> str:
    return golden(f"{name}.sig").decode()


def query_of(request: HttpRequest) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(request.url).query)) | dict(parse_qsl(request.body.decode()))


def test_wechat_requests() -> None:
    adapter = WeChatAdapter(sides.wechat_merchant())
    created = adapter.create_request(order(), STAMP)
    assert created.body == golden("wechat_body.json")
    assert created.url == "https://api.mch.weixin.qq.com/v3/pay/transactions/native"
    assert created.headers["Authorization"] == (
        f'WECHATPAY2-SHA256-RSA2048 mchid="1900000001",nonce_str="{NONCE}",signature="{signature("wechat_request")}",'
        'timestamp="1796097600",serial_no="5157F09EFDC096DE15EBE81A47057A7232F1B8E1"'
    )
    asked = adapter.query_request(order(), STAMP)
    assert signature("wechat_query") in asked.headers["Authorization"]
    assert asked.body == b""


def test_wechat_replies() -> None:
    headers = {
        "wechatpay-timestamp": "1796097601",
        "wechatpay-nonce": "replyNonce1",
        "wechatpay-serial": sides.PLATFORM_KEY_ID,
        "wechatpay-signature": signature("wechat_reply"),
    }
    response = HttpResponse(status=200, headers=headers, body=golden("wechat_reply.json"))
    outcome = WeChatAdapter(sides.wechat_merchant()).create_outcome(order(), response, STAMP)
    assert outcome == RequiresAction(ShowCode("weixin://wxpay/bizpayurl?pr=p4lpSuKzz"))


def test_what_wechat_s_app_and_page_get() -> None:
    adapter = WeChatAdapter(sides.wechat_merchant())
    prepared = sides.wechat_reply({"prepay_id": "wx201410272009395522657a690389285100"})
    page = adapter.create_outcome(order(Method.JSAPI), prepared, STAMP)
    assert page == RequiresAction(
        CallApp(
            {
                "appId": "wx0123456789abcdef",
                "timeStamp": "1796097600",
                "nonceStr": NONCE,
                "package": "prepay_id=wx201410272009395522657a690389285100",
                "signType": "RSA",
                "paySign": signature("wechat_jsapi"),
            }
        )
    )
    app = adapter.create_outcome(order(Method.APP), prepared, STAMP)
    assert app == RequiresAction(
        CallApp(
            {
                "appid": "wx0123456789abcdef",
                "partnerid": "1900000001",
                "prepayid": "wx201410272009395522657a690389285100",
                "package": "Sign=WXPay",
                "noncestr": NONCE,
                "timestamp": "1796097600",
                "sign": signature("wechat_app"),
            }
        )
    )


def test_wechat_s_older_signature() -> None:
    request = WeChatAdapter(sides.wechat_merchant()).query_request(order(Method.BAR_CODE), STAMP)
    assert micropay.read_xml(request.body)["sign"] == signature("wechat_v2_query").strip()


def test_wechat_s_encryption() -> None:
    plain = decrypt(
        sides.wechat_merchant().api_v3_key,
        nonce="fdasflkja484",
        associated_data="transaction",
        ciphertext=golden("wechat_resource.txt").decode(),
    )
    assert json.loads(plain) == {"mchid": "1900000001", "note": "茶"}


def test_alipay_v2_requests() -> None:
    for certificates, name in ((False, "alipay_v2_query"), (True, "alipay_v2_certificate_query")):
        adapter = AlipayAdapter(sides.alipay_merchant(certificates=certificates))
        assert query_of(adapter.query_request(order(channel="alipay"), STAMP))["sign"] == signature(name)


def test_alipay_v2_replies_are_verified_over_the_text_as_it_was_sent() -> None:
    inner = golden("alipay_v2_inner.txt").decode()
    body = f'{{"alipay_trade_precreate_response":{inner},"sign":"{signature("alipay_v2_inner")}"}}'
    outcome = AlipayAdapter(sides.alipay_merchant()).create_outcome(
        order(channel="alipay"), HttpResponse(status=200, body=body.encode()), STAMP
    )
    assert outcome == RequiresAction(ShowCode("https://qr.alipay.com/bax03431ljhokirwl38f00a7"))


def test_alipay_v3_requests() -> None:
    request = AlipayAdapter(sides.alipay_merchant(), WireForm.V3).query_request(order(channel="alipay"), STAMP)
    assert request.headers["Authorization"] == (
        f"ALIPAY-SHA256withRSA app_id=2021000000000001,nonce={NONCE},timestamp=1796097600000,"
        f"sign={signature('alipay_v3_query')}"
    )


def test_alipay_notifications() -> None:
    form = {**sides.ALIPAY_NOTIFIED, "sign_type": "RSA2", "sign": signature("alipay_notification")}
    notification = HttpNotification(headers={}, body=urlencode(form).encode())
    read = AlipayAdapter(sides.alipay_merchant()).verify_notification(notification, sides.AT)
    assert read.payment_attempt_id == sides.ORDER_ID


def test_unionpay_requests() -> None:
    request = UnionPayAdapter(sides.unionpay_merchant()).query_request(order(channel="unionpay"), STAMP)
    assert query_of(request)["signature"] == signature("unionpay_query")
    assert len(base64.b64decode(signature("unionpay_query"))) == 256
