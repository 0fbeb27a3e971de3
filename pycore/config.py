"""Settings: frozen, checked, documented with their units; from a TOML file and from ``PYCORE_…`` variables.

A variable is named after its section and field, ``PYCORE_SERVER_GRPC_ADDRESS`` for ``[server] grpc_address``, and wins
over the file. ``PYCORE_CONFIG`` names the file. What is not listed here is refused, so that a misspelt limit never
passes for a set one.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, ClassVar, get_origin

import msgspec
from msgspec import Meta, Struct

from pycore.errors import ConfigurationError

ENVIRONMENT_PREFIX = "PYCORE_"
CONFIG_FILE_VARIABLE = "PYCORE_CONFIG"
MASK = "***"

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:\[\]/]+):(?P<port>[0-9]{1,5})")
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_PUBLIC_URL = re.compile(r"(?=.{8,128}\Z)https?://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9._~/-]*)?")
_PASSWORD_IN_AUTHORITY = re.compile(r"^(\w+://[^:@/?]*:)[^?]*@")
_PASSWORD_PARAMETER = re.compile(r"(?i)\b(password\s*=\s*)('[^']*'|[^\s&]*)")


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of ``host:port``; an IPv6 host stands in brackets.

    Raises:
        ValueError: it is not of that form.
    """
    matched = _ADDRESS.fullmatch(address)
    if matched is None or int(matched["port"]) > 65_535:
        raise ValueError(f"{address!r} is not host:port")
    return matched["host"].strip("[]"), int(matched["port"])


def is_loopback(address: str) -> bool:
    """Return whether ``host:port`` can be reached from this machine only."""
    return split_address(address)[0] in _LOOPBACK


def _check_network(network: str) -> None:
    """Raises ValueError where it is neither an address nor a network."""
    try:
        ip_network(network)
    except ValueError as error:
        raise ValueError(f"trusted_proxies: {error}; give addresses or networks such as 10.0.0.0/8") from None


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one part; printing it masks what is secret."""

    secrets: ClassVar[frozenset[str]] = frozenset()

    def shown(self) -> dict[str, Any]:
        """Return the settings for people and logs, secrets masked."""
        return {field: _masked(field, getattr(self, field), self.secrets) for field in self.__struct_fields__}

    def __repr__(self) -> str:
        fields = ", ".join(f"{field}={value!r}" for field, value in self.shown().items())
        return f"{type(self).__name__}({fields})"


class ServerSettings(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server listens, and how. Without TLS it listens on loopback only.

    Attributes:
        grpc_address: ``host:port`` of the gRPC door; port 0 lets the system choose one.
        http_address: ``host:port`` of the HTTP door; port 0 lets the system choose one.
        tls_certificate_file: PEM file with the server's certificate and those above it; both doors then speak TLS 1.3.
        tls_key_file: PEM file with its key.
        tls_client_ca_file: PEM file with the certificates that sign clients' certificates; every caller must show one.
        hosts: names and addresses the HTTP door answers to, as ``pay.example.com`` or ``pay.example.com:8443``, besides
            the address it listens on, this machine's own names and the host of ``public_url``.
        trusted_proxies: addresses and networks of the proxies in front of the server, as ``10.0.0.0/8``. They are
            believed about whom they speak for (``x-forwarded-for``, ``forwarded``), at both doors; nobody else is.
        one_core: keep the event loop and gRPC's waiting thread, which hand each other every call, on one core (Linux).
    """

    grpc_address: str = "127.0.0.1:7400"
    http_address: str = "127.0.0.1:7480"
    tls_certificate_file: str | None = None
    tls_key_file: str | None = None
    tls_client_ca_file: str | None = None
    hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    one_core: bool = True

    def __post_init__(self) -> None:
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_certificate_file and tls_key_file come together")
        if self.tls_client_ca_file is not None and self.tls_certificate_file is None:
            raise ValueError("tls_client_ca_file needs tls_certificate_file and tls_key_file")
        for host in self.hosts:
            if not _HOST.fullmatch(host):
                raise ValueError(f"hosts: {host!r} is not a host such as pay.example.com or pay.example.com:8443")
        for proxy in self.trusted_proxies:
            _check_network(proxy)
        for field in ("grpc_address", "http_address"):
            if not is_loopback(getattr(self, field)) and self.tls_certificate_file is None:
                raise ValueError(
                    f"{field} can be reached from other machines, and without TLS anyone on the way can read and change"
                    " what is sent: give tls_certificate_file and tls_key_file, or listen on 127.0.0.1"
                )


