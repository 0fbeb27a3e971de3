"""Key-encryption keys from text, files and settings."""

import stat
from pathlib import Path

import pytest

from pycore.config import VaultSettings, load_settings
from pycore.errors import VaultKeyError
from pycore.vault import FileKeySource, GivenKeySource, KeyEncryptionKey, Vault, configured_key_source

FIRST, SECOND = "11" * 32, "22" * 32


@pytest.mark.parametrize("text", [f"{SECOND} {FIRST}", f"{SECOND},{FIRST}", f"\n{SECOND}\r\n\n  {FIRST}\n"])
def test_the_current_key_stands_first(text: str) -> None:
    assert [key.secret[0] for key in GivenKeySource(text).load_keys()] == [0x22, 0x11]


@pytest.mark.parametrize("text", ["", " \n", "11" * 31, "11" * 33, "zz" * 32, f"{FIRST} rest", "１" * 64])
def test_anything_else_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(VaultKeyError) as caught:
        GivenKeySource(text).load_keys()
    assert not text.strip() or text.rsplit(maxsplit=1)[-1] not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    source = FileKeySource(tmp_path / "keys" / "vault.key")
    with pytest.raises(VaultKeyError, match=r"vault\.key cannot be read: No such file"):
        source.load_keys()
    assert source.make_if_absent()
    assert stat.S_IMODE(source.path.stat().st_mode) == 0o600
    [key] = source.load_keys()
    assert not source.make_if_absent()
    assert [again.secret for again in source.load_keys()] == [key.secret]
    assert KeyEncryptionKey.random().secret != key.secret


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", FIRST[:10].encode()])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vault.key"
    path.write_bytes(content)
    with pytest.raises(VaultKeyError):
        FileKeySource(path).load_keys()


def test_settings_name_the_source(tmp_path: Path) -> None:
    file = FileKeySource(tmp_path / "vault.key")
    file.make_if_absent()
    [key] = file.load_keys()
    named = VaultSettings(key_file=str(file.path))
    for settings, data in [(VaultSettings(), tmp_path), (named, tmp_path / "elsewhere")]:
        assert [each.secret for each in configured_key_source(settings, data).load_keys()] == [key.secret]
    given = load_settings(environment={"PYCORE_VAULT_KEYS": FIRST}).vault
    assert [each.secret[0] for each in configured_key_source(given, tmp_path).load_keys()] == [0x11]
    assert FIRST not in f"{given} {configured_key_source(given, tmp_path)!r}"


class KeyService:
    """A stand-in for a key service: what a port must offer is one method."""

    def load_keys(self) -> list[KeyEncryptionKey]:
        return [KeyEncryptionKey(bytes(range(32)))]


def test_a_key_service_fits_the_port() -> None:
    vault = Vault.open(KeyService(), Vault.first_keys(KeyService()))
    assert vault.active_key_id > 0


def test_a_source_without_a_key_is_refused() -> None:
    class Empty:
        def load_keys(self) -> list[KeyEncryptionKey]:
            return []

    with pytest.raises(VaultKeyError, match="no key-encryption key"):
        Vault.first_keys(Empty())
