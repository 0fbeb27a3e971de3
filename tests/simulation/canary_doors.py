"""Sends canaries through every door, into every place of a request that a caller can fill."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

from aiohttp import ClientError, ClientSession
from grpc import aio

from pycore.client._generated.pycore.payments.v1 import payments_pb2 as pb
from tests.simulation.canaries import Canaries

JSON = {"content-type": "application/json"}
_SERVICE = "/pycore.payments.v1.PaymentService"


class Shop(NamedTuple):
    """What a merchant needs to sell, and an operator to see to it."""

    key: str
    operator_key: str
    customer_id: str
    payment_id: str


class Doors:
    """One merchant's connections. ``leaks`` are the canaries in answers, ``answers`` counts them by status."""

    def __init__(self, http_address: str, grpc_address: str, canaries: Canaries, random: Random) -> None:
        self._address = http_address
        self._channel = aio.insecure_channel(grpc_address)
        self._session = ClientSession(f"http://{http_address}")
        self._canaries = canaries
        self._random = random
        self._number = 0
        self.answers: Counter[str] = Counter()
        self.leaks: list[str] = []

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()
        await self._channel.close()

    async def http(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request, its body as JSON unless it is bytes; look at the answer."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        async with self._session.request(method, path, data=data, headers={**JSON, **(headers or {})}) as response:
            answer = await response.read()
            shown = b"\n".join(b"%b: %b" % header for header in response.raw_headers)
            self._look(f"{method} {path[:20]} answered {response.status}", answer + shown)
            self.answers[f"HTTP {response.status}"] += 1
            return response.status, answer

    async def rpc(self, method: str, request: bytes, *metadata: tuple[str, str]) -> None:
        """Call a method with bytes; look at the answer."""
        call: Any = self._channel.unary_unary(f"{_SERVICE}/{method}")
        try:
            answer, status = await call(request, metadata=metadata or None), "OK"
        except aio.AioRpcError as error:
            said = f"{error.details()} {error.trailing_metadata()} {error.debug_error_string()}"
            answer, status = said.encode(), error.code().name
        self._look(f"gRPC {method[:20]} answered {status}", answer)
        self.answers[f"gRPC {status}"] += 1

    async def raw(self, request: bytes) -> None:
        """Send what is no HTTP."""
        host, port = self._address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request)
        self._look("raw bytes", await asyncio.wait_for(reader.read(), 10))
        writer.close()

    def _look(self, place: str, answer: bytes) -> None:
        self.leaks += [f"{kind} where {place}: {around!r}" for kind, around in self._canaries.found(answer)]

    # -- one round: every place once

    async def round(self, shop: Shop) -> None:
        """Fill every place once."""
        for fill in (self._proper_fields, self._free_text, self._refused_bodies, self._around_bodies, self._rpc):
            with suppress(ClientError):
                await fill(shop)

    async def _proper_fields(self, shop: Shop) -> None:
        """Where such data belongs: it is taken, sealed, and shown as masks."""
        make, key = self._canaries, {"authorization": f"Bearer {shop.key}"}
        person = {"name": make.name(), "phone": make.phone(), "id_number": make.id_number()}
        status, answer = await self.http(
            "POST", "/v1/customers", {"merchant_reference": self._reference(), **person}, key
        )
        assert status == 200, answer
        customer = f"/v1/customers/{json.loads(answer)['id']}"
        await self.http("PATCH", customer, {"name": make.name(), "phone": make.phone()}, key)
        await self.http("POST", "/v1/customers/search", {"phone": person["phone"]}, key)
        await self.http("GET", customer, None, key)
        # Not what the field is for: refused.
        await self.http("PATCH", customer, {"name": f"王 {make.grouped_card()}", "id_number": make.card()}, key)
        await self.http("POST", "/v1/customers", {"merchant_reference": make.card()}, key)
        payer = {"auth_code": make.code(), "client_ip": "127.0.0.1"}
        payment = self._payment(method="bar_code", channel="wechat", confirm=True, payer=payer)
        await self.http("POST", "/v1/payments", payment, {**key, "idempotency-key": self._reference()})

    async def _free_text(self, shop: Shop) -> None:
        """Text that is kept as it is: what is known for a secret is refused."""
        secret, key = self._canaries.detectable, {"authorization": f"Bearer {shop.key}"}
        operator = {"authorization": f"Bearer {shop.operator_key}"}
        for change in (
            {"subject": f"茶 {secret()}"},
            {"metadata": {"note": secret()}},
            {"metadata": {f"x {self._canaries.key()}"[:40]: "1"}},
            {"metadata": {"note": self._canaries.cvv()}},
            {"metadata": {"card_number": self._canaries.doubtful_card()}},
            {"metadata": {"security_code": "737", f"a {self._canaries.name()}"[:40]: "1"}},
            {"merchant_reference": f"T-{self._canaries.card()}"},
            {"return_url": f"https://example.com/?card={self._canaries.card()}"},
            {"return_url": f"https://example.com/?card={quote(self._canaries.grouped_card())}"},
            {"channel": self._canaries.card()},
        ):
            await self._refused("/v1/payments", self._payment(**change), {**key, "idempotency-key": self._reference()})
        for header in (self._canaries.card(), self._canaries.key(), self._canaries.card().replace("4", "4-", 1)):
            await self._refused("/v1/payments", self._payment(), {**key, "idempotency-key": header})
        customer, payment = f"/v1/customers/{shop.customer_id}", f"/v1/payments/{shop.payment_id}"
        for path, body in (
            (f"{payment}/refunds", {"merchant_reference": self._reference(), "reason": secret()}),
            (f"{payment}/refunds", {"merchant_reference": self._canaries.card(), "reason": ""}),
            (f"{customer}/withdrawals", self._withdrawal(destination=f"ICBC {secret()}")),
            (f"{customer}/withdrawals", self._withdrawal(merchant_reference=self._canaries.card())),
            ("/v1/stores", {"name": secret()}),
            ("/v1/api_keys", {"name": secret(), "scopes": ["payments:read"]}),
            ("/v1/webhook_endpoints", {"url": "https://1.1.1.1/", "description": secret()}),
            ("/v1/webhook_endpoints", {"url": f"https://1.1.1.1/{quote(self._canaries.card())}"}),
            ("/v1/webhook_endpoints", {"url": f"https://user:{self._canaries.webhook_secret()}@1.1.1.1/"}),
            ("/v1/webhook_endpoints", {"url": f"https://1.1.1.1/?access_token={self._canaries.name()}"}),
            ("/v1/webhook_endpoints", {"url": "https://1.1.1.1/", "event_types": [self._canaries.any()]}),
        ):
            await self._refused(path, body, {**key, "idempotency-key": self._reference()})
        await self._refused("/v1/merchants", {"name": secret()}, operator)

    async def _refused_bodies(self, shop: Shop) -> None:
        """What cannot be taken at all, with every kind of canary in it."""
        value, key = self._canaries.any, {"authorization": f"Bearer {shop.key}", "idempotency-key": self._reference()}
        good = json.dumps(self._payment())
        for path in ("/v1/payments", "/v1/customers", "/v1/stores", "/v1/ledger/transfers", "/v1/webhook_endpoints"):
            for body in (
                {"unknown": value()},
                {value(): 1},
                json.loads(good) | {"card": {"number": value()}},
                json.loads(good) | {value(): value()},
                [value()],
            ):
                await self._refused(path, body, key)
            for text in (
                f'{{"subject": "{value()}"',
                f'{good[:-1]}, "subject": "{value()}", "subject": "{value()}"}}',
                f'{good[:-1]}, "{value()}": 1}}',
                f"{good} {value()}",
                value(),
            ):
                await self._refused(path, text.encode(), key)
            await self._refused(path, value().encode() + b"\xff\xfe", key)
        for change in (
            {"amount": value()},
            {"purpose": value()},
            {"method": value()},
            {"currency": value()},
            {"customer_id": value()},
            {"payer": value()},
            {"payer": {"auth_code": value() + "x"}},
            {"payer": {"auth_code": self._canaries.code(), "pin": value()}},
            {"metadata": value()},
            {"metadata": {value(): 7}},
            {"expires_in_seconds": value()},
        ):
            await self._refused("/v1/payments", self._payment(**change), key)
        person = {"merchant_reference": self._reference()}
        for wrong in ({"account_class": value()}, {"name": [value()]}, {"phone": f"{value()}x"}, {"id_number": "-"}):
            await self._refused("/v1/customers", {**person, **wrong}, key)

    async def _around_bodies(self, shop: Shop) -> None:
        """Paths, queries, headers, notifications, and what is no HTTP."""
        value, key = self._canaries.any, {"authorization": f"Bearer {shop.key}"}
        for path in ("/", "/v1/", "/v1/payments/", "/v1/customers/", "/v1/ledger/accounts/", "/v1/refunds/", "/pay/"):
            await self.http("GET", path + quote(value(), safe=""), None, key)
        for query in ("status", "limit", "merchant_reference", "starting_after", "card", quote(value())):
            await self.http("GET", f"/v1/payments?{query}={quote(value(), safe='')}", None, key)
        for header in ("user-agent", "cookie", "x-card", "request-timeout-ms", "content-encoding", "forwarded"):
            headers = {**key, header: quote(value()), "idempotency-key": self._reference()}
            await self.http("POST", "/v1/payments", self._payment(expires_in_seconds=1), headers)
        for sent in (f"Bearer {value()}", f"Basic {value()}", value(), f"Bearer {self._canaries.key()}"):
            await self.http("GET", "/v1/payments", None, {"authorization": quote(sent, safe=" ")})
        for channel in ("wechat", "alipay", "unionpay", quote(value(), safe="")):
            body = self._random.choice((f'{{"id": "{value()}"}}', f"<xml><a>{value()}</a></xml>", f"sign={value()}"))
            signed = {"wechatpay-signature": quote(value()), "wechatpay-serial": quote(value())}
            await self.http("POST", f"/notifications/{channel}/test", body.encode(), signed)
        for act, sent_by_payer in (
            ("choose", {"channel": value(), "method": value()}),
            ("choose", {value(): 1}),
            ("order", {"order": value(), "amount": value()}),
        ):
            await self.http(
                "POST", f"/pay/{'s/' if act == 'order' else ''}{quote(value(), safe='')}/{act}", sent_by_payer
            )
        await self.raw(f"{quote(value())} / HTTP/1.1\r\n\r\n".encode())
        await self.raw(f"GET / HTTP/1.1\r\n{value()}\r\n\r\n".encode())

    async def _rpc(self, shop: Shop) -> None:
        """The same through gRPC, and messages of other types."""
        secret, value, key = self._canaries.detectable, self._canaries.any, ("authorization", f"Bearer {shop.key}")
        good: dict[str, Any] = {"merchant_reference": self._reference(), "amount": 5, "subject": "tea"}
        messages: list[dict[str, Any]] = [
            {"request_id": self._canaries.card()},
            {"subject": secret()},
            {"merchant_reference": self._canaries.card()},
            {"metadata": {"note": secret()}},
            {"currency": value()},
            {"customer_id": value()},
        ]
        for change in messages:
            message = pb.CreatePaymentRequest(**{"request_id": self._reference(), **good, **change})
            await self.rpc("CreatePayment", message.SerializeToString(), key)
        submitted = pb.CreatePaymentRequest(**{"request_id": self._canaries.card(), **good})
        await self.rpc("SubmitPayments", pb.SubmitPaymentsRequest(requests=[submitted]).SerializeToString(), key)
        refund = pb.CreateRefundRequest(
            payment_id=shop.payment_id, request_id=self._reference(), merchant_reference="r", reason=secret()
        )
        await self.rpc("CreateRefund", refund.SerializeToString(), key)
        for method in ("CreatePayment", "GetPayment", "ListPayments", "CreateRefund", "Nothing"):
            await self.rpc(method, value().encode(), key)
            await self.rpc(method, b"\x0a\x7f" + value().encode() + b"\xff", key)
        await self.rpc("GetPayment", pb.GetPaymentRequest(payment_id=value()).SerializeToString(), key)
        await self.rpc(quote(value(), safe=""), b"", key)
        await self.rpc("GetPayment", b"", ("authorization", quote(f"Bearer {value()}", safe=" ")))
        await self.rpc("GetPayment", b"", key, ("x-card", quote(value())))

    async def _refused(self, path: str, body: Any, headers: Mapping[str, str]) -> None:
        status, answer = await self.http("POST", path, body, headers)
        if not 400 <= status < 500:
            self.leaks.append(f"not refused but {status}: {path} {body!r:.300} {headers!r:.200} {answer!r:.300}")

    def _payment(self, **change: Any) -> dict[str, Any]:
        return {"merchant_reference": self._reference(), "amount": 5, "subject": "tea", **change}

    def _withdrawal(self, **change: Any) -> dict[str, Any]:
        return {"merchant_reference": self._reference(), "amount": 1, "destination": "ICBC", **change}

    def _reference(self) -> str:
        self._number += 1
        return f"R{self._number}"
