"""The OpenAPI document against the server, by a tool that makes up requests from it: documented answers, no 5xx."""

import asyncio
import sys
from pathlib import Path

from api.app import Doors

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


async def test_every_answer_is_a_documented_one(doors: Doors, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"http://{doors.http_address}/openapi.json"),
        *("--checks", ",".join(CHECKS), "--max-examples", "5", "--seed", "1", "--no-color"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 300)
    assert process.returncode == 0, output.decode()
    assert b"Tested: 12" in output, output.decode()
