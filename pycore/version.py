"""The option ``--version`` of every program of this distribution."""

from importlib.metadata import version
from typing import Annotated

import typer


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"pycore {version('pycore')}")
        raise typer.Exit


VersionOption = Annotated[
    bool,
    typer.Option(
        "--version", help="Print the version.", callback=lambda asked: _show_version(is_asked=asked), is_eager=True
    ),
]
