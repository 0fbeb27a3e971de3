"""``python -m api``: serve payments and the ledger over gRPC and HTTP."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop

from api.app import serve
from api.demo import serve_demo
from api.logs import configure_logs
from pycore.config import Settings, load_settings, split_address
from pycore.errors import PycoreError
from pycore.version import VersionOption

command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@command.command()
def main(
    config: Annotated[Path | None, typer.Option(help="TOML file with settings; also PYCORE_CONFIG.")] = None,
    data: Annotated[str | None, typer.Option(help="Folder of the embedded PostgreSQL and the journal's key.")] = None,
    dsn: Annotated[str | None, typer.Option(help="postgresql://… of a PostgreSQL of yours instead.")] = None,
    grpc: Annotated[str | None, typer.Option(help="host:port of the gRPC door.")] = None,
    http: Annotated[str | None, typer.Option(help="host:port of the HTTP door.")] = None,
    *,
    _version: VersionOption = False,
    take_over: Annotated[bool, typer.Option(help="Fence a writer that still holds this ledger.")] = False,
    demo: Annotated[bool, typer.Option(help="With simulated channels and a merchant in test mode, to try.")] = False,
    sandbox: Annotated[str, typer.Option(help="host:port of the simulated channels of --demo.")] = "127.0.0.1:7490",
) -> None:
    """Serve the ledger over gRPC and HTTP until Ctrl-C."""
    configure_logs()
    try:
        settings = _settings(load_settings(config), data=data, dsn=dsn, grpc=grpc, http=http)
        if demo:
            split_address(sandbox)
            uvloop.run(serve_demo(settings, sandbox, take_over=take_over, tell=_tell))
        else:
            uvloop.run(serve(settings, take_over=take_over, tell=_tell))
    except (PycoreError, OSError, ValueError) as error:
        typer.echo(f"cannot serve: {error}", err=True)
        raise typer.Exit(1) from None


def _settings(settings: Settings, *, data: str | None, dsn: str | None, grpc: str | None, http: str | None) -> Settings:
    """Return the settings with the options that were given on the command line."""
    store = {name: value for name, value in (("data", data), ("dsn", dsn)) if value is not None}
    server = {name: value for name, value in (("grpc_address", grpc), ("http_address", http)) if value is not None}
    return msgspec.structs.replace(
        settings,
        store=msgspec.structs.replace(settings.store, **store),
        server=msgspec.structs.replace(settings.server, **server),
    )


def _tell(line: str) -> None:
    typer.echo(line)


if __name__ == "__main__":
    command()
