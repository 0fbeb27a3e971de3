"""What the documents tell people to type is typed, in their order, against one server as ``make run`` starts it.

A block whose fence says ``sh`` or ``python`` is run as it stands: only addresses are replaced, and an id that ends in
``…`` is the newest of its kind. One that cannot be run here (another machine, an archive, minutes of work) says
``by hand`` and is read.
"""

import asyncio
import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook
from typer.testing import CliRunner

from pycore.command_line import command
from tests.api.demo_process import Demo, running
from tests.surface.test_documents import ROOT, blocks, of_routing

_TYPED = re.compile(r"^(?:curl|grpcurl|pycore|psql|pg_\w+|export|make|\.venv/bin/\w+) ", re.MULTILINE)

_WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(24)).decode()

_CURL = 'set -euo pipefail; curl() { command curl --fail-with-body --max-time 20 "$@"; echo; }\n'


def test_u6_nothing_to_type_is_left_out() -> None:
    for name, text in blocks(""):
        assert not _TYPED.search(text), f"{name}: the fence of this block says neither `sh` nor `sh by hand`:\n{text}"


def test_u6_what_is_typed_by_hand_can_be_read() -> None:
    for name, text in blocks("sh", "sh by hand"):
        read = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
        assert read.returncode == 0, (name, read.stderr)


def here(text: str, demo: Demo) -> str:
    """Return the text with this demo's addresses and ids for those of the documents."""
    for said, ours in {
        "localhost:7480": demo.http,
        "localhost:7490": demo.sandbox,
        "127.0.0.1:7400": demo.grpc,
        "https://shop.example.com": "https://localhost:9",
        "sk_test_…": demo.said("key"),
    }.items():
        text = text.replace(said, ours)
    return text


def statements(text: str) -> list[list[str]]:
    """Return the words of each command of a block."""
    lines = text.replace("\\\n", " ").splitlines()
    commands = [shlex.split(part, comments=True) for line in lines for part in line.split(" ; ")]
    return [words for words in commands if words]


class CommandLine:
    """``pycore`` without a process for each command, which would take most of the time."""

    def __init__(self) -> None:
        self._newest: dict[str, str] = {}

    def run(self, words: list[str]) -> None:
        words = [self._newest.get(word, word) for word in words[1:]]
        done = CliRunner().invoke(command, words)
        assert done.exit_code == 0, (words, done.output)
        for name in re.findall(r"\b[a-z]+_[0-9a-f]{32}\b", done.output):
            self._newest[f"{name.partition('_')[0]}_…"] = name


_BODY = """
import asyncio
from pycore.client import PaymentClient
from pycore.payments import CreatePayment
from tests.surface.test_documents_run import webhook
headers, body = webhook()
def seen(event_id):
    return False
async def main():
{text}
asyncio.run(main())
"""


def webhook() -> tuple[dict[str, str], str]:
    """Return headers and body of an event as a receiver gets them, signed with its secret ``whsec_…``."""
    at, body = datetime.now(UTC), json.dumps({"id": "evt_1"})
    signature = Webhook(_WEBHOOK_SECRET).sign("evt_1", at, body)
    return {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }, body


def program(text: str, demo: Demo) -> str:
    """Return what to run: a programme as it stands; lines of a function of the reader's, as the body of one."""
    if "asyncio.run(" in text:
        return text
    lines = here(text, demo).replace("whsec_…", _WEBHOOK_SECRET).splitlines()
    return _BODY.format(text="\n".join(f"    {line}" for line in lines))


async def run(folder: Path, environment: Mapping[str, str], *command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, told.decode()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl in PATH")
async def test_u6_everything_in_the_documents_runs_in_their_order(
    database_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The routing rules failed with the document's own routes; calls of the ledger were shown without the key they need.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYCORE_STORE_DSN", database_dsn)
    monkeypatch.setenv("PYCORE_WEBHOOKS_ALLOW_LOOPBACK", "true")
    data = tmp_path / "data"
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "dsn").write_text(database_dsn)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    rules = next(text for text in of_routing("") if text.startswith("# at night"))
    (routes,), (traffic,) = of_routing("toml"), of_routing("json")
    traffic = traffic.replace("\n", "") + "\n"
    files = {"new.rules": rules, "old.rules": "prefer alipay\n", "routes.toml": routes, "traffic.jsonl": traffic}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    async with running(database_dsn, data) as demo:
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "KEY": demo.said("key"),
        }
        command_line = CommandLine()
        for _, text in blocks("sh"):
            if text.startswith(("pycore ", ".venv/bin/pycore ")):
                for words in statements(text):
                    await asyncio.to_thread(command_line.run, words)
            else:
                await run(tmp_path, environment, "bash", "-c", _CURL + here(text, demo))
        for _, text in blocks("python"):
            words = [sys.executable, "-c", program(text, demo)]
            if "sys.argv" in text:  # the database of the block before it
                words += ["books", "psql", "-c", "SELECT 1", "{dsn}"]
            await run(tmp_path, environment, *words)
