"""``pycore vault``: new keys for the vault; servers may go on running."""

from pathlib import Path

import typer

from pycore.command_line import output
from pycore.command_line.database import work_on_store
from pycore.command_line.options import ConfigOption, DataOption, DsnOption, JsonOption, settings_of
from pycore.merchants import rewrap_keys, rotate_data_key
from pycore.store import Store
from pycore.vault import KeySource, configured_key_source

vault = typer.Typer(help="The vault's keys.", no_args_is_help=True)


@vault.command()
def rewrap(
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Wrap every stored key under the first of the key-encryption keys; then the older ones may go."""

    async def work(store: Store) -> int:
        return await rewrap_keys(store.pool, _source(config, data, dsn))

    count = work_on_store(work, config, data, dsn, json=json)
    if json:
        output.show_json({"rewrapped": count})
    else:
        typer.echo(f"{count:,} keys were wrapped anew; no stored key needs an older key-encryption key")


@vault.command()
def rotate(
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Make a new data key; each server seals with it from its next start, and opens what older ones sealed."""

    async def work(store: Store) -> None:
        await rotate_data_key(store.pool, _source(config, data, dsn))

    work_on_store(work, config, data, dsn, json=json)
    if json:
        output.show_json({"rotated": True})
    else:
        typer.echo("there is a new data key: servers seal with it from their next start")


def _source(config: Path | None, data: str | None, dsn: str | None) -> KeySource:
    settings = settings_of(config, data, dsn)
    return configured_key_source(settings.vault, Path(settings.store.data))
