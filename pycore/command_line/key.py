"""``pycore key``: make API keys, list, roll and revoke them. A secret is printed once, when it is made."""

from time import time_ns
from typing import Annotated, Any

import typer

from pycore.command_line import output
from pycore.command_line.database import work_on_store
from pycore.command_line.merchant import BurstOption, PerSecondOption
from pycore.command_line.options import ConfigOption, DataOption, DsnOption, JsonOption
from pycore.errors import InvalidRequestError
from pycore.ids import format_typed_id, parse_typed_id
from pycore.merchants import (
    KEY_PREFIX,
    MERCHANT_PREFIX,
    Allowance,
    ApiKey,
    ApiKeys,
    KeyTerms,
    OperatorScope,
    Scope,
)
from pycore.store import Store
from pycore.tenant import Tenant

key = typer.Typer(help="API keys: what merchants' systems and operators call with.", no_args_is_help=True)

KeyArgument = Annotated[str, typer.Argument(help="The key, key_….")]
MerchantOption = Annotated[
    str | None, typer.Option("--merchant", help="Whose keys, mer_…; without one: an operator's.")
]
LiveOption = Annotated[bool, typer.Option("--live", help="Where real money moves; without it: test mode.")]
_DAY_NS = 86_400 * 10**9
_COLUMNS = ("id", "name", "secret ends", "mode", "scopes", "expires at", "revoked at")


@key.command()
def create(
    merchant: MerchantOption = None,
    name: Annotated[str, typer.Option("--name", help="For people.")] = "command line",
    scope: Annotated[list[str] | None, typer.Option("--scope", help="What it allows, repeated; none: all.")] = None,
    network: Annotated[list[str] | None, typer.Option("--network", help="From where, as in 203.0.113.0/24.")] = None,
    requests_per_second: PerSecondOption = 1000,
    requests_burst: BurstOption = 2000,
    expires_in_days: Annotated[int | None, typer.Option("--expires-in-days", min=1, max=36_500)] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """Make a key and print its secret, this once; a server may be running."""

    async def work(store: Store) -> tuple[ApiKey, str]:
        tenant = _tenant(merchant, live=live)
        terms = KeyTerms(
            name=name,
            scopes=_scopes(tenant, scope),
            allowed_networks=network or (),
            allowance=Allowance(requests_per_second, requests_burst),
            expires_at=None if expires_in_days is None else time_ns() + expires_in_days * _DAY_NS,
        )
        return await ApiKeys(store.pool).create(tenant, terms)

    _show_made(*work_on_store(work, config, data, dsn, json=json), json=json)


@key.command("list")
def list_all(
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """List the hundred newest keys, also those that work no more."""

    async def work(store: Store) -> list[ApiKey]:
        return list((await ApiKeys(store.pool).list(_tenant(merchant, live=live), 100)).items)

    found = work_on_store(work, config, data, dsn, json=json)
    if json:
        output.show_json({"keys": [_fields(each) for each in found]})
    else:
        output.show_table("API keys", _COLUMNS, [_row(_fields(each)) for each in found])


@key.command()
def roll(
    key: KeyArgument,
    overlap_seconds: Annotated[
        int, typer.Option("--overlap-seconds", help="How long the old one goes on working.")
    ] = 86_400,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Make a key in the place of another, on the same terms, and print its secret, this once."""

    async def work(store: Store) -> tuple[ApiKey, str]:
        keys = ApiKeys(store.pool)
        old = await keys.find(parse_typed_id(KEY_PREFIX, key))
        return await keys.roll(old.tenant, old.id, overlap_seconds=overlap_seconds)

    _show_made(*work_on_store(work, config, data, dsn, json=json), json=json)


@key.command()
def revoke(
    key: KeyArgument,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """End a key, in running servers within ten seconds."""

    async def work(store: Store) -> ApiKey:
        keys = ApiKeys(store.pool)
        found = await keys.find(parse_typed_id(KEY_PREFIX, key))
        return await keys.revoke(found.tenant, found.id)

    fields = _fields(work_on_store(work, config, data, dsn, json=json))
    if json:
        output.show_json({"key": fields})
    else:
        output.show_fields("API key", fields)


def _show_made(made: ApiKey, secret: str, *, json: bool) -> None:
    if json:
        output.show_json({"key": _fields(made), "secret": secret})
    else:
        output.show_fields("API key", _fields(made))
        # A line of its own: a table would break it in a narrow window.
        typer.echo("The secret, shown this once; nobody can look it up:")
        typer.echo(secret)


def _tenant(merchant: str | None, *, live: bool) -> Tenant | None:
    return None if merchant is None else Tenant(parse_typed_id(MERCHANT_PREFIX, merchant), live)


def _scopes(tenant: Tenant | None, names: list[str] | None) -> list[Scope | OperatorScope]:
    """Return the named scopes, or all. Raises InvalidRequestError for one that there is not."""
    kind: type[Scope | OperatorScope] = OperatorScope if tenant is None else Scope
    known = {str(each): each for each in kind}
    for name in names or ():
        if name not in known:
            raise InvalidRequestError(
                f"--scope: {name} is none; give some of {', '.join(known)}, as in --scope {next(iter(known))}"
            )
    return [known[name] for name in names] if names else list(kind)


def _fields(key: ApiKey) -> dict[str, Any]:
    terms = key.terms
    return {
        "id": format_typed_id(KEY_PREFIX, key.id),
        "merchant": None if key.tenant is None else format_typed_id(MERCHANT_PREFIX, key.tenant.merchant_id),
        "live": key.tenant is None or key.tenant.live,
        "name": terms.name,
        "hint": key.hint,
        "scopes": [str(scope) for scope in terms.scopes],
        "allowed_networks": list(terms.allowed_networks),
        "requests_per_second": terms.allowance.requests_per_second,
        "requests_burst": terms.allowance.requests_burst,
        "replaced_by": None if key.replaced_by is None else format_typed_id(KEY_PREFIX, key.replaced_by),
        "created_at": output.time_text(key.created_at),
        "expires_at": None if terms.expires_at is None else output.time_text(terms.expires_at),
        "revoked_at": None if key.revoked_at is None else output.time_text(key.revoked_at),
    }


def _row(fields: dict[str, Any]) -> tuple[str, ...]:
    return (
        fields["id"],
        fields["name"],
        f"…{fields['hint']}",
        "live" if fields["live"] else "test",
        ", ".join(fields["scopes"]),
        fields["expires_at"] or "–",
        fields["revoked_at"] or "–",
    )
