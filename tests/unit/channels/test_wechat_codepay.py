"""WeChat's scanned codes over APIv3."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from pycore.channels.failure import UnsupportedOperationError
from pycore.channels.message import HttpResponse
from pycore.channels.order import Method, Payer
from pycore.channels.secret import Secret
from pycore.channels.wechat import ScansOver, WeChatAdapter
from tests.unit.channels import sides
from tests.unit.channels.sides import STAMP, WECHAT_PAID, order, refund, summary, wechat_reply

MERCHANT = msgspec.structs.replace(
    sides.wechat_merchant(), scans_over=ScansOver.V3, api_v2_key=None, server_ip=None, store_id="0042"
)
ADAPTER = WeChatAdapter(MERCHANT)
ORDER = order(Method.BAR_CODE)


def test_k3_a_code_is_scanned_over_v3() -> None:
    """``codepay`` needs neither the older key nor a TLS certificate to take a payment back."""
    request = ADAPTER.create_request(ORDER, STAMP)
    assert request.url.endswith("/v3/pay/transactions/codepay")
    assert json.loads(request.body) == {
        "appid": MERCHANT.app_id,
        "mchid": MERCHANT.merchant_id,
        "description": "茶 tea",
        "out_trade_no": sides.ORDER_ID,
        "payer": {"auth_code": "134567890123456789"},
        "amount": {"total": 101, "currency": "CNY"},
        "scene_info": {"store_info": {"out_id": "0042"}, "device_ip": "203.0.113.9"},
    }
    without = ADAPTER.create_request(order(Method.BAR_CODE, client_ip=None), STAMP)
    assert json.loads(without.body)["scene_info"] == {"store_info": {"out_id": "0042"}}
    reverse = ADAPTER.reverse_request(ORDER, STAMP)
    assert reverse.url.endswith(f"/v3/pay/transactions/out-trade-no/{sides.ORDER_ID}/reverse")
    assert not reverse.with_client_certificate
    assert "134567890123456789" not in repr(request)


@pytest.mark.parametrize(
    ("content", "status", "expected"),
    [
        ({}, 200, "succeeded 4200000001 1.01 CNY"),
        ({"trade_state": "USERPAYING"}, 200, "pending USERPAYING"),
        ({"amount": {"total": 102, "currency": "CNY"}}, 200, "unknown other_amount"),
        ({"out_trade_no": "ffffffffffffffff"}, 200, "unknown other_order"),
        ({"code": "USERPAYING", "message": "需要用户输入支付密码"}, 400, "pending USERPAYING"),
        ({"code": "AUTH_CODE_INVALID", "message": "付款码无效"}, 400, "failed needs_payer AUTH_CODE_INVALID"),
        ({"code": "SYSTEM_ERROR", "message": ""}, 500, "unknown SYSTEM_ERROR"),
    ],
)
def test_k3_what_the_channel_says_of_a_scanned_code(content: dict[str, Any], status: int, expected: str) -> None:
    reply = wechat_reply({**WECHAT_PAID, **content} if status == 200 else content, status)
    assert summary(ADAPTER.create_outcome(ORDER, reply, STAMP)) == expected


def test_k3_a_reversal_is_done_where_a_signed_reply_says_so() -> None:
    done = wechat_reply(b"", 204)
    assert summary(ADAPTER.reverse_outcome(ORDER, done, STAMP)) == "succeeded  None"
    assert summary(ADAPTER.reverse_outcome(ORDER, HttpResponse(status=204), STAMP)) == "unknown not_signed"
    refused = wechat_reply({"code": "REVERSE_EXPIRE", "message": "x"}, 400)
    assert summary(ADAPTER.reverse_outcome(ORDER, refused, STAMP)) == "failed final REVERSE_EXPIRE"


def test_f12_without_a_way_to_scan_codes_are_not_offered() -> None:
    """Codes were charged over v2 without the certificate that a reversal needs: the money was never booked."""
    adapter = WeChatAdapter(msgspec.structs.replace(MERCHANT, scans_over=None))
    assert Method.BAR_CODE in ADAPTER.capability.methods & ADAPTER.capability.reverses
    assert Method.BAR_CODE not in adapter.capability.methods | adapter.capability.reverses
    for call in (adapter.create_request, adapter.reverse_request):
        with pytest.raises(UnsupportedOperationError):
            call(ORDER, STAMP)
    # What was charged before the account was changed is asked about and given back as ever.
    assert adapter.query_request(ORDER, STAMP).url.startswith("https://api.mch.weixin.qq.com/v3/")
    assert adapter.refund_request(refund(order=ORDER), STAMP).url.endswith("/v3/refund/domestic/refunds")


@pytest.mark.parametrize("code", ["28763443825664394", "16456789012345678"])
def test_a_code_of_another_channel_is_not_sent(code: str) -> None:
    with pytest.raises(UnsupportedOperationError):
        ADAPTER.create_request(order(Method.BAR_CODE, payer=Payer(auth_code=Secret(code))), STAMP)
