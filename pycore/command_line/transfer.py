"""``pycore transfer``: one transfer."""

from typing import Annotated

import typer

from pycore.command_line import output, records
from pycore.command_line.books import open_books
from pycore.command_line.options import ConfigOption, DataOption, DsnOption, JsonOption, ServerOption, settings_of
from pycore.ids import parse_id
from pycore.ledger import Transfer


def transfer(
    id: Annotated[str, typer.Argument(help="The transfer's id: UUID text or decimal digits.")],
    server: ServerOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Show a transfer."""

    async def work() -> list[Transfer]:
        number = parse_id(id)
        async with open_books(settings_of(config, data, dsn, server), server) as books:
            return await books.lookup_transfers([number])

    found = output.run(work, json=json)
    if not found:
        output.fail(f"there is no transfer {id}", reason="not_found", json=json)
    fields = records.transfer_fields(found[0])
    if json:
        output.show_json({"transfer": fields})
        return
    fields["timestamp"] = output.time_text(found[0].timestamp)
    output.show_fields("Transfer", fields)
