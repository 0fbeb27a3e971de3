"""The sandbox as a process, a merchant's server for its callbacks, and the public SDKs pointed at it."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from alipay import AliPay
from wechatpayv3 import WeChatPay, WeChatPayType

ROOT = Path(__file__).parents[3]
_NUMBERS = itertools.count(1)


def new_number() -> str:
    """A merchant's number nobody used before in this run."""
    return f"order{os.getpid()}{next(_NUMBERS):06d}"


class Sandbox:
    """``python -m api.sandbox`` on a folder; starting it again on the same folder is a restart."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api.sandbox", "--data", str(self.data), "--http", "127.0.0.1:0"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = ""
        while not line.startswith("ready"):
            line = self.process.stdout.readline()
            assert line, "it ended early"
        self.url = line.split()[1]
        self.folder = self.data / "sandbox"
        self.description = json.loads((self.folder / "sandbox.json").read_text())

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def text(self, file: str) -> str:
        """The content of a file that ``sandbox.json`` names."""
        channel, name = file.split(".")
        path: Path = self.folder / self.description[channel][name]
        return path.read_text()

    def control(self, method: str, path: str, content: Any = None) -> Any:
        """A call of the control interface."""
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(
            f"{self.url}/control{path}", body, {"content-type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.loads(response.read() or b"null")

    def refused(self, method: str, path: str, content: Any = None) -> int:
        """The status of a call that fails."""
        try:
            self.control(method, path, content)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        raise AssertionError("it did not fail")

    def order(self, reference: str) -> Any:
        """An order with its refunds and callbacks, by the merchant's number."""
        found = self.control("GET", f"/orders?reference={reference}")["orders"][0]
        return self.control("GET", f"/orders/{found['id']}")

    def act(self, reference: str, act: str) -> Any:
        """What the payer of an order does."""
        return self.control("POST", f"/orders/{self.order(reference)['id']}/{act}", {})

    def fault(self, kind: str, reference: str = "", **more: Any) -> Any:
        """A fault, ordered for one order or for all."""
        return self.control("POST", "/faults", {"kind": kind, "reference": reference, **more})

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what happens by itself."""
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def noon(self) -> datetime:
        """Move to the next noon in Shanghai, far from where a business day ends, and return it."""
        now = datetime.fromisoformat(self.control("GET", "/clock")["now"])
        noon = (now + timedelta(days=1)).replace(hour=12, minute=0, second=0)
        self.advance(int((noon - now).total_seconds()))
        return noon

    def advance(self, seconds: int, *, merchant_follows: bool = False) -> None:
        """Let simulated time pass; with ``merchant_follows`` the merchant's clock is turned too."""
        self.control("PUT", "/clock", {"advance_s": seconds, "merchant_follows": merchant_follows})

    def wechat(self, inbox_url: str, kind: WeChatPayType = WeChatPayType.NATIVE, timeout: float = 10) -> WeChatPay:
        """The public SDK of WeChat Pay as a merchant's, verifying with the channel's public key."""
        own = self.description["wechat"]
        client = WeChatPay(
            wechatpay_type=kind,
            mchid=own["mchid"],
            private_key=self.text("wechat.merchant_key_file").strip(),
            cert_serial_no=own["merchant_serial"],
            appid=own["appid"],
            apiv3_key=self.text("wechat.apiv3_key_file"),
            notify_url=inbox_url,
            public_key=self.text("wechat.platform_public_key_file").strip(),
            public_key_id=own["public_key_id"],
            timeout=(timeout, timeout),
        )
        client._core._gate_way = self.url
        return client

    def alipay(self, inbox_url: str) -> AliPay:
        """A public SDK of Alipay as a merchant's."""
        own = self.description["alipay"]
        client = AliPay(
            appid=own["app_id"],
            app_notify_url=inbox_url,
            app_private_key_string=self.text("alipay.app_key_file"),
            alipay_public_key_string=self.text("alipay.platform_public_key_file"),
        )
        client._gateway = own["gateway"]
        return client


@dataclass
class Letter:
    """A callback as the merchant got it."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Inbox:
    """A merchant's server: keeps callbacks, answers what it is told to, then ``200 success``."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    letters: asyncio.Queue[Letter] = field(default_factory=asyncio.Queue)

    async def take(self, request: web.Request) -> web.Response:
        await self.letters.put(Letter(dict(request.headers), await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200, text="success")

    async def next(self) -> Letter:
        """The next callback that comes."""
        return await asyncio.wait_for(self.letters.get(), 10)

    async def is_quiet(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for a while."""
        await asyncio.sleep(seconds)
        return self.letters.empty()
