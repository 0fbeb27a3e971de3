"""The contract's values: what an order may hold, what a print shows, what the capability records say."""

from __future__ import annotations

import inspect
from datetime import date, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pycore.channels.adapter import Adapter
from pycore.channels.alipay import AlipayAdapter
from pycore.channels.capability import Price, in_force, load_capability
from pycore.channels.failure import BillRefusedError, NotificationRefusedError, NotTrustedError
from pycore.channels.message import HttpNotification, HttpRequest, HttpResponse, Stamp
from pycore.channels.order import Method, Payer
from pycore.channels.outcome import ReasonClass, failed
from pycore.channels.rsa_key import PrivateKey, PublicKey
from pycore.channels.secret import Secret
from pycore.channels.unionpay import UnionPayAdapter
from pycore.channels.wechat import WeChatAdapter, WeChatMerchant
from pycore.errors import ConfigurationError
from pycore.money import CNY, CURRENCIES, Amount
from tests.unit.channels import sides
from tests.unit.channels.sides import AT, order, refund

ADAPTERS: list[Adapter] = [
    WeChatAdapter(sides.wechat_merchant()),
    AlipayAdapter(sides.alipay_merchant()),
    UnionPayAdapter(sides.unionpay_merchant()),
]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.capability.channel)
def test_every_adapter_has_the_whole_contract(adapter: Adapter) -> None:
    wanted = {name for name, _ in inspect.getmembers(Adapter) if not name.startswith("_")}
    assert wanted == {name for name in dir(adapter) if not name.startswith("_")}


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.capability.channel)
def test_the_capability_records(adapter: Adapter) -> None:
    capability = adapter.capability
    assert capability.currencies == {"CNY"}
    assert capability.closes <= capability.methods
    assert capability.reverses <= capability.methods
    for rules in (capability.amount_limits, capability.refund_rules, capability.bill_rules, capability.prices):
        rule = in_force(rules, date(2026, 12, 1))
        assert rule.source


def test_the_newest_rule_in_force_counts() -> None:
    rules = [
        Price(effective_from=date(2020, 1, 1), source="a", basis_points=60),
        Price(effective_from=date(2027, 1, 1), source="c", basis_points=38),
        Price(effective_from=date(2025, 1, 1), source="b", basis_points=54),
    ]
    assert in_force(rules, date(2026, 12, 31)).basis_points == 54
    assert in_force(rules, date(2027, 1, 1)).basis_points == 38
    with pytest.raises(ConfigurationError):
        in_force(rules, date(2019, 12, 31))
    with pytest.raises(ConfigurationError):
        load_capability("pycore.channels")


@pytest.mark.parametrize(
    "changes",
    [
        {"payment_attempt_id": "short"},
        {"payment_attempt_id": "a" * 33},
        {"payment_attempt_id": "a-b-c-d-e-f"},
        {"payment_attempt_id": "ａ1b2c3d4e5f6"},
        {"payment_attempt_id": "a1b2c3d4\n"},
        {"amount": Amount(0, CNY)},
        {"amount": Amount(-1, CNY)},
        {"subject": ""},
        {"subject": "茶" * 128},
        {"subject": "tea\r\nX-Header: 1"},
        {"subject": "tea\x00"},
        {"subject": "tea\u202e"},
        {"notify_url": "ftp://pay.example/"},
        {"notify_url": "https://pay.example/a b"},
        {"notify_url": "https://pay.example/" + "a" * 256},
        {"return_url": "javascript:alert(1)"},
        {"created_at": datetime(2026, 12, 1)},  # noqa: DTZ001
        {"expires_at": AT},
        {"method": Method.BAR_CODE, "payer": Payer()},
        {"method": Method.JSAPI, "payer": Payer()},
    ],
    ids=range(20),
)
def test_orders_that_no_channel_would_take(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        order(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Amount(102, CNY)},
        {"amount": Amount(0, CNY)},
        {"amount": Amount(51, CURRENCIES["USD"])},
        {"refund_id": "x"},
        {"reason": "x" * 81},
        {"reason": "a\nb"},
        {"notify_url": "x"},
        {"created_at": datetime(2026, 12, 1)},  # noqa: DTZ001
    ],
    ids=range(8),
)
def test_refunds_that_no_channel_would_take(changes: dict[str, Any]) -> None:
    refund(amount=Amount(101, CNY))
    with pytest.raises(ValueError):
        refund(**changes)


def test_nothing_secret_is_printed() -> None:
    one = order(Method.BAR_CODE)
    request = WeChatAdapter(sides.wechat_merchant()).create_request(one, sides.STAMP)
    page = HttpRequest(method="GET", url="https://a.example/x?token=hunter2")
    accounts = [sides.wechat_merchant(), sides.alipay_merchant(), sides.unionpay_merchant()]
    messages = [HttpResponse(status=200, body=b"hunter2"), HttpNotification(headers={}, body=b"hunter2"), request, page]
    errors = [NotTrustedError("bad_signature"), NotificationRefusedError("too_old"), BillRefusedError()]
    printed = repr([one, refund(order=one), accounts, messages, errors])
    for secret in ("134567890123456789", "hunter2", sides.API_V3_KEY, "PRIVATE KEY", "0123456789abcdefghijkl"):
        assert secret not in printed
    assert Secret("a") == Secret("a") != Secret("b")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a").reveal() == "a"


def test_keys_that_are_none() -> None:
    short = rsa.generate_private_key(65537, 1024)
    elliptic = ec.generate_private_key(ec.SECP256R1())
    pem = elliptic.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = elliptic.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for make in (
        lambda: PrivateKey(short),
        lambda: PublicKey(short.public_key()),
        lambda: PrivateKey.from_pem(pem),
        lambda: PrivateKey.from_pem(b"hunter2"),
        lambda: PublicKey.from_pem(public),
        lambda: PublicKey.from_pem(b"hunter2"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            make()
        assert "hunter2" not in str(caught.value)


def test_a_key_may_come_in_its_certificate() -> None:
    key = PublicKey.from_pem(sides.golden("signer.crt"))
    key.verify(b"text", sides.signed(b"text", "signer"))
    with pytest.raises(NotTrustedError):
        key.verify(b"text2", sides.signed(b"text", "signer"))


def test_accounts_that_could_verify_nothing() -> None:
    fields = {name: getattr(sides.wechat_merchant(), name) for name in WeChatMerchant.__struct_fields__}
    wrongs: list[dict[str, Any]] = [{"api_v3_key": Secret("short")}, {"platform_keys": {}}]
    for wrong in wrongs:
        with pytest.raises(ConfigurationError):
            WeChatMerchant(**{**fields, **wrong})


def test_a_stamp_has_a_zone_and_a_plain_nonce() -> None:
    for at, nonce in ((datetime(2026, 12, 1), "n"), (AT, ""), (AT, "a" * 33), (AT, 'a"'), (AT, "é")):  # noqa: DTZ001
        with pytest.raises(ValueError):
            Stamp(at, nonce)


def test_which_reasons_decide() -> None:
    assert {reason for reason in ReasonClass if not reason.decides} == {
        ReasonClass.RETRY_SAME_ID,
        ReasonClass.QUERY_FIRST,
    }
    assert failed(ReasonClass.FINAL, "c" * 100, "a\nb" + "x" * 500).message == "ab" + "x" * 253