class StoreSettings(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The database.

    Attributes:
        dsn: ``postgresql://…`` of a PostgreSQL 15 or newer that you run. None: an embedded server under ``data``.
        data: folder of the embedded server and of the journal's key. Made when missing; one process uses it at a time.
        pool_connections_max: connections kept for reads; the writer and the projector have their own.
        connect_timeout_ms: milliseconds to wait for one connection before the database counts as away.
        shared_buffers_mib: MiB of page cache of the embedded server.
        postgres_user: operating-system user the embedded server runs as when we are root (PostgreSQL refuses to be
            root). None: ``postgres`` where that user exists, else ``nobody``.
    """

    secrets: ClassVar[frozenset[str]] = frozenset({"dsn"})

    dsn: str | None = None
    data: str = "data"
    pool_connections_max: Annotated[int, Meta(ge=1, le=1000)] = 8
    connect_timeout_ms: Annotated[int, Meta(ge=100, le=600_000)] = 10_000
    shared_buffers_mib: Annotated[int, Meta(ge=16, le=1_048_576)] = 256
    postgres_user: str | None = None

    def __post_init__(self) -> None:
        if self.dsn is not None and not self.dsn.startswith(("postgresql://", "postgres://")):
            raise ValueError("dsn must begin with postgresql://")
        if not self.data or "\0" in self.data:
            raise ValueError("data must name a folder")


class LedgerSettings(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ledger.

    Attributes:
        queue_events_max: events that may wait for the writer; beyond, callers are told to come back later.
        batch_events_max: events recorded in one transaction, and so the most events in one request.
        chunk_size: transfers per partition of the table ``transfers``, a power of two; fixed at the first start.
        unprojected_transfers_max: transfers that may be durable but not yet queryable before the writer waits for the
            projector; bounds memory and the time a restart takes.
        journal_key_file: file with the 64 hexadecimal digits of the journal's key. None: ``journal.key`` in the data
            folder, made at the first start.
        journal_key: the key itself, for deployments that hand out secrets in the environment. Wins over the file.
    """

    secrets: ClassVar[frozenset[str]] = frozenset({"journal_key"})

    queue_events_max: Annotated[int, Meta(ge=1, le=16_777_216)] = 65_536
    batch_events_max: Annotated[int, Meta(ge=1, le=8190)] = 8190
    chunk_size: Annotated[int, Meta(ge=16, le=2**32)] = 2**20
    unprojected_transfers_max: Annotated[int, Meta(ge=8190, le=2**32)] = 2**22
    journal_key_file: str | None = None
    journal_key: str | None = None

    def __post_init__(self) -> None:
        if self.chunk_size & (self.chunk_size - 1):
            raise ValueError("chunk_size must be a power of two")
        if self.queue_events_max < self.batch_events_max:
            raise ValueError("queue_events_max must not be less than batch_events_max")


class ClientSettings(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the command line reaches a running server.

    Attributes:
        grpc_address: ``host:port`` of the server's gRPC door. None: the one in ``[server]``.
        tls_ca_file: PEM file with the certificates that may sign the server's; with it TLS is spoken.
        tls_certificate_file: PEM file with our own certificate, for a server that asks for one.
        tls_key_file: PEM file with its key.
        api_key: the key to call with: a merchant's for its events, an operator's for the ledger. None: for the ledger
            the first operator's key in the data folder, where it can be read.
        webhook_secret: the ``whsec_…`` that ``pycore listen`` signs with what it forwards. None: a new one each time.
    """

    secrets: ClassVar[frozenset[str]] = frozenset({"api_key", "webhook_secret"})

    grpc_address: str | None = None
    tls_ca_file: str | None = None
    tls_certificate_file: str | None = None
    tls_key_file: str | None = None
    api_key: str | None = None
    webhook_secret: str | None = None

    def __post_init__(self) -> None:
        if self.grpc_address is not None:
            split_address(self.grpc_address)
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_certificate_file and tls_key_file come together")
        if self.tls_certificate_file is not None and self.tls_ca_file is None:
            raise ValueError("tls_certificate_file needs tls_ca_file")


class VaultSettings(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the vault's key-encryption keys come from.

    Attributes:
        key_file: file with the keys, 64 hexadecimal digits a line: the current one first, then older ones. None:
            ``vault.key`` in the data folder.
        keys: the keys themselves in the same order, for deployments that hand out secrets in the environment. Wins
            over the file.
    """

    secrets: ClassVar[frozenset[str]] = frozenset({"keys"})

    key_file: str | None = None
    keys: str | None = None


class ChannelSettings(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Our accounts at the payment channels.

    Attributes:
        accounts_file: TOML file with the accounts that move real money (see docs/channels.md). None: there are none.
        sandbox_folder: folder in which the simulators say what their accounts are; for test mode. None: ``sandbox`` in
            the data folder.
        public_url: how channels and payers reach the HTTP door, for example ``https://pay.example.com``. None: the
            HTTP door's own address.
        call_timeout_ms: milliseconds one call to a channel may take before its outcome counts as unknown.
    """

    accounts_file: str | None = None
    sandbox_folder: str | None = None
    public_url: str | None = None
    call_timeout_ms: Annotated[int, Meta(ge=100, le=60_000)] = 10_000

    def __post_init__(self) -> None:
        if self.public_url is not None and not _PUBLIC_URL.fullmatch(self.public_url):
            raise ValueError(
                "public_url must be http:// or https:// with a host, without query, at most 128 characters"
            )


class WebhookSettings(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Telling merchants' servers of events.

    Attributes:
        allow_loopback: let endpoints of test mode be on this machine, by http too: for developers, never where other
            people have keys.
    """

    allow_loopback: bool = False


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of a process.

    Attributes:
        server: where the server listens.
        store: the database.
        ledger: the ledger's limits and key.
        client: how the command line reaches a running server.
        vault: the vault's key-encryption keys.
        channels: our accounts at the payment channels.
        webhooks: telling merchants' servers of events.
    """

    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    ledger: LedgerSettings = LedgerSettings()
    client: ClientSettings = ClientSettings()
    vault: VaultSettings = VaultSettings()
    channels: ChannelSettings = ChannelSettings()
    webhooks: WebhookSettings = WebhookSettings()

    @property
    def public_url(self) -> str:
        """How payers and channels reach the HTTP door, without a slash at the end."""
        scheme = "http" if self.server.tls_certificate_file is None else "https"
        return (self.channels.public_url or f"{scheme}://{self.server.http_address}").rstrip("/")

    def shown(self) -> dict[str, dict[str, Any]]:
        """Return the settings for people and logs, secrets masked."""
        return {section: getattr(self, section).shown() for section in self.__struct_fields__}


def load_settings(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process.

    Args:
        file: a TOML file with the sections ``[server]``, ``[store]``, ``[ledger]``, ``[client]``, ``[vault]``,
            ``[channels]``, ``[webhooks]``. None: the file ``PYCORE_CONFIG`` names, or no file.
        environment: the variables; None: those of the process.

    Raises:
        ConfigurationError: the file cannot be read, or a key, variable or value is not one of those documented.
    """
    variables = os.environ if environment is None else environment
    if file is None and variables.get(CONFIG_FILE_VARIABLE):
        file = Path(variables[CONFIG_FILE_VARIABLE])
    sections = {} if file is None else _read_file(file)
    if file is not None:
        # Alone first, so that a mistake in the file is reported as one of the file.
        _convert(sections, strict=True, source=str(file))
    overrides = _read_environment(variables)
    for section, fields in overrides.items():
        sections[section] = {**sections.get(section, {}), **fields}
    names = ", ".join(f"{ENVIRONMENT_PREFIX}{s}_{f}".upper() for s, fields in overrides.items() for f in fields)
    return _convert(sections, strict=False, source=f"the environment ({names})")


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"the configuration file {file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the configuration file {file} is not TOML: {error}") from error


def _read_environment(variables: Mapping[str, str]) -> dict[str, dict[str, str | list[str]]]:
    known = {
        f"{ENVIRONMENT_PREFIX}{section.name}_{field.name}".upper(): (section.name, field)
        for section in msgspec.structs.fields(Settings)
        for field in msgspec.structs.fields(section.type)
    }
    overrides: dict[str, dict[str, str | list[str]]] = {}
    for name, value in variables.items():
        if not name.startswith(ENVIRONMENT_PREFIX) or name == CONFIG_FILE_VARIABLE:
            continue
        if name not in known:
            raise ConfigurationError(f"the variable {name} is not a setting; known ones: {', '.join(sorted(known))}")
        section, field = known[name]
        is_list = get_origin(field.type) is tuple
        overrides.setdefault(section, {})[field.name] = value.replace(",", " ").split() if is_list else value
    return overrides


def _convert(sections: dict[str, Any], *, strict: bool, source: str) -> Settings:
    try:
        return msgspec.convert(sections, Settings, strict=strict)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{source}: {error}") from error


def _masked(field: str, value: Any, secrets: frozenset[str]) -> Any:
    if value is None or field not in secrets:
        return value
    return mask_dsn(value) if field == "dsn" else MASK


def mask_dsn(dsn: str) -> str:
    """Return a connection string without its password."""
    return _PASSWORD_PARAMETER.sub(rf"\g<1>{MASK}", _PASSWORD_IN_AUTHORITY.sub(rf"\g<1>{MASK}@", dsn))
