"""New payments as the core makes them: the same as everywhere else in the library, to the byte."""

from __future__ import annotations

import string
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.rpc.payment_messages import write_payment
from pycore._core import (
    NewPayment,
    RowBuffer,
    decide_payments,
    expect_payments,
    read_payment,
    read_payments,
    write_payments,
)
from pycore.client._generated.pycore.payments.v1 import payments_pb2 as pb
from pycore.client.payment_wire import write_create
from pycore.errors import InvalidRequestError
from pycore.events import EVENTS, EventType, event_row
from pycore.ids import IDS, format_typed_id, new_id, parse_typed_id
from pycore.ledger import CreateTransferStatus
from pycore.payments.balance_limits import Authentication
from pycore.payments.creation import BALANCE, payment_of
from pycore.payments.payment import CaptureMethod, PaymentMethod, PaymentStatus, Purpose, encoded
from pycore.payments.record import PaymentRecord
from pycore.payments.request import CreatePayment, Payer, check_reference, settle_doubts
from pycore.payments.tables import PAYMENTS
from pycore.tenant import Tenant

TENANT = Tenant(new_id(), live=False)
NOW_NS = 1_795_320_000_123_456_789

words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z", "Nd"]), min_size=1, max_size=20)
references = st.text(string.ascii_letters + "_-|*.@:", min_size=1, max_size=64)


@st.composite
def requests(draw: st.DrawFn) -> CreatePayment:
    """Requests that are allowed; numbers are left out, which could be a card's."""
    customer = draw(st.none() | st.integers(1, 2**128 - 1))
    store = draw(st.none() | st.integers(1, 2**128 - 1))
    methods = [each for each in PaymentMethod if each is not PaymentMethod.BALANCE or customer is not None]
    return CreatePayment(
        merchant_reference=draw(references),
        amount=draw(st.integers(1, 2**53 - 1)),
        subject=draw(words),
        capture_method=draw(st.sampled_from(CaptureMethod)),
        method=draw(st.none() | st.sampled_from(methods)),
        channel=draw(st.none() | st.sampled_from(["wechat", "alipay_2"])),
        customer_id=None if customer is None else format_typed_id("cus", customer),
        store_id=None if store is None else format_typed_id("sto", store),
        authentication=draw(st.sampled_from(Authentication)),
        payer=draw(st.none() | st.builds(Payer, client_ip=st.just("10.0.0.1"), open_id=st.just("o-1"))),
        expires_in_seconds=draw(st.integers(10, 30 * 86_400)),
        return_url=draw(st.none() | st.just("https://shop.example/done?order=7")),
        metadata=draw(st.dictionaries(words, words, max_size=3)),
    )


def new(request: CreatePayment, key: str = "k1") -> NewPayment:
    return NewPayment(TENANT, key, request, IDS, NOW_NS)


def rows_of(payment: NewPayment) -> list[RowBuffer]:
    """Return the rows of payments and events."""
    buffers = [RowBuffer(table.columns) for table in (PAYMENTS, EVENTS)]
    write_payments([payment], IDS, *buffers)
    return buffers


def result(status: CreateTransferStatus) -> bytes:
    return bytes(8) + status.to_bytes(4, "little") + bytes(4)


def record_of(payment: NewPayment, request: CreatePayment) -> PaymentRecord:
    return PaymentRecord(
        id=payment.id,
        tenant=TENANT,
        merchant_reference=request.merchant_reference,
        status=PaymentStatus.CREATED,
        purpose=request.purpose,
        amount=request.amount,
        currency=request.currency,
        capture_method=request.capture_method,
        method=request.method,
        channel=request.channel,
        store_id=None if request.store_id is None else parse_typed_id("sto", request.store_id),
        customer_id=None if request.customer_id is None else parse_typed_id("cus", request.customer_id),
        subject=request.subject,
        return_url=request.return_url,
        metadata=request.metadata,
        created_at=NOW_NS,
        expires_at=NOW_NS + request.expires_in_seconds * 10**9,
        updated_at=NOW_NS,
    )


def buffer_of(columns: Any, row: tuple[Any, ...]) -> str:
    buffer = RowBuffer(columns)
    buffer.extend([row])
    return buffer.json()


