"""What public tools make of /openapi.json: a typed client in TypeScript that compiles, and makes a payment."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from aiohttp import ClientSession

from api.app import Doors
from tests.api.keys import Key

FOLDER = Path(__file__).parent / "openapi"
TOOLS = FOLDER / "node_modules" / ".bin"


async def run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=FOLDER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.mark.skipif(
    shutil.which("node") is None or not TOOLS.exists(), reason=f"needs Node, and once: npm ci --prefix {FOLDER}"
)
async def test_u15_a_typescript_client_compiles_and_makes_a_payment(
    doors: Doors, session: ClientSession, merchant: Key
) -> None:
    # It compiled only with an option that switches checks off, and times were texts of any kind.
    generated = FOLDER / "generated"
    generated.mkdir(exist_ok=True)
    async with session.get("/openapi.json") as response:
        document = await response.read()
    (generated / "openapi.json").write_bytes(document)
    await run(str(TOOLS / "openapi-typescript"), "generated/openapi.json", "-o", "generated/api.ts")
    await run(str(TOOLS / "tsc"), "-p", ".")
    said = json.loads(await run("node", "generated/out/pay.js", f"http://{doors.http_address}", merchant.secret))
    assert (said["found"], said["metadata"], said["status"]) == (1, {"table": "7"}, "canceled")


async def test_u15_the_document_says_where_who_and_when(session: ClientSession) -> None:
    async with session.get("/openapi.json") as response:
        document = await response.json()
    assert document["servers"]
    operations = [each for methods in document["paths"].values() for each in methods.values()]
    assert all("security" in each and each["description"] for each in operations)
    assert all("request-id" in answer["headers"] for each in operations for answer in each["responses"].values())
    payment = document["components"]["schemas"]["Payment"]["properties"]
    assert payment["created_at"]["format"] == "date-time"
    assert payment["amount_captured"]["description"] == "what the merchant got."
    assert "Attributes:" not in json.dumps(document)
    assert "``" not in json.dumps(document)
