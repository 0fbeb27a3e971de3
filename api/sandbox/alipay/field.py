"""What the documented fields of ``alipay.trade.*`` may hold: type, length, characters, range.

Source: Alipay open platform, request parameters of each method. What is not named here is passed over, as there.
"""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from msgspec import Meta, Raw, Struct

from api.sandbox.alipay.error import ApiError
from api.sandbox.alipay.method import cents
from api.sandbox.alipay.parameter import is_address
from api.sandbox.core.clock import DAY_MS, SHANGHAI, Clock, in_shanghai

OutTradeNo = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_]{1,64}\Z")]
TradeNo = Annotated[str, Meta(pattern=r"^[0-9]{0,64}\Z")]
Number64 = Annotated[str, Meta(pattern=r"^[!-~]{1,64}\Z")]
# Neither the marks that part fields in signed texts, nor control characters, nor what lies beyond U+FFFF (emoji).
Subject = Annotated[str, Meta(pattern=r"^[^/=&\x00-\x1f\x7f\U00010000-\U0010ffff]{1,256}\Z")]
Digit = Annotated[str, Meta(pattern=r"^[0-9]?\Z")]
SellerId = Annotated[str, Meta(pattern=r"^(2088[0-9]{12})?\Z")]
Text28 = Annotated[str, Meta(max_length=28)]
Text32 = Annotated[str, Meta(max_length=32)]
Text64 = Annotated[str, Meta(max_length=64)]
Text128 = Annotated[str, Meta(max_length=128)]
Text256 = Annotated[str, Meta(max_length=256)]
Text400 = Annotated[str, Meta(max_length=400)]
Text512 = Annotated[str, Meta(max_length=512)]
Options = Annotated[list[Annotated[str, Meta(min_length=1, max_length=1024)]], Meta(max_length=20)]
Goods = Annotated[list[dict[str, Any]], Meta(max_length=200)]
NONE: Final = Raw(b"")

_LIFE: Final = re.compile(r"([1-9][0-9]{0,4})([mhd])|1c")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_UNITS: Final = {"m": 60_000, "h": 3_600_000, "d": DAY_MS}
_LIFE_MS_MAX: Final = 15 * DAY_MS


class NewTrade(Struct, kw_only=True):
    """An order, whichever method makes it."""

    out_trade_no: OutTradeNo
    total_amount: Raw
    subject: Subject
    body: Text128 = ""
    product_code: Text64 = ""
    seller_id: SellerId = ""
    buyer_id: Text28 = ""
    discountable_amount: Raw = NONE
    undiscountable_amount: Raw = NONE
    goods_detail: Goods = []
    goods_type: Digit = ""
    operator_id: Text28 = ""
    store_id: Text32 = ""
    terminal_id: Text32 = ""
    merchant_order_no: Text32 = ""
    timeout_express: str = ""
    qr_code_timeout_express: str = ""
    time_expire: str = ""
    passback_params: Text512 = ""
    disable_pay_channels: Text128 = ""
    enable_pay_channels: Text128 = ""
    specified_channel: Text128 = ""
    qr_pay_mode: Digit = ""
    integration_type: Text32 = ""
    request_from_url: Text256 = ""
    quit_url: Text400 = ""
    extend_params: dict[str, Any] = {}
    business_params: dict[str, Any] | Text512 = {}
    promo_params: dict[str, Any] | Text512 = {}
    scene: str = "bar_code"
    auth_code: str = ""
    query_options: Options = []
    notify_url: str = ""
    return_url: str = ""

    def check(self, products: frozenset[str], *, is_product_needed: bool) -> None:
        """Raise ApiError where fields are not as documented together, or for another product's method."""
        for name in ("notify_url", "return_url", "quit_url"):
            if (address := getattr(self, name)) and not is_address(address):
                raise refusal(name)
        if self.product_code not in products and (self.product_code or is_product_needed):
            raise refusal("product_code")
        total = cents(self.total_amount)
        parts = [cents(each) for each in (self.discountable_amount, self.undiscountable_amount) if is_given(each)]
        if any(part > total for part in parts) or (len(parts) == 2 and sum(parts) != total):
            raise refusal("discountable_amount")
        if self.scene not in {"bar_code", "security_code"}:
            raise refusal("scene")

    def ends_at(self, clock: Clock) -> int:
        """Return when the order ends, 0 where it does not say. Raises ApiError."""
        if self.time_expire:
            return clock.from_merchant(_moment(self.time_expire, clock.merchant_now_ms()))
        now_ms = clock.now_ms()
        return max(_life(self.timeout_express, now_ms), _life(self.qr_code_timeout_express, now_ms))


class Named(Struct, kw_only=True):
    """How a merchant names a trade: his number or the channel's."""

    out_trade_no: Annotated[str, Meta(max_length=64)] = ""
    trade_no: TradeNo = ""
    operator_id: Text28 = ""
    query_options: Options = []
    org_pid: Annotated[str, Meta(max_length=16)] = ""


def is_given(value: Raw) -> bool:
    """Return whether an optional value is there: an empty text is none."""
    return bytes(value) not in {b"", b'""'}


def refusal(field: str) -> ApiError:
    """Return the answer to a field that is not as documented."""
    return ApiError("ACQ.INVALID_PARAMETER", f"参数无效：{field}")


def _moment(text: str, now_ms: int) -> int:
    if not _MOMENT.fullmatch(text):
        raise refusal("time_expire")
    try:
        end = datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
    except ValueError:
        raise refusal("time_expire") from None
    end_ms = int(end.timestamp()) * 1000
    if not now_ms < end_ms <= now_ms + _LIFE_MS_MAX:
        raise refusal("time_expire")
    return end_ms


def _life(text: str, now_ms: int) -> int:
    if not text:
        return 0
    matched = _LIFE.fullmatch(text)
    if matched is None:
        raise refusal("timeout_express")
    if matched[1] is None:  # 1c: until midnight
        midnight = in_shanghai(now_ms).replace(hour=0, minute=0, second=0) + timedelta(days=1)
        return int(midnight.timestamp()) * 1000
    life_ms = int(matched[1]) * _UNITS[matched[2]]
    if life_ms > _LIFE_MS_MAX:
        raise refusal("timeout_express")
    return now_ms + life_ms
