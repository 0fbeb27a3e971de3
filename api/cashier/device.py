"""What a payer looks at a page with, told by its User-Agent, and the ways to pay that work there."""

from enum import StrEnum
from typing import Final

import msgspec

from pycore.payments import PaymentMethod
from pycore.payments.cashier import Ways


class Device(StrEnum):
    """An app that scanned a code, or a browser.

    An app of a channel is one only where it pays: what WeChat shows on a computer, or inside a mini-program, can show
    no more than a code.
    """

    WECHAT = "wechat"
    ALIPAY = "alipay"
    UNIONPAY = "unionpay"
    PHONE = "phone"
    DESKTOP = "desktop"


class Offer(msgspec.Struct, frozen=True):
    """One way to pay."""

    channel: str
    method: PaymentMethod


_CODE_ONLY: Final = ("windowswechat", "macwechat", "linuxwechat", "miniprogram")
"""WeChat on computers (Windows, macOS, Linux; also ``UnifiedPC…``), and pages inside mini-programs of either app."""
_COLLEAGUES: Final = ("wxwork/",)
"""WeCom calls itself WeChat as well, but pays as any browser does."""
_APPS: Final = (
    ("micromessenger", Device.WECHAT),
    ("alipayclient", Device.ALIPAY),
    ("unionpay/", Device.UNIONPAY),
    ("cloudpay", Device.UNIONPAY),
)
_PHONES: Final = ("mobile", "android", "iphone", "ipad", "harmony")
_COMPUTERS: Final = ("windows nt", "macintosh", "x11;", "(pc;")
_ORDER: Final = ("wechat", "alipay", "unionpay")
_ON_PHONE: Final = (PaymentMethod.H5, PaymentMethod.PAGE, PaymentMethod.QR_CODE)
_ON_DESKTOP: Final = (PaymentMethod.QR_CODE, PaymentMethod.PAGE, PaymentMethod.H5)


def device_of(user_agent: str) -> Device:
    """Return what a User-Agent belongs to; what nobody knows is offered codes, which work everywhere."""
    told = user_agent.lower()
    if _names(told, _CODE_ONLY):
        return Device.DESKTOP
    if not _names(told, _COLLEAGUES):
        for mark, app in _APPS:
            if mark in told:
                return app
    is_phone = _names(told, _PHONES) and not _names(told, _COMPUTERS)
    return Device.PHONE if is_phone else Device.DESKTOP


def _names(told: str, marks: tuple[str, ...]) -> bool:
    return any(mark in told for mark in marks)


def offers(device: Device, ways: Ways) -> list[Offer]:
    """Return one way for each channel, the best for the device; inside a channel's own app only that channel's."""
    channels = [device.value] if device.value in _ORDER else sorted(ways, key=_place)
    order = _ON_DESKTOP if device is Device.DESKTOP else _ON_PHONE
    best = {channel: next((each for each in order if each in ways.get(channel, ())), None) for channel in channels}
    return [Offer(channel, method) for channel, method in best.items() if method is not None]


def _place(channel: str) -> tuple[int, str]:
    return (_ORDER.index(channel) if channel in _ORDER else len(_ORDER)), channel
