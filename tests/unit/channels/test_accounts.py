"""Accounts as files say them: what is read, what is refused, and simulators that come later."""

import json
from pathlib import Path

import pytest

from pycore.channels.account_file import load_account_file
from pycore.channels.accounts import ChannelAccounts
from pycore.config import ChannelSettings, load_settings
from pycore.errors import ConfigurationError

GOLDEN = Path(__file__).parent / "golden"

WECHAT = f"""
[wechat]
merchant_id = "1900000001"
app_id = "wx00"
serial_no = "AA"
private_key_file = "{GOLDEN}/merchant.pem"
api_v3_key_file = "api_v3_key"
platform_key_files = {{ PUB_KEY_ID_01 = "{GOLDEN}/platform_public.pem" }}
"""
OTHERS = f"""
[alipay]
app_id = "2021000000000001"
seller_id = "2088000000000001"
private_key_file = "{GOLDEN}/merchant.pem"
platform_key_file = "{GOLDEN}/platform_public.pem"
wire_form = "v3"
[unionpay]
merchant_id = "777290058100001"
certificate_id = "1"
private_key_file = "{GOLDEN}/merchant.pem"
root_files = ["{GOLDEN}/root.pem"]
"""
SECRET = "0123456789abcdef0123456789abcdef"


def _write(folder: Path, text: str) -> Path:
    (folder / "api_v3_key").write_text(SECRET + "\n")
    file = folder / "accounts.toml"
    file.write_text(text)
    return file


def _description() -> dict[str, object]:
    merchant, platform = str(GOLDEN / "merchant.pem"), str(GOLDEN / "platform_public.pem")
    return {
        "payer_url": "http://127.0.0.1:7490/payer/",
        "base_url": "http://127.0.0.1:7490",
        "wechat": {
            "base_url": "http://127.0.0.1:7490",
            "mchid": "1900009191",
            "appid": "wx5a",
            "merchant_serial": "AA",
            "platform_serial": "BB",
            "public_key_id": "PUB_KEY_ID_01",
            "merchant_key_file": merchant,
            "platform_certificate_file": str(GOLDEN / "signer.crt"),
            "platform_public_key_file": platform,
            "apiv3_key_file": "key",
            "api_key_file": "key",
        },
        "alipay": {
            "gateway": "http://127.0.0.1:7490/gateway.do",
            "endpoint": "http://127.0.0.1:7490",
            "app_id": "2021000000009191",
            "seller_id": "2088000000009191",
            "app_key_file": merchant,
            "platform_public_key_file": platform,
        },
        "unionpay": {
            "base_url": "http://127.0.0.1:7490",
            "mer_id": "777290058100091",
            "cert_id": "1",
            "merchant_key_file": merchant,
            "root_certificate_file": str(GOLDEN / "root.crt"),
        },
    }


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        ("", set()),
        (WECHAT, {"wechat"}),
        (WECHAT + OTHERS.replace("root.pem", "root.crt"), {"wechat", "alipay", "unionpay"}),
    ],
)
async def test_the_accounts_of_a_file_can_be_called(tmp_path: Path, text: str, channels: set[str]) -> None:
    settings = ChannelSettings(accounts_file=str(_write(tmp_path, text)))
    async with ChannelAccounts.configured(settings, tmp_path, "https://pay.example.com") as accounts:
        assert set(accounts.connections(live=True)) == channels
        assert accounts.connections(live=False) == {}
        assert accounts.connection("e_cny", live=True) is None
        assert accounts.notify_url("wechat", live=True) == "https://pay.example.com/notifications/wechat/live"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[wechat]\n", "merchant_id"),
        ("[e_cny]\n", "e_cny"),
        ("[wechat\n", "accounts.toml"),
        (WECHAT.replace("api_v3_key_file", "api_v3_key"), "api_v3_key"),
        (WECHAT.replace("merchant.pem", "nowhere.pem"), "cannot be read"),
        (WECHAT.replace("merchant.pem", "platform_public.pem"), "private key"),
        (WECHAT + 'client_certificate_file = "nowhere.pem"\n', "client certificate"),
        (OTHERS.replace('"v3"', '"v4"'), "v4"),
        (OTHERS, "PEM certificate"),
    ],
)
def test_a_mistake_in_the_file_is_refused_without_its_secrets(tmp_path: Path, text: str, cause: str) -> None:
    settings = ChannelSettings(accounts_file=str(_write(tmp_path, text)))
    with pytest.raises(ConfigurationError, match=cause) as refused:
        ChannelAccounts.configured(settings, tmp_path, "http://127.0.0.1:7480")
    assert SECRET not in str(refused.value)


def test_what_is_read_prints_no_secret(tmp_path: Path) -> None:
    accounts = load_account_file(_write(tmp_path, WECHAT + OTHERS.replace("root.pem", "root.crt")))
    assert "BEGIN" not in repr(accounts.adapters(tmp_path))
    assert SECRET not in repr(accounts)


async def test_simulators_are_found_when_they_come_and_when_they_change(tmp_path: Path) -> None:
    async with ChannelAccounts.configured(ChannelSettings(), tmp_path, "http://127.0.0.1:7480") as accounts:
        assert accounts.connection("wechat", live=False) is None
        folder = tmp_path / "sandbox"
        folder.mkdir()
        (folder / "key").write_text(SECRET)
        (folder / "sandbox.json").write_text("{}")
        assert accounts.connection("wechat", live=False) is None
        (folder / "new.json").write_text(json.dumps(_description()))
        (folder / "new.json").rename(folder / "sandbox.json")
        found = accounts.connection("wechat", live=False)
        assert found is not None
        assert accounts.connection("wechat", live=False) is found, "read once"
        assert accounts.connection("wechat", live=True) is None, "never for real money"
        assert accounts.notify_url("alipay", live=False) == "http://127.0.0.1:7480/notifications/alipay/test"
        (folder / "new.json").write_text(json.dumps(_description()))
        (folder / "new.json").rename(folder / "sandbox.json")
        again = accounts.connection("wechat", live=False)
        assert again not in {None, found}


@pytest.mark.parametrize("url", ["pay.example.com", "ftp://a", "https://a?b", "https://a b", "https://" + "a" * 128])
def test_a_public_url_is_a_plain_address(url: str) -> None:
    with pytest.raises(ConfigurationError, match="public_url"):
        load_settings(environment={"PYCORE_CHANNELS_PUBLIC_URL": url})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('api_v2_key_file = "api_v3_key"\n', "scans_over does not say how"),
        ('scans_over = "v2"\napi_v2_key_file = "api_v3_key"\nserver_ip = "192.0.2.7"\n', "client_certificate_file"),
        ('scans_over = "v2"\nclient_certificate_file = "c.pem"\n', "api_v2_key_file and server_ip"),
        ('scans_over = "v1"\n', "scans_over"),
    ],
)
def test_f12_codes_that_could_never_be_taken_back_are_refused_at_the_start(
    tmp_path: Path, more: str, message: str
) -> None:
    """With the v2 key and without a certificate a code was charged, and its reversal could never be sent."""
    file = _write(tmp_path, WECHAT + more)
    with pytest.raises(ConfigurationError, match=message):
        load_account_file(file).adapters(tmp_path)


def test_f12_over_v3_nothing_more_is_needed(tmp_path: Path) -> None:
    file = _write(tmp_path, WECHAT + 'scans_over = "v3"\n')
    capability = load_account_file(file).adapters(tmp_path)["wechat"].capability
    assert "bar_code" in capability.methods
    assert "bar_code" not in load_account_file(_write(tmp_path, WECHAT)).adapters(tmp_path)["wechat"].capability.methods
