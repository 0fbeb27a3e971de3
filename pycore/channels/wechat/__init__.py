"""WeChat Pay: APIv3, and the older XML calls for scanned codes."""

from pycore.channels.wechat.adapter import WeChatAdapter
from pycore.channels.wechat.merchant import WeChatMerchant

__all__ = ["WeChatAdapter", "WeChatMerchant"]
