"""The keys of the simulated world, made at the first start, and the file that tells a merchant what is where.

| file under ``<data>/sandbox/`` | whose | what |
|---|---|---|
| ``wechat/merchant_key.pem``, ``merchant_certificate.pem`` | merchant | signs requests |
| ``wechat/apiv3_key``, ``wechat/api_key`` | both | decrypts callbacks (32 bytes); signs the XML interface |
| ``wechat/platform_certificate.pem``, ``platform_public_key.pem`` | channel | verify replies and callbacks |
| ``alipay/app_key.pem``, ``app_public_key.pem`` | merchant | signs requests |
| ``alipay/platform_public_key.pem`` | channel | verifies replies and callbacks |
| ``unionpay/merchant_key.pem``, ``merchant_certificate.pem`` | merchant | signs requests |
| ``unionpay/root_certificate.pem`` | channel | issuer of the certificate that replies and callbacks carry |
| ``…/platform_key.pem`` | channel | its own secrets: no merchant may read them |
| ``sandbox.json`` | merchant | ids, serial numbers, addresses and the names of these files; no secrets |

Private files have mode 0600.
"""

import os
import secrets
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

MCHID: Final = "1900009191"
WECHAT_APPID: Final = "wx5a0db0c5e1b2f00d"
ALIPAY_APP_ID: Final = "2021000000009191"
ALIPAY_SELLER_ID: Final = "2088000000009191"
UNIONPAY_MER_ID: Final = "777290058100091"
UNIONPAY_SIGNER: Final = "sandbox@00040000:SIGN@中国银联股份有限公司@00000001"
"""Common name of the certificate in UnionPay's replies: merchants check the part after the second ``@``."""

_KEY_BITS = 2048
_CERTIFICATE_DAYS = 1826


class WechatKeys(msgspec.Struct, frozen=True):
    """What the simulated WeChat Pay holds; printing it shows a mask."""

    merchant_serial: str
    merchant_key: rsa.RSAPublicKey
    platform_serial: str
    platform_certificate: str
    public_key_id: str
    platform_key: rsa.RSAPrivateKey
    apiv3_key: bytes
    api_key: bytes

    def __repr__(self) -> str:
        return f"WechatKeys(merchant_serial={self.merchant_serial!r}, …)"


class AlipayKeys(msgspec.Struct, frozen=True):
    """What the simulated Alipay holds; printing it shows a mask."""

    app_key: rsa.RSAPublicKey
    platform_key: rsa.RSAPrivateKey

    def __repr__(self) -> str:
        return "AlipayKeys(…)"


class UnionpayKeys(msgspec.Struct, frozen=True):
    """What the simulated UnionPay holds; printing it shows a mask."""

    merchant_cert_id: str
    merchant_key: rsa.RSAPublicKey
    certificate: str
    platform_key: rsa.RSAPrivateKey

    def __repr__(self) -> str:
        return f"UnionpayKeys(merchant_cert_id={self.merchant_cert_id!r}, …)"


def wechat_keys(folder: Path) -> WechatKeys:
    """Return the keys in ``folder``/wechat, made where there are none yet."""
    home = _made(folder / "wechat", _make_wechat)
    merchant = x509.load_pem_x509_certificate((home / "merchant_certificate.pem").read_bytes())
    platform = x509.load_pem_x509_certificate((home / "platform_certificate.pem").read_bytes())
    merchant_key = merchant.public_key()
    assert isinstance(merchant_key, rsa.RSAPublicKey)
    return WechatKeys(
        merchant_serial=_serial(merchant),
        merchant_key=merchant_key,
        platform_serial=_serial(platform),
        platform_certificate=(home / "platform_certificate.pem").read_text(),
        public_key_id=f"PUB_KEY_ID_01{MCHID}{_serial(platform)[:20]}",
        platform_key=_private_key(home / "platform_key.pem"),
        apiv3_key=(home / "apiv3_key").read_bytes(),
        api_key=(home / "api_key").read_bytes(),
    )


def alipay_keys(folder: Path) -> AlipayKeys:
    """Return the keys in ``folder``/alipay, made where there are none yet."""
    home = _made(folder / "alipay", _make_alipay)
    app_key = serialization.load_pem_public_key((home / "app_public_key.pem").read_bytes())
    assert isinstance(app_key, rsa.RSAPublicKey)
    return AlipayKeys(app_key=app_key, platform_key=_private_key(home / "platform_key.pem"))


