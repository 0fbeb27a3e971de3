"""``pycore listen`` and ``pycore trigger``: events of one merchant, at a developer's desk."""

from contextlib import AsyncExitStack, suppress
from typing import Annotated, Self

import aiohttp
import typer

from pycore.client import EventClient
from pycore.command_line import output
from pycore.command_line.books import credentials_of
from pycore.command_line.options import ConfigOption, JsonOption, settings_of
from pycore.config import Settings
from pycore.errors import ConfigurationError
from pycore.events import EventView, WebhookSecret
from pycore.events.sender import DEADLINE_SECONDS, headers

_ServerOption = Annotated[str | None, typer.Option("--server", help="host:port of the server's gRPC door.")]


def listen(
    types: Annotated[str | None, typer.Option("--types", help="Only these types, with commas between.")] = None,
    after: Annotated[str | None, typer.Option("--after", help="Begin after this event, evt_…; without: now.")] = None,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after so many.")] = None,
    forward_to: Annotated[
        str | None,
        typer.Option("--forward-to", help="Post each event there, as a webhook is: http://localhost:…"),
    ] = None,
    server: _ServerOption = None,
    config: ConfigOption = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document a line.")] = False,
) -> None:
    """Print what happens to the merchant of your API key (PYCORE_CLIENT_API_KEY) as it happens."""

    async def work() -> None:
        settings = settings_of(config, None, None, server)
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(_client(settings))
            forward = None
            if forward_to is not None:
                forward = await stack.enter_async_context(_Forward(forward_to, _secret(settings.client.webhook_secret)))
            if not json:
                typer.echo(_listening(settings, types, after, forward_to), err=True)
            remaining = count
            chosen = types.split(",") if types else ()
            async for event in client.listen(after=after, types=chosen, from_now=after is None):
                _print(event, json=json)
                if forward is not None:
                    typer.echo(f"  {await forward.send(event)}", err=json)
                if remaining is not None:
                    remaining -= 1
                    if not remaining:
                        return

    with suppress(KeyboardInterrupt):
        output.run(work, json=json)


def trigger(
    type: Annotated[str, typer.Argument(help="For example payment.succeeded; see docs/events.md.")],
    server: _ServerOption = None,
    config: ConfigOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Make an event of a payment that never was, with a test mode key (PYCORE_CLIENT_API_KEY)."""

    async def work() -> EventView:
        async with _client(settings_of(config, None, None, server)) as client:
            return await client.trigger(type)

    event = output.run(work, json=json)
    if json:
        output.show_json(event)
    else:
        _print(event, json=False)


def _listening(settings: Settings, types: str | None, after: str | None, forward_to: str | None) -> str:
    """Return what is being done now, for the person who waits."""
    address = settings.client.grpc_address or settings.server.grpc_address
    what = "all events" if types is None else f"events of the types {types}"
    since = "from now on" if after is None else f"after {after}"
    there = "" if forward_to is None else f", and posting them to {forward_to}"
    return f"listening at {address} for {what} {since}{there}; Ctrl-C ends it"


class _Forward:
    """Posts events to a developer's own server. Which one is the developer's choice, so nothing is checked."""

    def __init__(self, url: str, secret: WebhookSecret) -> None:
        self._url = url
        self._secret = secret

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_SECONDS))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(self, event: EventView) -> str:
        """Return what the server said."""
        body = event.encoded()
        try:
            async with self._session.post(
                self._url, data=body, headers=headers(event.id, body, [self._secret]), allow_redirects=False
            ) as reply:
                return f"{reply.status} {reply.reason} from {self._url}"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"{self._url} does not take it: {str(error) or type(error).__name__}"


def _client(settings: Settings) -> EventClient:
    if settings.client.api_key is None:
        raise ConfigurationError("there is no API key: set PYCORE_CLIENT_API_KEY to a key of the merchant")
    address = settings.client.grpc_address or settings.server.grpc_address
    return EventClient(address, api_key=settings.client.api_key, credentials=credentials_of(settings.client))


def _secret(given: str | None) -> WebhookSecret:
    if given is not None:
        return WebhookSecret(given)
    secret = WebhookSecret.new()
    typer.echo(f"signing with {secret.reveal()}", err=True)
    return secret


def _print(event: EventView, *, json: bool) -> None:
    if json:
        typer.echo(event.encoded())
    else:
        typer.echo(f"{event.timestamp:%Y-%m-%d %H:%M:%S}  {event.type:28} {event.resource_id}  {event.id}")