@given(requests())
def test_rows_events_and_replies_are_those_of_the_record(request: CreatePayment) -> None:
    payment = new(request)
    made, events = rows_of(payment)
    record = record_of(payment, request)
    data = encoded(record.public())
    assert payment.reply is not None
    assert payment_of(payment) == record.public()
    assert msgspec.json.decode(payment.reply) == msgspec.json.decode(data)
    assert made.json() == buffer_of(PAYMENTS.columns, (*record.inserted(), "k1", payment.fingerprint))
    row = event_row(TENANT, EventType.PAYMENT_CREATED, payment.id, payment.reply.encode(), NOW_NS)
    found = msgspec.json.decode(events.json())[0]
    expected = msgspec.json.decode(buffer_of(EVENTS.columns, row))[0]
    assert found.pop("c0") != expected.pop("c0"), "an event has an id of its own"
    assert found == expected


@given(requests())
def test_a_message_asks_for_the_same_as_python_does(request: CreatePayment) -> None:
    message = write_create("k1", request)
    read = read_payment(message.SerializeToString(), TENANT, IDS, NOW_NS)
    asked = new(request)
    assert (read.key, read.fingerprint) == (asked.key, asked.fingerprint)
    assert (read.payer, read.is_doubtful) == (asked.payer, asked.is_doubtful)
    (submitted,) = read_payments(pb.SubmitPaymentsRequest(requests=[message]).SerializeToString(), TENANT, IDS, NOW_NS)
    (streamed,) = read_payments(pb.StreamPaymentsRequest(request=message).SerializeToString(), TENANT, IDS, NOW_NS)
    for each in (submitted, streamed):
        assert isinstance(each, NewPayment)
        assert each.fingerprint == asked.fingerprint


@given(requests(), st.sampled_from([CreateTransferStatus.CREATED, CreateTransferStatus.EXCEEDS_CREDITS]))
def test_messages_and_rows_tell_what_the_ledger_decided(request: CreatePayment, status: CreateTransferStatus) -> None:
    fields = {"method": PaymentMethod.BALANCE, "confirm": True, "customer_id": format_typed_id("cus", 7)}
    request = msgspec.structs.replace(request, **fields)
    payment = new(request)
    decide_payments([payment], result(status))
    made, _ = rows_of(payment)
    held = request.capture_method is CaptureMethod.MANUAL
    decided: dict[str, Any]
    if status is CreateTransferStatus.EXCEEDS_CREDITS:
        decided = {"status": PaymentStatus.FAILED, "failure_code": "insufficient_balance"}
    elif held:
        decided = {"status": PaymentStatus.AUTHORIZED, "hold_id": payment.id}
    else:
        decided = {"status": PaymentStatus.SUCCEEDED, "amount_captured": request.amount}
    record = msgspec.structs.replace(record_of(payment, request), channel=BALANCE, **decided)
    assert payment_of(payment) == record.public()
    assert made.json() == buffer_of(PAYMENTS.columns, (*record.inserted(), "k1", payment.fingerprint))
    message = write_payment(record.public())
    assert pb.CreatePaymentResponse.FromString(payment.response()).payment == message
    (submitted,) = pb.SubmitPaymentsResponse.FromString(payment.result()).results
    assert (submitted.request_id, submitted.payment) == ("k1", message)


def test_it_is_told_whether_the_ledger_decided_as_expected() -> None:
    payment = new(paid_from_balance())
    expect_payments([payment])
    assert payment.status == "succeeded"
    assert not decide_payments([payment], result(CreateTransferStatus.CREATED))
    assert decide_payments([payment], result(CreateTransferStatus.EXCEEDS_CREDITS))
    assert payment.status == "failed"
    assert not decide_payments([payment], result(CreateTransferStatus.EXCEEDS_CREDITS))
    assert decide_payments([payment], result(CreateTransferStatus.CREATED)), "another batch may end otherwise"


def test_a_transfer_cannot_end_otherwise() -> None:
    payment = new(paid_from_balance())
    with pytest.raises(ValueError, match="cannot end"):
        decide_payments([payment], result(CreateTransferStatus.EXCEEDS_DEBITS))


def paid_from_balance(**fields: Any) -> CreatePayment:
    plain: dict[str, Any] = {
        "merchant_reference": "T1",
        "amount": 1999,
        "subject": "tea",
        "method": PaymentMethod.BALANCE,
        "customer_id": format_typed_id("cus", 7),
        "confirm": True,
    }
    return CreatePayment(**plain | fields)


