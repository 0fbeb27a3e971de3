"""``python -m api.sandbox`` as an operator meets it: a restart, even a kill, loses nothing."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.sandbox.simulated import ROOT, Inbox, Sandbox, new_number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart_loses_nothing(keyed_folder: Path, inbox: Inbox, number: signal.Signals) -> None:
    sandbox = Sandbox(keyed_folder)
    paid, waiting, refund = new_number(), new_number(), new_number()
    client = sandbox.wechat(inbox.url)
    inbox.answers = [500]
    for reference in (paid, waiting):
        client.pay(description="x", out_trade_no=reference, amount={"total": 100})
    sandbox.act(paid, "pay")
    await inbox.next()
    client.refund(refund, {"refund": 1, "total": 100, "currency": "CNY"}, out_trade_no=paid)
    sandbox.fault("rate_limit", operation="close")
    sandbox.control("PUT", "/seed", {"seed": 99})
    sandbox.advance(86_400)
    before = sandbox.control("GET", "/clock")["now_ms"]
    files = {file: file.read_bytes() for file in sandbox.folder.rglob("*key*") if file.is_file()}
    sandbox.end(number)

    sandbox.start()
    assert {file: file.read_bytes() for file in files} == files
    assert sandbox.control("GET", "/clock")["now_ms"] >= before
    faults = sandbox.control("GET", "/faults")
    assert (faults["seed"], faults["faults"][0]["rule"]["kind"]) == (99, "rate_limit")
    client = sandbox.wechat(inbox.url)
    assert json.loads(client.query(out_trade_no=paid)[1])["trade_state"] == "REFUND"
    assert json.loads(client.query(out_trade_no=waiting)[1])["trade_state"] == "NOTPAY"  # two hours are long over
    letter = await inbox.next()  # the callback that was not taken comes again
    assert client.callback(letter.headers, letter.body)["resource"]["out_trade_no"] == paid
    sandbox.until(lambda: bool(json.loads(client.query_refund(refund)[1])["status"] == "SUCCESS"))
    assert sandbox.end() == 0


async def test_it_says_why_it_cannot_serve(own_sandbox: Sandbox, tmp_path: Path) -> None:
    def said(data: Path, address: str) -> str:
        command = [sys.executable, "-m", "api.sandbox", "--data", str(data), "--http", address]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "another process" in said(own_sandbox.data, "127.0.0.1:0")
    assert "cannot listen" in said(tmp_path / "other", own_sandbox.url.removeprefix("http://"))
    assert "host:port" in said(tmp_path / "other", "nowhere")


async def test_a_first_start_that_was_killed_is_begun_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "sandbox" / "wechat.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "merchant_key.pem").write_text("half a key")
    sandbox = Sandbox(tmp_path)
    assert not unfinished.exists()
    assert sandbox.end() == 0
