"""The OpenAPI document against the server, by a tool that makes up requests from it: documented answers, no 5xx."""

import asyncio
import sys
from pathlib import Path

import pytest

from api.app import Doors
from api.rest.app import ENDPOINTS
from api.services import Services
from tests.api.keys import Key, tenant_key
from tests.api.shop import PLENTY, Shop

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


@pytest.fixture(params=["merchant", "operator"])
async def key(request: pytest.FixtureRequest, services: Services) -> Key:
    """Each opens its own endpoints; the others' are tried too, and refused as documented."""
    if request.param == "operator":
        return await tenant_key(services, None, allowance=PLENTY)
    return await tenant_key(services, (await Shop.open(services)).tenant, allowance=PLENTY)


async def test_every_answer_is_a_documented_one(doors: Doors, key: Key, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"http://{doors.http_address}/openapi.json"),
        *("--header", f"authorization: Bearer {key.secret}"),
        *("--checks", ",".join(CHECKS), "--max-examples", "3", "--seed", "1", "--no-color"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 300)
    assert process.returncode == 0, output.decode()
    assert f"Tested: {len(ENDPOINTS) + 1}".encode() in output, output.decode()
