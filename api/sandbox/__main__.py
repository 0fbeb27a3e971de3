"""``python -m api.sandbox``: simulate the payment channels."""

from pathlib import Path
from typing import Annotated

import typer
import uvloop

from api.logs import configure_logs
from api.sandbox.app import serve
from pycore.config import split_address
from pycore.version import VersionOption

command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@command.command()
def main(
    data: Annotated[Path, typer.Option(help="The sandbox keeps its keys and orders in the folder sandbox in it.")] = (
        Path("data")
    ),
    http: Annotated[str, typer.Option(help="host:port to listen on.")] = "127.0.0.1:7490",
    base_url: Annotated[str | None, typer.Option(help="The address merchants and payers use, if another.")] = None,
    *,
    _version: VersionOption = False,
    with_parent: Annotated[bool, typer.Option(help="Stop also when standard input ends.")] = False,
) -> None:
    """Simulate WeChat Pay, Alipay and UnionPay until Ctrl-C. Whoever reaches the address can play any payer."""
    configure_logs()
    try:
        split_address(http)
        uvloop.run(serve(data, http, base_url, typer.echo, with_parent=with_parent))
    except (OSError, ValueError) as error:
        typer.echo(f"cannot serve: {error}", err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    command()
