"""Options that several commands take, and the settings they make."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from pycore.config import Settings, load_settings

ConfigOption = Annotated[Path | None, typer.Option("--config", help="TOML file with settings; also PYCORE_CONFIG.")]
DataOption = Annotated[str | None, typer.Option("--data", help="The ledger's data folder.")]
DsnOption = Annotated[str | None, typer.Option("--dsn", help="postgresql://… of the ledger's database.")]
ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server", help="host:port of a running server's gRPC door; without one the ledger itself is opened."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def settings_of(config: Path | None, data: str | None, dsn: str | None, server: str | None = None) -> Settings:
    """Return the settings with the options that were given. Raises ConfigurationError."""
    settings = load_settings(config)
    store = {name: value for name, value in (("data", data), ("dsn", dsn)) if value is not None}
    client = {} if server is None else {"grpc_address": server}
    return msgspec.structs.replace(
        settings,
        store=msgspec.structs.replace(settings.store, **store),
        client=msgspec.structs.replace(settings.client, **client),
    )
