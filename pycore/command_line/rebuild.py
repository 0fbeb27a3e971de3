"""``pycore rebuild``: make the tables anew from the journal."""

from pycore import ledger
from pycore.command_line import output
from pycore.command_line.database import existing_key, open_store
from pycore.command_line.options import ConfigOption, DataOption, DsnOption, JsonOption, settings_of


def rebuild(
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Empty the tables people query and fill them from the journal; no server may be running.

    The journal, which is the truth, is only read. Interrupted, it goes on where it was.
    """

    async def work() -> int:
        settings = settings_of(config, data, dsn)
        key = existing_key(settings)
        async with open_store(settings) as store:
            with output.progress_bar("journal rows", json=json) as progress:
                return await ledger.rebuild(store, key, progress=progress)

    rows = output.run(work, json=json)
    if json:
        output.show_json({"journal_rows": rows})
    else:
        output.show_fields("Rebuilt", {"journal rows": f"{rows:,}"})
