"""Our account at WeChat Pay: numbers, keys, address."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from pycore.channels.rsa_key import PrivateKey, PublicKey
from pycore.channels.secret import Secret
from pycore.errors import ConfigurationError

API_V3_KEY_BYTES = 32
PUBLIC_KEY_PREFIX = "PUB_KEY_ID_"


class ScansOver(StrEnum):
    """The interface through which payers' codes are charged; what the merchant's contract with the channel allows."""

    V3 = "v3"
    """``codepay`` of APIv3: signed as everything else."""
    V2 = "v2"
    """``micropay``, XML: needs the APIv2 key, and our TLS certificate to take a payment back."""


class WeChatMerchant(Struct, frozen=True, kw_only=True):
    """A direct merchant's account.

    Attributes:
        serial_no: serial number of our certificate, as in the Authorization header.
        api_v3_key: 32 ASCII characters; decrypts notifications.
        platform_keys: the channel's keys by serial number of a platform certificate or ``PUB_KEY_ID_…``. A key that is
            taken out is an old key: what it signed is refused from then on.
        scans_over: how payers' codes are charged; None: they are not.
        store_id: our number of the store where codes are scanned (v3 asks for one).
        server_ip: our server's address, which v2 asks for where the terminal's is not known.
        api_v2_key: signs the older XML calls; only for codes scanned over v2.

    Raises:
        ConfigurationError: the APIv3 key has another size, there is no platform key, or codes shall be scanned over v2
            and what that needs is missing.
    """

    merchant_id: str
    app_id: str
    serial_no: str
    private_key: PrivateKey
    api_v3_key: Secret
    platform_keys: Mapping[str, PublicKey]
    scans_over: ScansOver | None = None
    store_id: str = "0001"
    server_ip: str | None = None
    api_v2_key: Secret | None = None
    base_url: str = "https://api.mch.weixin.qq.com"

    def __post_init__(self) -> None:
        if len(self.api_v3_key.reveal().encode()) != API_V3_KEY_BYTES:
            raise ConfigurationError(f"the APIv3 key must have {API_V3_KEY_BYTES} bytes")
        if not self.platform_keys:
            raise ConfigurationError("no platform key is configured: no reply could be verified")
        if self.scans_over is ScansOver.V2 and (self.api_v2_key is None or self.server_ip is None):
            raise ConfigurationError(
                '[wechat] scans_over = "v2" needs api_v2_key_file and server_ip, this server\'s address: give them, or'
                ' scan over "v3"'
            )

    @property
    def reply_key_id(self) -> str:
        """The key replies shall be signed with: one we hold.

        The public key where there is one, in the middle of a change too: the channel goes on signing with its
        certificate for whoever does not name the key.
        """
        public_keys = [each for each in self.platform_keys if each.startswith(PUBLIC_KEY_PREFIX)]
        return (public_keys or list(self.platform_keys))[0]
