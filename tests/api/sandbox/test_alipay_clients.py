"""A public client of Alipay in Go drives the simulated gateway; ``make test`` builds it where Go is."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.api.sandbox.simulated import Sandbox, new_number

GO = Path(__file__).parent / "go" / "alipay" / "client"


@pytest.mark.skipif(not GO.exists(), reason="needs Go, and once: make tests/api/sandbox/go/alipay/client")
def test_k1_a_public_client_in_go_can_drive_the_simulator(sandbox: Sandbox) -> None:
    """It repeats ``charset`` in the address on every call: 参数重复."""
    number = new_number()
    command = [str(GO), str(sandbox.folder), number]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.pop("made").startswith("https://qr.alipay.com/")
    assert said == {
        "unscanned": "ACQ.TRADE_NOT_EXIST",
        "told": [number, "TRADE_SUCCESS", "10.50"],
        "found": ["TRADE_SUCCESS", "10.50"],
        "refund": ["Y", "0.50"],
        "refunded": "0.50",
        "closed": ["10000", f"{number}b"],
        "canceled": ["10000", "close"],
        "badly": "ACQ.INVALID_PARAMETER",
        "bill": "isp.bill_not_exist",
    }
