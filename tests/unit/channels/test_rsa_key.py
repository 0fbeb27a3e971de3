"""Key files as channels' tools write them, and what is said of those that are none."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pycore.channels.account_file import load_account_file
from pycore.channels.rsa_key import PrivateKey, PublicKey
from pycore.errors import ConfigurationError
from tests.unit.channels import sides

KEY = sides.signing_key("merchant")
PKCS1 = KEY.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
PKCS8 = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
PUBLIC = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PUBLIC_PKCS1 = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)


def pem(der: bytes, heading: str) -> bytes:
    return f"-----BEGIN {heading}-----\n{base64.encodebytes(der).decode()}-----END {heading}-----\n".encode()


def one_line(der: bytes) -> bytes:
    return base64.b64encode(der)


@pytest.mark.parametrize(
    "text",
    [
        one_line(PKCS8),
        one_line(PKCS1),
        one_line(PKCS8) + b"\r\n",
        b"\xef\xbb\xbf" + one_line(PKCS1),
        base64.encodebytes(PKCS8),
        pem(PKCS8, "RSA PRIVATE KEY"),
        pem(PKCS1, "PRIVATE KEY"),
        pem(PKCS1, "RSA PRIVATE KEY"),
        pem(PKCS8, "PRIVATE KEY").replace(b"\n", b"\r\n"),
        b"Bag Attributes\n    friendlyName: shop\n" + pem(PKCS8, "PRIVATE KEY"),
        pem(PUBLIC, "PUBLIC KEY") + pem(PKCS8, "PRIVATE KEY"),
    ],
)
def test_f10_private_keys_as_tools_write_them(text: bytes) -> None:
    """Alipay's tool gives one line of base64 without headings, other tools put PKCS #8 under an RSA heading: both were
    refused without a hint."""
    assert PrivateKey.from_pem(text).sign(b"x") == PrivateKey(KEY).sign(b"x")


@pytest.mark.parametrize(
    "text",
    [one_line(PUBLIC), one_line(PUBLIC_PKCS1), pem(PUBLIC, "PUBLIC KEY"), pem(PUBLIC, "RSA PUBLIC KEY")],
)
def test_f10_public_keys_as_tools_write_them(text: bytes) -> None:
    PublicKey.from_pem(text).verify(b"x", PrivateKey(KEY).sign(b"x"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "the file is empty"),
        (pem(PUBLIC, "PUBLIC KEY"), "says that it is a public key"),
        (sides.golden("signer.crt"), "says that it is a public key or a certificate"),
        (PKCS8, "it is binary, such as"),
        (b"my key", "text of another kind"),
        (one_line(PKCS8)[:-8], "text of another kind"),
        (KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")), "password"),
        (
            ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "not an RSA key",
        ),
    ],
)
def test_f10_what_is_no_private_key_is_refused_with_what_to_do(text: bytes, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refused:
        PrivateKey.from_pem(text)
    assert base64.b64encode(PKCS8)[40:80].decode() not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"), [(b"", "empty"), (one_line(PKCS8), "another kind"), (pem(PKCS8, "PRIVATE KEY"), "a private key")]
)
def test_f10_what_is_no_public_key_is_refused_with_what_it_seems_to_be(text: bytes, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        PublicKey.from_pem(text)


def test_f10_the_keys_of_every_channel_are_read_so(tmp_path: Path) -> None:
    (tmp_path / "own").write_bytes(one_line(PKCS8))
    (tmp_path / "theirs").write_bytes(one_line(PUBLIC))
    (tmp_path / "v3").write_text("0123456789abcdef0123456789abcdef")
    (tmp_path / "root.crt").write_bytes(sides.golden("root.crt"))
    (tmp_path / "accounts.toml").write_text(
        """
        [wechat]
        merchant_id = "1900000001"
        app_id = "wx00"
        serial_no = "AA"
        private_key_file = "own"
        api_v3_key_file = "v3"
        platform_key_files = { PUB_KEY_ID_01 = "theirs" }
        [alipay]
        app_id = "2021000000000001"
        seller_id = "2088000000000001"
        private_key_file = "own"
        platform_key_file = "theirs"
        [unionpay]
        merchant_id = "777290058100001"
        certificate_id = "1"
        private_key_file = "own"
        root_files = ["root.crt"]
        """
    )
    accounts = load_account_file(tmp_path / "accounts.toml")
    assert set(accounts.adapters(tmp_path)) == {"wechat", "alipay", "unionpay"}
    (tmp_path / "own").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"own: the private key cannot be read \(the file is empty\)"):
        accounts.adapters(tmp_path)