CHANGES: list[dict[str, Any]] = [
    {},
    {"merchant_reference": "T2"},
    {"amount": 2000},
    {"currency": "USD"},
    {"subject": "te"},
    {"subject": "teA"},
    {"capture_method": CaptureMethod.MANUAL},
    {"method": PaymentMethod.APP},
    {"channel": "wechat"},
    {"customer_id": format_typed_id("cus", 8)},
    {"store_id": format_typed_id("sto", 7)},
    {"confirm": False},
    {"authentication": Authentication.ONE_FACTOR},
    {"payer": Payer(client_ip="10.0.0.1")},
    {"payer": Payer(open_id="10.0.0.1")},
    {"expires_in_seconds": 901},
    {"return_url": "https://shop.example"},
    {"metadata": {"a": "bc"}},
    {"metadata": {"ab": "c"}},
    {"metadata": {"a": "b", "c": "d"}},
    {"metadata": {"a": "d", "c": "b"}},
]


def test_every_field_tells_requests_apart() -> None:
    found = [new(paid_from_balance(**change)).fingerprint for change in CHANGES]
    assert len(set(found)) == len(CHANGES)
    assert new(paid_from_balance(), key="k2").fingerprint == found[0], "the key is no part of what is asked"
    turned = {"c": "d", "a": "b"}
    assert new(paid_from_balance(metadata=turned)).fingerprint == found[CHANGES.index({"metadata": turned})]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"merchant_reference": ""}, "merchant_reference: must be 1 to 64"),
    ({"merchant_reference": "a" * 65}, "merchant_reference: must be"),
    ({"merchant_reference": "T 1"}, "merchant_reference: must be"),
    ({"merchant_reference": "\ud800"}, "merchant_reference: must be Unicode"),
    ({"amount": 0}, "amount: must be whole minor units"),
    ({"amount": 2**53}, "amount: must be"),
    ({"amount": 2**200}, "amount: must be"),
    ({"subject": ""}, "subject: must be 1 to 127"),
    ({"subject": "a" * 128}, "subject: must be"),
    ({"subject": "a\nb"}, "subject: must be"),
    ({"expires_in_seconds": 9}, "expires_in_seconds: must be 10 seconds"),
    ({"expires_in_seconds": 30 * 86_400 + 1}, "expires_in_seconds: must be"),
    ({"return_url": "ftp://shop.example"}, "return_url: must be an http"),
    ({"return_url": "https://"}, "return_url: must be"),
    ({"metadata": {str(number): "x" for number in range(51)}}, "metadata: must be at most 50"),
    ({"metadata": {"": "x"}}, "metadata: must be keys of 1"),
    ({"metadata": {"x": "y" * 501}}, "metadata: must be"),
    ({"metadata": {"x": "\0"}}, "metadata: must be"),
    ({"method": None}, "method: must be needed"),
    ({"channel": "We Chat"}, "channel: must be a channel"),
    ({"customer_id": None}, "customer_id: must be needed to pay"),
    ({"customer_id": "cus_7"}, "customer_id: not an id that begins with cus_"),
    ({"customer_id": ""}, "customer_id: not an id"),
    ({"store_id": format_typed_id("cus", 7)}, "store_id: not an id that begins with sto_"),
    ({"method": PaymentMethod.BAR_CODE}, "payer.auth_code: must be needed for bar_code"),
    ({"method": PaymentMethod.JSAPI}, "payer.open_id: must be needed for jsapi"),
    ({"payer": Payer(auth_code="123")}, "payer.auth_code: must be the 16 to 24"),
    ({"payer": Payer(open_id="a b")}, "payer.open_id: must be 1 to 128"),
    *(
        ({"payer": Payer(client_ip=text)}, "payer.client_ip: must be one IPv4 or IPv6 address")
        for text in ("localhost", "999.1.1.1", "deadbeef", "...", "203.0.113.7,203.0.113.8", "::", "0.0.0.0", "10.1")
    ),
    ({"method": PaymentMethod.H5, "channel": None}, "payer.client_ip: must be the address of the payer's browser"),
    ({"purpose": Purpose.TOP_UP}, "method: must be another one"),
    ({"purpose": Purpose.TOP_UP, "method": None, "confirm": False, "customer_id": None}, "customer_id: must be needed"),
    (
        {"purpose": Purpose.TOP_UP, "method": PaymentMethod.APP, "capture_method": CaptureMethod.MANUAL},
        "capture_method: must be automatic",
    ),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_what_is_not_allowed_is_refused_by_its_field(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        new(paid_from_balance(**change))
    assert str(refused.value).startswith(message)
    assert "nothing was recorded" in str(refused.value)


@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "é"])
def test_a_key_is_needed(key: str) -> None:
    with pytest.raises(InvalidRequestError, match="idempotency key is needed"):
        new(paid_from_balance(), key)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subject": "a\u200bb"}, "subject: holds an invisible character"),
        ({"subject": "a\u2028b"}, "subject: holds a control character"),
        ({"subject": "a\ue863b"}, "subject: holds a private-use character"),
        ({"metadata": {"card": "2612011234567892"}}, "metadata: holds a card number"),
        ({"metadata": {"security_code": "737"}}, "metadata: holds a card's verification value"),
        ({"currency": "XYZ"}, "currency: must be"),
        ({"currency": "cny"}, "currency: must be"),
        ({"subject": "card 4111 1111 1111 1111"}, "subject: holds a card number"),
        ({"subject": "卡号４１１１１１１１１１１１１１１１"}, "subject: holds a card number"),
        ({"subject": "CVV 123"}, "subject: holds a card's verification value"),
        ({"subject": "安全码：123"}, "subject: holds a card's verification value"),
        ({"subject": "ＣＶＶ 123"}, "subject: holds a card's verification value"),
        ({"metadata": {"cvv": "123"}}, "metadata: holds a card's verification value"),
        ({"metadata": {"note": "sk_test_" + "a" * 40}}, "metadata: holds a key"),
        ({"return_url": "https://shop.example/?n=4111%201111%201111%201111"}, "return_url: holds a card number"),
        ({"merchant_reference": "4111111111111111"}, "merchant_reference: holds a card number"),
    ],
)
def test_what_only_a_closer_look_tells(change: dict[str, Any], message: str) -> None:
    payment = new(paid_from_balance(**change))
    assert payment.is_doubtful
    with pytest.raises(InvalidRequestError) as refused:
        settle_doubts(payment)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("change", [{"currency": "USD"}, {"subject": "café ☕"}, {"metadata": {"cv": "%"}}])
