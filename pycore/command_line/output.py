"""How results, progress and trouble are shown."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from pycore.errors import PycoreError

Answer = TypeVar("Answer")

_WIDTH_OF_FILES = 240


def run(work: Callable[[], Coroutine[Any, Any, Answer]], *, json: bool) -> Answer:
    """Return what ``work`` gives; an error of the library becomes a message and exit status 1."""
    try:
        return asyncio.run(work())
    except (PycoreError, ValueError, OSError) as error:
        fail(str(error), reason=getattr(error, "code", "misuse"), json=json)


def fail(message: str, *, reason: str, json: bool) -> NoReturn:
    """Say what went wrong and end with status 1."""
    if json:
        show_json({"error": {"reason": reason, "message": message}})
    else:
        typer.echo(f"pycore: {message}", err=True)
    raise typer.Exit(1)


def show_json(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; columns whose cells are all numbers stand to the right."""
    table = Table(title=title, title_justify="left")
    for position, name in enumerate(columns):
        numeric = all(row[position].replace(",", "").lstrip("-").isdigit() for row in rows)
        table.add_column(name, justify="right" if rows and numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    _console().print(table)


def show_fields(title: str, fields: dict[str, Any]) -> None:
    """Print a record, a line for each of its fields."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(name, ", ".join(value) if isinstance(value, list) else "–" if value is None else str(value))
    _console().print(table)


def _console() -> Console:
    """Return the output; a file or a pipe has no width that anything would have to fit into."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_OF_FILES)


@contextmanager
def progress_bar(title: str, *, json: bool) -> Iterator[Callable[[int, int], None]]:
    """Give a function to call with rows done and rows in all; it draws on the error output, if that is a terminal."""
    console = Console(stderr=True)
    if json or not console.is_terminal:
        yield lambda done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def time_text(timestamp: int) -> str:
    """Return a time (nanoseconds since 1970) as RFC 3339 text, to the nanosecond."""
    seconds, nanoseconds = divmod(timestamp, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"
