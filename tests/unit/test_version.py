"""Every program tells its version, and does nothing else then."""

import pytest
import typer
from typer.testing import CliRunner

from api.__main__ import command as server
from api.sandbox.__main__ import command as sandbox
from pycore.command_line import command


@pytest.mark.parametrize("program", [command, server, sandbox])
def test_u12_a_program_tells_its_version(program: typer.Typer) -> None:
    told = CliRunner().invoke(program, ["--version"])
    assert (told.exit_code, told.output.split()[0]) == (0, "pycore")
