"""Which accounts we have at which channels, and a connection to each.

Live accounts are read once, at the start: a mistake in them stops it. Test accounts are the simulators', which may
start later than we do, or anew with other keys: their file is looked at whenever a connection is asked for, and read
when it changed.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import structlog

from pycore.channels.account_file import AccountFile, load_account_file, load_sandbox
from pycore.channels.adapter import Adapter
from pycore.channels.connection import ChannelConnection
from pycore.channels.signing_pool import SigningPool
from pycore.channels.transport import Transport
from pycore.config import ChannelSettings
from pycore.errors import ConfigurationError

log = structlog.get_logger(__name__)

_SANDBOX_FILE = "sandbox.json"


class ChannelAccounts:
    """The accounts of this process, with one transport and one pool of signing threads: ``async with``.

    Args:
        live: adapters of the accounts that move real money, by channel.
        sandbox_folder: where the simulators say what their accounts are.
        public_url: how the channels reach our HTTP door, without a slash at the end.
        client_certificate: for the calls that ask for it.
        call_seconds_max: the deadline of one call.
    """

    def __init__(
        self,
        live: Mapping[str, Adapter],
        sandbox_folder: Path,
        *,
        public_url: str,
        client_certificate: ssl.SSLContext | None = None,
        call_seconds_max: float = 10.0,
    ) -> None:
        self.public_url = public_url
        self._sandbox_folder = sandbox_folder
        self._sandbox_version: tuple[int, int] | None = None
        self._call_seconds_max = call_seconds_max
        self._transport = Transport(client_certificate=client_certificate)
        self._signing = SigningPool()
        self._live = self._connected(live)
        self._test: Mapping[str, ChannelConnection] = {}
        self.payer_page: str | None = None
        """Where a person plays the payer of a test payment; None while there are no simulators."""

    @classmethod
    def configured(cls, settings: ChannelSettings, data: Path, public_url: str) -> ChannelAccounts:
        """Return the accounts the settings name. Raises ConfigurationError.

        Args:
            settings: the section ``[channels]``.
            data: the data folder, in which the simulators' folder is unless the settings say otherwise.
            public_url: how the channels reach our HTTP door, without a slash at the end.
        """
        accounts, folder = AccountFile(), Path()
        if settings.accounts_file is not None:
            file = Path(settings.accounts_file)
            accounts, folder = load_account_file(file), file.parent
        return cls(
            accounts.adapters(folder),
            data / "sandbox" if settings.sandbox_folder is None else Path(settings.sandbox_folder),
            public_url=public_url,
            client_certificate=accounts.client_certificate(folder),
            call_seconds_max=settings.call_timeout_ms / 1000,
        )

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.__aexit__()
        self._signing.close()

    def connections(self, *, live: bool) -> Mapping[str, ChannelConnection]:
        """Return what can be called now, by channel."""
        if live:
            return self._live
        self._look_at_sandbox()
        return self._test

    def connection(self, channel: str, *, live: bool) -> ChannelConnection | None:
        """Return the connection to a channel, or None where we have no account there (yet)."""
        return self.connections(live=live).get(channel)

    def notify_url(self, channel: str, *, live: bool) -> str:
        """Return where a channel tells us what happened."""
        return f"{self.public_url}/notifications/{channel}/{'live' if live else 'test'}"

    def _look_at_sandbox(self) -> None:
        file = self._sandbox_folder / _SANDBOX_FILE
        try:
            status = file.stat()
        except OSError:
            return  # never started, or thrown away: what is known of it may still be right
        version = (status.st_mtime_ns, status.st_ino)
        if version == self._sandbox_version:
            return
        self._sandbox_version = version
        try:
            accounts, self.payer_page = load_sandbox(file)
            self._test = self._connected(accounts.adapters(self._sandbox_folder))
        except ConfigurationError as error:
            log.warning("the simulators' accounts cannot be used", reason=str(error))

    def _connected(self, adapters: Mapping[str, Adapter]) -> dict[str, ChannelConnection]:
        return {
            channel: ChannelConnection(adapter, self._transport, self._signing, deadline_seconds=self._call_seconds_max)
            for channel, adapter in adapters.items()
        }
