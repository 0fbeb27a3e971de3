"""Alipay's own SDK, a Node package, drives both interfaces. ``npm ci`` in the folder ``node`` makes this test run."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.sandbox.simulated import Sandbox, new_number

NODE = Path(__file__).parent / "node"


@pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules").exists(),
    reason=f"needs Node, and once: npm ci --prefix {NODE}",
)
def test_the_official_sdk(sandbox: Sandbox) -> None:
    command = ["node", "alipay.mjs", str(sandbox.folder), new_number()]
    done = subprocess.run(command, cwd=NODE, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["v2_made"]["qrCode"].startswith("https://qr.alipay.com/")
    assert said["v2_found"]["tradeStatus"] == "TRADE_SUCCESS"
    assert said["v3_made"]["qr_code"].startswith("https://qr.alipay.com/")
    assert said["v3_unknown"] == "ACQ.TRADE_NOT_EXIST"
    assert said["v3_found"]["total_amount"] == "10.50"
    assert said["v3_refund"]["refund_fee"] == "0.50"
    assert said["v3_bill"] == "isp.bill_not_exist"
