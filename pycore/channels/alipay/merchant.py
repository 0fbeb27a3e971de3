"""Our application at Alipay: numbers, keys, address."""

from __future__ import annotations

from msgspec import Struct

from pycore.channels.rsa_key import PrivateKey, PublicKey


class AlipayCertificates(Struct, frozen=True, kw_only=True):
    """Serial numbers of certificate mode, as Alipay computes them (MD5 of issuer and serial number).

    Attributes:
        app_cert_sn: of our application's certificate.
        alipay_root_cert_sn: of Alipay's root certificates.
        alipay_cert_sn: of the certificate the platform key was taken from; replies must name it.
    """

    app_cert_sn: str
    alipay_root_cert_sn: str
    alipay_cert_sn: str


class AlipayMerchant(Struct, frozen=True, kw_only=True):
    """An application and its seller.

    Attributes:
        seller_id: the merchant's account, 16 digits beginning 2088.
        platform_key: Alipay's key. A key that is replaced is an old key: what it signed is refused from then on.
        certificates: None where plain keys were exchanged.
        gateway: address of the v2 gateway.
        endpoint: origin of the v3 calls.
        bill_hosts: whence bills may be fetched, as ``host`` or ``host:port``.
    """

    app_id: str
    seller_id: str
    private_key: PrivateKey
    platform_key: PublicKey
    certificates: AlipayCertificates | None = None
    gateway: str = "https://openapi.alipay.com/gateway.do"
    endpoint: str = "https://openapi.alipay.com"
    bill_hosts: frozenset[str] = frozenset({"dwbillcenter.alipay.com"})
