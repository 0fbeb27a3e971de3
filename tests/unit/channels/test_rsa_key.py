"""Keys as channels hand them out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from pycore.channels.account_file import UnionPayAccount
from pycore.channels.rsa_key import PrivateKey
from pycore.errors import ConfigurationError

_KEY = rsa.generate_private_key(65537, 2048)
_NAME = x509.Name([])
_NOW = datetime(2026, 12, 1, tzinfo=UTC)
_CERTIFICATE = (
    x509.CertificateBuilder(_NAME, _NAME, _KEY.public_key(), 68759585097, _NOW, _NOW + timedelta(days=1))
    .sign(_KEY, hashes.SHA256())
)  # fmt: skip
_PFX = pkcs12.serialize_key_and_certificates(b"", _KEY, _CERTIFICATE, None, BestAvailableEncryption(b"000000"))


def test_f10_a_pfx_file_with_its_password_is_taken() -> None:
    """UnionPay gives merchants a .pfx file and a password; it was refused without a hint."""
    key, serial = PrivateKey.from_pfx(_PFX, b"000000")
    assert (repr(key), serial) == ("PrivateKey(…)", "68759585097")
    assert key.sign(b"x")


@pytest.mark.parametrize(("content", "password"), [(_PFX, b"111111"), (_PFX, b""), (b"x", b"000000")])
def test_f10_a_wrong_password_or_file_is_told(content: bytes, password: bytes) -> None:
    with pytest.raises(ConfigurationError, match="password is another one"):
        PrivateKey.from_pfx(content, password)


def test_f10_the_account_says_what_a_key_needs(tmp_path: Path) -> None:
    (tmp_path / "sign.pfx").write_bytes(_PFX)
    (tmp_path / "password").write_text("000000\n")
    account = UnionPayAccount(
        merchant_id="777290058110001", private_key_file="sign.pfx", private_key_password_file="password", root_files=()
    )
    assert account.adapter(tmp_path).capability.channel == "unionpay"
    for file, needs in (("sign.pfx", "private_key_password_file"), ("sign.pem", "certificate_id")):
        account = UnionPayAccount(merchant_id="777290058110001", private_key_file=file, root_files=())
        with pytest.raises(ConfigurationError, match=needs):
            account.adapter(tmp_path)
