"""WeChat Pay: APIv3, and the older XML calls for scanned codes."""

from pycore.channels.wechat.adapter import WeChatAdapter
from pycore.channels.wechat.merchant import ScansOver, WeChatMerchant

__all__ = ["ScansOver", "WeChatAdapter", "WeChatMerchant"]
