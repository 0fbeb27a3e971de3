"""Our account at UnionPay: numbers, key, whom we trust, addresses."""

from __future__ import annotations

from cryptography.x509 import Certificate
from msgspec import Struct

from pycore.channels.rsa_key import PrivateKey


class UnionPayTrust(Struct, frozen=True, kw_only=True, eq=False):
    """Whose signatures count. Two of them are never the same: what was verified is remembered for one.

    Attributes:
        roots: certificates trusted by themselves.
        intermediates: certificates between them and the signers'.
        signer_name: the name a signer's certificate must carry: its common name, or that name's third part between @.
    """

    roots: tuple[Certificate, ...]
    intermediates: tuple[Certificate, ...]
    signer_name: str = "中国银联股份有限公司"


class UnionPayMerchant(Struct, frozen=True, kw_only=True):
    """A direct merchant's account on the full channel platform.

    Attributes:
        merchant_id: 15 characters.
        certificate_id: the decimal serial number of our signing certificate.
        terminal_id: of the cash desk, for scanned codes.
        gateway, file_server: origins of the two servers.
    """

    merchant_id: str
    certificate_id: str
    private_key: PrivateKey
    trust: UnionPayTrust
    terminal_id: str = "00000001"
    gateway: str = "https://gateway.95516.com"
    file_server: str = "https://filedownload.95516.com"
