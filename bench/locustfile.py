"""Load from many simulated callers, to watch in a browser while the server runs.

``.venv/bin/locust -f bench/locustfile.py`` opens on http://127.0.0.1:8089; without a browser:
``.venv/bin/locust -f bench/locustfile.py --headless --users 64 --spawn-rate 64 --run-time 30s``.
``LEDGER_GRPC`` and ``LEDGER_HTTP`` name the doors; the key is that of the settings or of ``data/operator.key``. For
ceilings use ``make bench``: gevent costs more than the server.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc
import grpc.experimental.gevent as grpc_gevent
from locust import FastHttpUser, User, constant, events, task

from pycore import _core
from pycore.command_line.books import operator_key
from pycore.config import load_settings
from pycore.ids import format_id, new_id
from pycore.ledger import Account, Transfer
from pycore.ledger.account import pack_accounts
from pycore.ledger.transfer import pack_transfers

if TYPE_CHECKING:
    Method = grpc.UnaryUnaryMultiCallable[bytes, bytes]

# gRPC's own threads and gevent's loop would wait for each other without this.
grpc_gevent.init_gevent()

GRPC = os.environ.get("LEDGER_GRPC", "127.0.0.1:7400")
HTTP = os.environ.get("LEDGER_HTTP", "http://127.0.0.1:7480")
AUTHORIZATION = f"Bearer {operator_key(load_settings())}"
LEDGER = 999
_ACCOUNTS = 1000
_HEADERS = {"authorization": AUTHORIZATION}
_METADATA = tuple(_HEADERS.items())
_SERVICE = "/pycore.ledger.v1.LedgerService"


def _account_id(number: int) -> int:
    return LEDGER << 64 | number


def _transfer() -> Transfer:
    debit, credit = random.sample(range(1, _ACCOUNTS + 1), 2)
    return Transfer(
        id=new_id(),
        debit_account_id=_account_id(debit),
        credit_account_id=_account_id(credit),
        amount=random.randint(1, 1000),
        ledger=LEDGER,
        code=1,
    )


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def create_accounts(**_: Any) -> None:
    """Make sure that the accounts are there before the first caller comes."""
    accounts = [Account(id=_account_id(number + 1), ledger=LEDGER, code=1) for number in range(_ACCOUNTS)]
    with grpc.insecure_channel(GRPC) as channel:
        create: Method = channel.unary_unary(f"{_SERVICE}/CreateAccounts")
        create(_core.encode_accounts(pack_accounts(accounts)), timeout=30, metadata=_METADATA)


class GrpcUser(User):
    """A caller with unary calls."""

    wait_time = constant(0)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._channel = grpc.insecure_channel(GRPC)
        self._create: Method = self._channel.unary_unary(f"{_SERVICE}/CreateTransfers")

    def on_stop(self) -> None:
        """Close the connection."""
        self._channel.close()

    @task(8)
    def one(self) -> None:
        """Create one transfer."""
        self._call("CreateTransfers 1", 1)

    @task(1)
    def hundred(self) -> None:
        """Create a hundred transfers in one request."""
        self._call("CreateTransfers 100", 100)

    def _call(self, name: str, count: int) -> None:
        request = _core.encode_transfers(pack_transfers([_transfer() for _ in range(count)]))
        self._measured(name, lambda: self._create(request, timeout=10, metadata=_METADATA))

    def _measured(self, name: str, call: Callable[[], bytes]) -> None:
        started, failure, length = time.perf_counter(), None, 0
        try:
            length = len(call())
        except grpc.RpcError as error:
            failure = error
        self.environment.events.request.fire(
            request_type="gRPC",
            name=name,
            response_time=(time.perf_counter() - started) * 1000,
            response_length=length,
            exception=failure,
            context={},
        )


class HttpUser(FastHttpUser):
    """A caller with HTTP and JSON."""

    host = HTTP
    wait_time = constant(0)

    @task(8)
    def create(self) -> None:
        """Create one transfer."""
        transfer = _transfer()
        body = {
            "id": format_id(transfer.id),
            "debit_account_id": format_id(transfer.debit_account_id),
            "credit_account_id": format_id(transfer.credit_account_id),
            "amount": str(transfer.amount),
            "ledger": LEDGER,
            "code": 1,
        }
        self.client.post("/v1/ledger/transfers", json={"transfers": [body]}, headers=_HEADERS, name="POST transfers 1")

    @task(2)
    def read(self) -> None:
        """Read one account."""
        number = random.randint(1, _ACCOUNTS)
        path = f"/v1/ledger/accounts/{format_id(_account_id(number))}"
        self.client.get(path, headers=_HEADERS, name="GET account")
