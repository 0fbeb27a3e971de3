"""UnionPay: version 5.1.0 of the full channel platform."""

from pycore.channels.unionpay.adapter import UnionPayAdapter
from pycore.channels.unionpay.merchant import UnionPayMerchant, UnionPayTrust

__all__ = ["UnionPayAdapter", "UnionPayMerchant", "UnionPayTrust"]