def unionpay_keys(folder: Path) -> UnionpayKeys:
    """Return the keys in ``folder``/unionpay, made where there are none yet."""
    home = _made(folder / "unionpay", _make_unionpay)
    merchant = x509.load_pem_x509_certificate((home / "merchant_certificate.pem").read_bytes())
    merchant_key = merchant.public_key()
    assert isinstance(merchant_key, rsa.RSAPublicKey)
    return UnionpayKeys(
        merchant_cert_id=str(merchant.serial_number),
        merchant_key=merchant_key,
        certificate=(home / "platform_certificate.pem").read_text().strip(),
        platform_key=_private_key(home / "platform_key.pem"),
    )


def describe(folder: Path, base_url: str, wechat: WechatKeys, unionpay: UnionpayKeys) -> dict[str, Any]:
    """Write ``sandbox.json``, what a merchant has to know, and return it."""
    description = {
        "base_url": base_url,
        "control_url": f"{base_url}/control",
        "payer_url": f"{base_url}/payer/",
        "wechat": {
            "base_url": base_url,
            "mchid": MCHID,
            "appid": WECHAT_APPID,
            "merchant_serial": wechat.merchant_serial,
            "platform_serial": wechat.platform_serial,
            "public_key_id": wechat.public_key_id,
            "merchant_key_file": "wechat/merchant_key.pem",
            "merchant_certificate_file": "wechat/merchant_certificate.pem",
            "platform_certificate_file": "wechat/platform_certificate.pem",
            "platform_public_key_file": "wechat/platform_public_key.pem",
            "apiv3_key_file": "wechat/apiv3_key",
            "api_key_file": "wechat/api_key",
        },
        "alipay": {
            "gateway": f"{base_url}/gateway.do",
            "endpoint": base_url,
            "app_id": ALIPAY_APP_ID,
            "seller_id": ALIPAY_SELLER_ID,
            "app_key_file": "alipay/app_key.pem",
            "app_public_key_file": "alipay/app_public_key.pem",
            "platform_public_key_file": "alipay/platform_public_key.pem",
        },
        "unionpay": {
            "base_url": base_url,
            "mer_id": UNIONPAY_MER_ID,
            "cert_id": unionpay.merchant_cert_id,
            "merchant_key_file": "unionpay/merchant_key.pem",
            "merchant_certificate_file": "unionpay/merchant_certificate.pem",
            "root_certificate_file": "unionpay/root_certificate.pem",
        },
    }
    unfinished = folder / "sandbox.json.unfinished"
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(description), indent=2) + b"\n")
    unfinished.rename(folder / "sandbox.json")
    return description


def _made(home: Path, make: Callable[[Path], None]) -> Path:
    """Return the folder; a first start that is killed leaves another name behind, which is thrown away."""
    if not home.exists():
        unfinished = home.with_name(f"{home.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        make(unfinished)
        unfinished.rename(home)
    return home


def _make_wechat(home: Path) -> None:
    for name, owner in (("merchant", f"sandbox merchant {MCHID}"), ("platform", "sandbox of WeChat Pay")):
        key = _make_key(home / f"{name}_key.pem")
        (home / f"{name}_certificate.pem").write_bytes(_certificate(key, owner))
        (home / f"{name}_public_key.pem").write_bytes(_public_pem(key))
    for name in ("apiv3_key", "api_key"):
        _write_private(home / name, secrets.token_hex(16).encode())


def _make_alipay(home: Path) -> None:
    for name in ("app", "platform"):
        key = _make_key(home / f"{name}_key.pem")
        (home / f"{name}_public_key.pem").write_bytes(_public_pem(key))


def _make_unionpay(home: Path) -> None:
    root = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    root_name = "sandbox root of UnionPay"
    # The root's own key is not kept: nothing else is ever to be issued.
    (home / "root_certificate.pem").write_bytes(_certificate(root, root_name))
    merchant = _make_key(home / "merchant_key.pem")
    (home / "merchant_certificate.pem").write_bytes(_certificate(merchant, f"sandbox merchant {UNIONPAY_MER_ID}"))
    platform = _make_key(home / "platform_key.pem")
    certificate = _certificate(platform, UNIONPAY_SIGNER, issuer=(root_name, root))
    (home / "platform_certificate.pem").write_bytes(certificate)


def _make_key(path: Path) -> rsa.RSAPrivateKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    _write_private(
        path,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    return key


def _public_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _certificate(key: rsa.RSAPrivateKey, owner: str, issuer: tuple[str, rsa.RSAPrivateKey] | None = None) -> bytes:
    """Return a certificate by ``issuer``; one that is its own issuer, and may issue others, where there is none."""
    issuer_name, issuer_key = issuer or (owner, key)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(owner))
        .issuer_name(_name(issuer_name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _name(owner: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, owner)])


def _serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:040X}"


def _private_key(path: Path) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
