"""``pycore config``: the settings in force, secrets masked."""

from typing import Any

from pycore.command_line import output
from pycore.command_line.options import ConfigOption, DataOption, DsnOption, JsonOption, settings_of


def config(
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Show the settings in force, from defaults, file, environment and options; secrets are masked."""

    async def work() -> dict[str, dict[str, Any]]:
        return settings_of(config, data, dsn).shown()

    sections = output.run(work, json=json)
    if json:
        output.show_json(sections)
        return
    rows = [
        (section, name, "–" if value is None else str(value))
        for section, fields in sections.items()
        for name, value in fields.items()
    ]
    output.show_table("Settings in force", ("section", "setting", "value"), rows)
