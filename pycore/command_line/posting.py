"""``pycore posting``: corrections of the books that one operator asks for and another approves."""

import ssl
from pathlib import Path
from typing import Annotated, Any, Final

import aiohttp
import typer

from pycore.command_line import output
from pycore.command_line.books import operator_key
from pycore.command_line.options import ConfigOption, DataOption, JsonOption, settings_of
from pycore.config import Settings
from pycore.errors import ConfigurationError, OutcomeUnknownError

posting = typer.Typer(
    help="Manual postings: one operator asks, another approves. Each calls a running server with a key of their own"
    " (PYCORE_CLIENT_API_KEY).",
    no_args_is_help=True,
)

PostingArgument = Annotated[str, typer.Argument(help="The posting, pst_….")]
ServerOption = Annotated[
    str | None, typer.Option("--server", help="http://host:port of the server's HTTP door; without: the settings'.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for who looks at the books later.")]
_COLUMNS = ("id", "state", "amount", "currency", "mode", "reference", "asked by", "decided by", "expires at")
_PATH: Final = "/v1/postings"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)


@posting.command()
def ask(
    debit: Annotated[str, typer.Option("--debit", help="The account to debit, by id.")],
    credit: Annotated[str, typer.Option("--credit", help="The account to credit, by id.")],
    amount: Annotated[int, typer.Option("--amount", help="Minor units, as in 2000 for 20.00 CNY.")],
    reference: Annotated[str, typer.Option("--reference", help="Unique for ever, as in COR-2026-001.")],
    reason: ReasonOption,
    currency: Annotated[str, typer.Option("--currency", help="A code of ISO 4217.")] = "CNY",
    expires_in_seconds: Annotated[int, typer.Option("--expires-in-seconds", help="A minute to a week.")] = 86_400,
    server: ServerOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    *,
    live: Annotated[bool, typer.Option("--live", help="The books of real money; without it: test mode's.")] = False,
    json: JsonOption = False,
) -> None:
    """Ask for a posting; no money moves until another operator approves it."""
    body = {
        "debit_account_id": debit,
        "credit_account_id": credit,
        "amount": amount,
        "currency": currency,
        "live": live,
        "reason": reason,
        "reference": reference,
        "expires_in_seconds": expires_in_seconds,
    }
    _show(_call("POST", "", body, server, config, data, json=json), json=json)


@posting.command()
def approve(
    posting: PostingArgument,
    server: ServerOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Make a posting that another operator asked for."""
    _show(_call("POST", f"/{posting}/approve", None, server, config, data, json=json), json=json)


@posting.command()
def refuse(
    posting: PostingArgument,
    reason: ReasonOption,
    server: ServerOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Decide that a posting is never made."""
    _show(_call("POST", f"/{posting}/refuse", {"reason": reason}, server, config, data, json=json), json=json)


@posting.command()
def withdraw(
    posting: PostingArgument,
    server: ServerOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Take back a posting one asked for."""
    _show(_call("POST", f"/{posting}/withdraw", None, server, config, data, json=json), json=json)


@posting.command("list")
def list_all(
    server: ServerOption = None, config: ConfigOption = None, data: DataOption = None, *, json: JsonOption = False
) -> None:
    """List the hundred newest postings."""
    found = _call("GET", "?limit=100", None, server, config, data, json=json)["data"]
    if json:
        output.show_json({"postings": found})
    else:
        output.show_table("Manual postings", _COLUMNS, [_row(each) for each in found])


@posting.command()
def show(
    posting: PostingArgument,
    server: ServerOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Show a posting: what, why, who asked and who decided."""
    _show(_call("GET", f"/{posting}", None, server, config, data, json=json), json=json)


def _call(
    method: str, path: str, body: Any, server: str | None, config: Path | None, data: str | None, *, json: bool
) -> Any:
    """Return the server's answer; a refusal becomes its message and exit status 1."""

    async def work() -> tuple[int, Any]:
        settings = settings_of(config, data, None)
        url = f"{server or _door(settings)}{_PATH}{path}"
        headers = {"authorization": f"Bearer {_key(settings)}"}
        trust = ssl.create_default_context(cafile=settings.client.tls_ca_file)
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers) as session,
                session.request(method, url, json=body, ssl=trust, allow_redirects=False) as reply,
            ):
                return reply.status, await reply.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise OutcomeUnknownError(
                f"no answer from {url} ({type(error).__name__}); whether anything was recorded is not known: run the"
                " same command again, nothing is done twice"
            ) from None

    status, answer = output.run(work, json=json)
    if status >= 400:
        output.fail(answer["detail"], reason=answer["reason"], json=json)
    return answer


def _door(settings: Settings) -> str:
    scheme = "http" if settings.server.tls_certificate_file is None else "https"
    return f"{scheme}://{settings.server.http_address}"


def _key(settings: Settings) -> str:
    key = operator_key(settings)
    if key is None:
        raise ConfigurationError("there is no API key: set PYCORE_CLIENT_API_KEY to an operator's key of yours")
    return key


def _show(found: dict[str, Any], *, json: bool) -> None:
    if json:
        output.show_json({"posting": found})
    else:
        output.show_fields("Manual posting", found)


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    return (
        found["id"],
        found["state"],
        str(found["amount"]),
        found["currency"],
        "live" if found["live"] else "test",
        found["reference"],
        found["asked_by_name"],
        found["decided_by_name"] or "–",
        found["expires_at"],
    )
