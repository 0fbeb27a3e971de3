"""Our account at WeChat Pay: numbers, keys, address."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from pycore.channels.rsa_key import PrivateKey, PublicKey
from pycore.channels.secret import Secret
from pycore.errors import ConfigurationError

API_V3_KEY_BYTES = 32


class WeChatMerchant(Struct, frozen=True, kw_only=True):
    """A direct merchant's account.

    Attributes:
        serial_no: serial number of our certificate, as in the Authorization header.
        api_v3_key: 32 ASCII characters; decrypts notifications.
        platform_keys: the channel's keys by serial number of a platform certificate or ``PUB_KEY_ID_…``. A key that is
            taken out is an old key: what it signed is refused from then on.
        api_v2_key: signs the older XML calls; only for scanned codes.

    Raises:
        ConfigurationError: the APIv3 key has another size, or there is no platform key.
    """

    merchant_id: str
    app_id: str
    serial_no: str
    private_key: PrivateKey
    api_v3_key: Secret
    platform_keys: Mapping[str, PublicKey]
    api_v2_key: Secret | None = None
    base_url: str = "https://api.mch.weixin.qq.com"

    def __post_init__(self) -> None:
        if len(self.api_v3_key.reveal().encode()) != API_V3_KEY_BYTES:
            raise ConfigurationError(f"the APIv3 key must have {API_V3_KEY_BYTES} bytes")
        if not self.platform_keys:
            raise ConfigurationError("no platform key is configured: no reply could be verified")
