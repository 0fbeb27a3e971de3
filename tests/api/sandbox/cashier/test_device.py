"""What a page is looked at with, and what is offered there."""

import pytest

from api.cashier.device import Device, device_of, offers
from pycore.payments import PaymentMethod

_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/122.0 Safari/537.36"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Safari/537.36"
_LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/122.0 Safari/537.36"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) AppleWebKit/605.1.15 Mobile/15E148"
_ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Mobile Safari/537.36"
_WECHAT = "MicroMessenger/8.0.49 NetType/WIFI"

AGENTS = [
    (f"{_WINDOWS} {_WECHAT} MiniProgramEnv/Windows WindowsWechat/WMPF", Device.DESKTOP),
    (f"{_WINDOWS} {_WECHAT} UnifiedPCWindowsWechat(0xf2541510) XWEB/16203", Device.DESKTOP),
    (f"{_MAC} {_WECHAT} MacWechat/3.8.7(0x13080710)", Device.DESKTOP),
    (f"{_LINUX} {_WECHAT} UnifiedPCLinuxWechat(0x64000000)", Device.DESKTOP),
    (f"{_IPHONE} {_WECHAT} miniProgram/wx0123456789abcdef", Device.DESKTOP),
    (f"{_ANDROID} AlipayClient/10.5.90 MiniProgram APXWebView", Device.DESKTOP),
    (f"{_WINDOWS} wxwork/4.1.22 MicroMessenger/7.0.1", Device.DESKTOP),
    (f"{_IPHONE} wxwork/4.1.22 MicroMessenger/7.0.1 Language/zh", Device.PHONE),
    (f"{_IPHONE} {_WECHAT}", Device.WECHAT),
    (f"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 {_WECHAT}", Device.WECHAT),
    (f"{_ANDROID} AliApp(AP/10.5.90) AlipayClient/10.5.90", Device.ALIPAY),
    (f"{_ANDROID} UnionPay/1.0 CloudPay", Device.UNIONPAY),
    (f"{_ANDROID} AliApp(TB/10.30.0)", Device.PHONE),
    ("Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 ArkWeb/4.1.6.1 Mobile", Device.PHONE),
    ("Mozilla/5.0 (PC; OpenHarmony 5.0) AppleWebKit/537.36 ArkWeb/4.1.6.1", Device.DESKTOP),
    (_WINDOWS, Device.DESKTOP),
    ("", Device.DESKTOP),
    ("curl/8.9.1", Device.DESKTOP),
]


@pytest.mark.parametrize(("agent", "device"), AGENTS)
def test_f15_an_app_is_one_only_where_it_can_pay(agent: str, device: Device) -> None:
    """WeChat for Windows calls itself MicroMessenger: it was offered h5, which needs a phone."""
    assert device_of(agent) is device
    everything = frozenset({PaymentMethod.QR_CODE, PaymentMethod.H5, PaymentMethod.PAGE})
    found = offers(device, {"wechat": everything, "alipay": everything})
    if device is Device.DESKTOP:
        assert {each.method for each in found} == {PaymentMethod.QR_CODE}
    else:
        assert PaymentMethod.QR_CODE not in {each.method for each in found}
