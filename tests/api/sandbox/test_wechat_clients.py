"""WeChat Pay's own clients in Java and Go drive the simulator; ``make test`` builds them where their tools are."""

import json
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from tests.api.sandbox.simulated import Sandbox, new_number

HERE = Path(__file__).parent
JAVA = HERE / "java" / "wechat" / "target"
GO = HERE / "go" / "wechat" / "client"

needs_java = pytest.mark.skipif(
    shutil.which("java") is None or not (JAVA / "libraries").exists(),
    reason="needs a JDK and Maven, and once: make tests/api/sandbox/java/wechat/target/libraries",
)
needs_go = pytest.mark.skipif(not GO.exists(), reason="needs Go, and once: make tests/api/sandbox/go/wechat/client")


def java(client: str) -> list[str]:
    return ["java", "-cp", f"{JAVA / 'classes'}:{JAVA / 'libraries'}/*", client]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(java("Official"), marks=needs_java, id="wechatpay-java"),
        pytest.param(java("Older"), marks=needs_java, id="wechatpay-apache-httpclient"),
        pytest.param([str(GO)], marks=needs_go, id="wechatpay-go"),
    ],
)
def test_f11_the_channel_s_own_clients_can_drive_the_simulator(sandbox: Sandbox, command: list[str]) -> None:
    """Replies spelled their headers in lower case and had no ``Request-ID``: the Java clients could read none."""
    number = new_number()
    today = datetime.fromisoformat(sandbox.control("GET", "/clock")["now"]).date().isoformat()
    done = subprocess.run(
        [*command, str(sandbox.folder), number, today], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.pop("made").startswith("weixin://wxpay/bizpayurl?pr=")
    assert said == {
        "unpaid": "NOTPAY",
        "paid": "SUCCESS",
        "told": f"{number}p",
        "closed": "CLOSED",
        "refund": 50,
        "refund_found": f"{number}p",
        "bill": "STATEMENT_CREATING",
        "unknown": "ORDER_NOT_EXIST",
    }