def test_doubts_that_come_to_nothing(change: dict[str, Any]) -> None:
    payment = new(paid_from_balance(**change))
    assert payment.is_doubtful
    settle_doubts(payment)


def test_most_payments_leave_no_doubt() -> None:
    for subject in ("tea", "拿铁 latte", "Order 10023 (2 items)"):
        assert not new(paid_from_balance(subject=subject, metadata={"table": "7"})).is_doubtful


@given(st.text(max_size=70) | references)
def test_a_reference_is_one_for_payments_and_refunds_alike(text: str) -> None:
    def is_refused(check: Any) -> bool:
        try:
            check()
        except InvalidRequestError:
            return True
        return False

    asked = paid_from_balance(merchant_reference=text)
    assert is_refused(lambda: new(asked)) == is_refused(lambda: check_reference(text))


def test_requests_of_one_message_are_refused_one_by_one() -> None:
    good, bad, unknown = (write_create(f"k{number}", paid_from_balance()) for number in range(3))
    bad.amount = 0
    unknown.purpose = 9  # type: ignore[assignment]
    message = pb.SubmitPaymentsRequest(requests=[bad, good, unknown]).SerializeToString()
    first, second, third = read_payments(message, TENANT, IDS, time.time_ns())
    assert isinstance(first, tuple)
    assert isinstance(second, NewPayment)
    assert isinstance(third, tuple)
    assert (first[0], second.key, third[0]) == ("k1", "k0", "k2")
    assert str(first[1]).startswith("amount:")
    assert str(third[1]).startswith("purpose: 9 is none of its values")


@pytest.mark.parametrize("message", [b"\xff", b"\x0a\x05ab", b"\x0a\x03\x0a\x01\xff"])
def test_what_is_no_message_is_a_value_error(message: bytes) -> None:
    with pytest.raises(ValueError):
        read_payments(message, TENANT, IDS, NOW_NS)
