"""One mistake has one code, whichever door it comes through; absent is not zero, and no default gives money up."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from aiohttp import ClientSession

from api.app import Doors
from api.services import Services
from pycore.client import PaymentClient
from pycore.client._generated.pycore.payments.v1 import payments_pb2 as pb
from pycore.client.failure import _details
from pycore.payments import CaptureMethod, CapturePayment, CreatePayment, PaymentMethod, PaymentStatus
from tests.api.shop import Shop

SOUND: dict[str, Any] = {"merchant_reference": "T1", "amount": 5, "subject": "x"}
MISTAKES: list[dict[str, Any]] = [
    {"amount": 0},
    {"amount": -1},
    {"amount": 2**53},
    {"merchant_reference": ""},
    {"merchant_reference": "a b"},
    {"merchant_reference": "x" * 65},
    {"subject": ""},
    {"subject": "x" * 128},
    {"subject": "a\u0007"},
    {"currency": "QQQ"},
    {"currency": "cny"},
    {"channel": "We Chat", "method": "qr_code"},
    {"channel": "WeChat"},
    {"expires_in_seconds": 0},
    {"expires_in_seconds": 9},
    {"expires_in_seconds": 2_592_001},
    {"return_url": "ftp://shop.example"},
    {"metadata": {"": "x"}},
    {"metadata": {f"k{number}": "x" for number in range(51)}},
    {"customer_id": "cus_"},
    {"store_id": "pay_0"},
    {"payer": {"auth_code": "12"}, "method": "bar_code"},
    {"payer": {"open_id": "a b"}, "method": "jsapi"},
    {"payer": {"client_ip": "here"}, "method": "qr_code"},
]


@pytest.fixture
async def shop(services: Services, doors: Doors) -> Shop:
    return await Shop.open(services)


@pytest.fixture
async def payments(doors: Doors, shop: Shop) -> AsyncIterator[PaymentClient]:
    async with PaymentClient(doors.grpc_address, api_key=shop.key, timeout_seconds=5) as client:
        yield client


class Both:
    """Sends one request through both doors, and says how each refused it."""

    def __init__(self, doors: Doors, shop: Shop, session: ClientSession, channel: grpc.aio.Channel) -> None:
        self._doors = doors
        self._shop = shop
        self._session = session
        self._channel = channel

    async def http(self, path: str, body: dict[str, Any], key: str = "k") -> str:
        headers = {**self._shop.headers, "idempotency-key": key}
        async with self._session.post(f"{self._doors.http_url}{path}", json=body, headers=headers) as answer:
            return str((await answer.json())["reason"]) if answer.status >= 400 else "done"

    async def grpc(self, method: str, message: Any) -> str:
        call: Any = self._channel.unary_unary(f"/pycore.payments.v1.PaymentService/{method}")
        try:
            await call(message.SerializeToString(), metadata=(("authorization", f"Bearer {self._shop.key}"),))
        except grpc.aio.AioRpcError as error:
            return reason_of(error)
        return "done"


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The stable word of a refusal, as the typed client reads it."""
    info, _ = _details(error)
    assert info is not None, error
    return str(info.reason).lower()


@pytest.fixture
async def both(doors: Doors, shop: Shop) -> AsyncIterator[Both]:
    async with ClientSession() as session, grpc.aio.insecure_channel(doors.grpc_address) as channel:
        yield Both(doors, shop, session, channel)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: repr(mistake)[:40])
async def test_f6_a_mistake_has_one_code_at_both_doors(both: Both, mistake: dict[str, Any]) -> None:
    """Amount 0 was ``malformed_request`` over HTTP and ``invalid_request`` over gRPC."""
    asked = {**SOUND, **mistake}
    message = pb.CreatePaymentRequest(request_id="k", **{**asked, "method": _method(asked)})
    assert await both.http("/v1/payments", asked) == "invalid_request"
    assert await both.grpc("CreatePayment", message) == "invalid_request"


def _method(asked: dict[str, Any]) -> Any:
    return pb.PaymentMethod.Value(f"PAYMENT_METHOD_{asked['method'].upper()}") if "method" in asked else None


async def test_s10_zero_is_an_amount_and_refused_as_one(both: Both, payments: PaymentClient, shop: Shop) -> None:
    """Over gRPC an amount of 0, or none, refunded or captured everything; over HTTP 0 was refused."""
    paid = await payments.create(from_balance(shop, "T1"))
    held = await payments.create(from_balance(shop, "T2", capture_method=CaptureMethod.MANUAL))
    refund = pb.CreateRefundRequest(request_id="k", payment_id=paid.id, merchant_reference="R1", amount=0)
    assert await both.grpc("CreateRefund", refund) == "invalid_request"
    assert await both.http(f"/v1/payments/{paid.id}/refunds", {"merchant_reference": "R1", "amount": 0}) == (
        "invalid_request"
    )
    capture = pb.CapturePaymentRequest(request_id="k", payment_id=held.id, amount=0)
    assert await both.grpc("CapturePayment", capture) == "invalid_request"
    assert await both.http(f"/v1/payments/{held.id}/capture", {"amount": 0}) == "invalid_request"
    assert (await payments.get(paid.id)).amount_refunded == 0
    assert (await payments.get(held.id)).status is PaymentStatus.AUTHORIZED
    assert await both.grpc("CapturePayment", pb.CapturePaymentRequest(request_id="all", payment_id=held.id)) == "done"
    assert (await payments.get(held.id)).amount_captured == 1000


async def test_u7_what_is_not_captured_stays_held_unless_it_is_given_up(
    both: Both, payments: PaymentClient, shop: Shop
) -> None:
    """A capture of 400 of 1000 let 600 go without having been asked."""
    held = await payments.create(from_balance(shop, "T1", capture_method=CaptureMethod.MANUAL))
    part = await payments.capture(held.id, CapturePayment(amount=400))
    assert (part.status, part.amount_captured) == (PaymentStatus.AUTHORIZED, 400)
    assert await both.http(f"/v1/payments/{held.id}/capture", {"amount": 100}) == "done"
    assert (await payments.get(held.id)).status is PaymentStatus.AUTHORIZED
    last = await payments.capture(held.id, CapturePayment(amount=100, final=True))
    assert (last.status, last.amount_captured) == (PaymentStatus.SUCCEEDED, 600)


def from_balance(shop: Shop, reference: str, **fields: Any) -> CreatePayment:
    return CreatePayment(
        merchant_reference=reference,
        amount=1000,
        subject="茶",
        method=PaymentMethod.BALANCE,
        customer_id=shop.customer_id,
        confirm=True,
        **fields,
    )
