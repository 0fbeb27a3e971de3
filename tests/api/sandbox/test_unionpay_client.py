"""A public client of UnionPay in Java drives the simulated gateway; ``make test`` builds it where its tools are."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from tests.api.sandbox.simulated import Sandbox, new_number

JAVA = Path(__file__).parent / "java" / "unionpay" / "target"
PASSWORD = "000000"


def pfx(sandbox: Sandbox, path: Path) -> Path:
    """Write the merchant's key with its certificate, as UnionPay hands it out."""
    key_file = sandbox.folder / sandbox.description["unionpay"]["merchant_key_file"]
    key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    certificate = x509.load_pem_x509_certificate(key_file.with_name("merchant_certificate.pem").read_bytes())
    encryption = BestAvailableEncryption(PASSWORD.encode())
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"merchant", key, certificate, None, encryption))
    return path


@pytest.mark.skipif(
    shutil.which("java") is None or not (JAVA / "libraries").exists(),
    reason="needs a JDK and Maven, and once: make tests/api/sandbox/java/unionpay/target/libraries",
)
def test_k5_a_public_client_in_java_can_drive_the_simulator(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nobody else's client had spoken to the simulator, and app orders it makes were answered ``Not Found``."""
    number = new_number()
    key = pfx(sandbox, tmp_path / "merchant.pfx")
    command = ["java", "-cp", f"{JAVA / 'classes'}:{JAVA / 'libraries'}/*", "Client"]
    done = subprocess.run(
        [*command, str(sandbox.folder), str(key), PASSWORD, number],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said.pop("shown").startswith("https://qr.95516.com/")
    assert said == {
        "told": [f"{number}q", "1050"],
        "verified": True,
        "forged": False,
        "refund": ["00", f"{number}r"],
        "app": 21,
        "page": True,
        "unknown": "34",
        "bill": "98",
    }
