"""The ``pycore`` command, run as a shell runs it."""

import asyncio
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


async def pycore(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Return its exit status, its output and its errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pycore",
        *arguments,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    assert "Traceback" not in errors.decode()
    return process.returncode, output.decode(), errors.decode()
