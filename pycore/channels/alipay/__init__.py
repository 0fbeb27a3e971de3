"""Alipay: the v2 gateway and the v3 calls."""

from pycore.channels.alipay.adapter import AlipayAdapter, WireForm
from pycore.channels.alipay.merchant import AlipayCertificates, AlipayMerchant

__all__ = ["AlipayAdapter", "AlipayCertificates", "AlipayMerchant", "WireForm"]
