"""``pycore verify``: prove that journal and tables are as they were written."""

import msgspec
import typer

from pycore import ledger
from pycore.command_line import output
from pycore.command_line.database import existing_key, open_store
from pycore.command_line.options import ConfigOption, DataOption, DsnOption, JsonOption, settings_of
from pycore.ledger import VerifyReport


def verify(
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Check every journal row's hash, replay it, and compare every table with the replay; a server may be running.

    The exit status is 1 where anything was found.
    """

    async def work() -> VerifyReport:
        settings = settings_of(config, data, dsn)
        key = existing_key(settings)
        async with open_store(settings) as store:
            connection = await store.connect()
            try:
                with output.progress_bar("journal rows", json=json) as progress:
                    return await ledger.verify(connection, key.secret, progress=progress)
            finally:
                await connection.close()

    report = output.run(work, json=json)
    if json:
        output.show_json({**msgspec.structs.asdict(report), "holds": not report.findings})
    else:
        fields = {
            "journal rows": f"{report.journal_rows:,}",
            "transfers": f"{report.transfers:,}",
            "accounts": f"{report.accounts:,}",
            "state hash": report.state_hash,
            "result": "the books are as they were written" if not report.findings else "THE BOOKS DO NOT HOLD",
        }
        output.show_fields("Verification", fields)
        for finding in report.findings:
            typer.echo(f"found: {finding}")
    if report.findings:
        raise typer.Exit(1)
