"""Settings: defaults, sources, refusals, masks."""

from pathlib import Path

import pytest

from pycore.config import (
    ClientSettings,
    LedgerSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    load_settings,
    mask_dsn,
    split_address,
)
from pycore.errors import ConfigurationError


def _file(folder: Path, text: str) -> Path:
    file = folder / "pycore.toml"
    file.write_text(text)
    return file


def test_without_file_and_variables_the_defaults_hold() -> None:
    settings = load_settings(environment={})
    assert settings == Settings()
    assert settings.server.grpc_address == "127.0.0.1:7400"
    assert settings.server.http_address == "127.0.0.1:7480"
    assert (settings.store.dsn, settings.store.data) == (None, "data")
    assert settings.ledger.queue_events_max == 65_536
    assert settings.ledger.batch_events_max == 8190
    assert settings.ledger.chunk_size == 2**20


def test_a_variable_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    file = _file(tmp_path, '[ledger]\nqueue_events_max = 10000\nchunk_size = 2048\n[store]\ndata = "elsewhere"\n')
    settings = load_settings(environment={"PYCORE_CONFIG": str(file), "PYCORE_LEDGER_QUEUE_EVENTS_MAX": "20000"})
    assert settings.ledger.queue_events_max == 20_000
    assert settings.ledger.chunk_size == 2048
    assert settings.store.data == "elsewhere"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[ledger]\nqueue_event_max = 1\n", "queue_event_max"),
        ("[ledgers]\n", "ledgers"),
        ("[ledger]\nqueue_events_max = '9'\n", "$.ledger.queue_events_max"),
        ("[ledger]\nqueue_events_max = 1.5\n", "$.ledger.queue_events_max"),
        ("[ledger]\nqueue_events_max = -1\n", "$.ledger.queue_events_max"),
        ("[ledger]\nqueue_events_max = 100\n", "must not be less than batch_events_max"),
        ("[ledger]\nbatch_events_max = 8191\n", "$.ledger.batch_events_max"),
        ("[ledger]\nchunk_size = 3000\n", "power of two"),
        ("[server]\ngrpc_address = 'nowhere'\n", "host:port"),
        ("[server]\ngrpc_address = '127.0.0.1:65536'\n", "host:port"),
        ("[server]\nhttp_address = '0.0.0.0:7480'\n", "without TLS"),
        ("[server]\ntls_key_file = 'key.pem'\n", "come together"),
        ("[server]\ntls_client_ca_file = 'ca.pem'\n", "tls_client_ca_file needs"),
        ("[client]\ntls_key_file = 'key.pem'\n", "come together"),
        ("[client]\ntls_certificate_file = 'c.pem'\ntls_key_file = 'k.pem'\n", "needs tls_ca_file"),
        ("[client]\ngrpc_address = 'nowhere'\n", "host:port"),
        ("[store]\ndsn = 'mysql://x'\n", "postgresql://"),
        ("[store]\ndata = ''\n", "data"),
        ("not toml", "not TOML"),
        ("[ledger]\nchunk_size = 1024\nchunk_size = 1024\n", "not TOML"),
    ],
)
def test_a_wrong_file_is_refused_and_named(tmp_path: Path, text: str, cause: str) -> None:
    file = _file(tmp_path, text)
    with pytest.raises(ConfigurationError) as raised:
        load_settings(file, {})
    assert cause in str(raised.value)
    assert str(file) in str(raised.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_settings(tmp_path / "absent.toml", {})


def test_an_unknown_variable_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ConfigurationError, match=r"PYCORE_LEDGER_QUEUE_MAX is not a setting.*PYCORE_LEDGER_QUEUE_EVENTS_MAX"
    ):
        load_settings(environment={"PYCORE_LEDGER_QUEUE_MAX": "1", "PATH": "/bin"})


def test_a_wrong_variable_is_refused_and_named() -> None:
    with pytest.raises(ConfigurationError, match="PYCORE_LEDGER_CHUNK_SIZE"):
        load_settings(environment={"PYCORE_LEDGER_CHUNK_SIZE": "many"})


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Settings().store.data = "x"  # type: ignore[misc]


def test_what_is_secret_is_never_shown() -> None:
    settings = Settings(
        store=StoreSettings(dsn="postgresql://alice:hunter2@db/ledger?password=hunter2"),
        ledger=LedgerSettings(journal_key="c0ffee" * 10),
    )
    for text in (repr(settings), str(settings), str(settings.shown()), repr(settings.store)):
        assert "hunter2" not in text
        assert "c0ffee" not in text
    assert settings.shown()["store"]["dsn"] == "postgresql://alice:***@db/ledger?password=***"


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql:///ledger?host=/run/x", "postgresql:///ledger?host=/run/x"),
        ("postgresql://bob@db:5433/ledger", "postgresql://bob@db:5433/ledger"),
        ("postgresql://bob:p%40ss@[::1]:5433/ledger", "postgresql://bob:***@[::1]:5433/ledger"),
        ("postgresql://bob:not/encoded@twice@db/ledger", "postgresql://bob:***@db/ledger"),
    ],
)
def test_a_connection_string_is_shown_without_its_password(dsn: str, shown: str) -> None:
    assert mask_dsn(dsn) == shown


def test_addresses_are_split() -> None:
    assert split_address("127.0.0.1:7400") == ("127.0.0.1", 7400)
    assert split_address("[::1]:0") == ("::1", 0)
    assert split_address("localhost:65535") == ("localhost", 65_535)
    for wrong in ("", ":1", "a:", "::1:1", "a:b", "a:1 ", "http://a:1"):
        with pytest.raises(ValueError, match="host:port"):
            split_address(wrong)


def test_every_field_is_documented() -> None:
    for section in (ServerSettings, StoreSettings, LedgerSettings, ClientSettings, Settings):
        for field in section.__struct_fields__:
            assert f"\n        {field}: " in (section.__doc__ or "")
