"""Orders over the XML interface: made for any way of paying, closed. Asked about as scanned codes are."""

from typing import Final

from api.sandbox.core.fault import Operation
from api.sandbox.core.order import NewOrder
from api.sandbox.keys import MCHID
from api.sandbox.wechat import PROTOCOL
from api.sandbox.wechat.call import World
from api.sandbox.wechat.transaction import TRADE_TYPES, entrance
from api.sandbox.wechat.xml_call import (
    IDENTITY,
    INTERFACE,
    NOTIFY_URL,
    ORDER,
    REFERENCE,
    Fields,
    Rule,
    XmlPath,
    XmlRefusalError,
    find,
    matching,
    needed,
    time_ms,
    within,
)

_METHODS: Final = {word: method for method, word in TRADE_TYPES.items() if method != "micropay"}
_WORDS: Final = {"h5_url": "mweb_url"}
_RULES: Final = (
    *ORDER,
    NOTIFY_URL,
    needed("trade_type", matching("|".join(_METHODS))),
    Rule("product_id", within(32)),
    Rule("openid", within(128)),
    Rule("scene_info", within(256)),
)
_EXPIRY_MS_MIN: Final = 60_000


def _make(world: World, fields: Fields) -> Fields:
    kind = fields["trade_type"]
    for name, asking in (("product_id", "NATIVE"), ("openid", "JSAPI"), ("scene_info", "MWEB")):
        if kind == asking and not fields.get(name):
            raise XmlRefusalError("LACK_PARAMS", f"缺少参数{name}")
    new = NewOrder(
        protocol=PROTOCOL,
        merchant=MCHID,
        reference=fields["out_trade_no"],
        method=_METHODS[kind],
        amount=int(fields["total_fee"]),
        description=fields["body"],
        attach=fields.get("attach", ""),
        notify_url=fields["notify_url"],
        payer=fields.get("openid") or "oSandboxPayer0000000000000001",
        expires_at=_end(world, fields.get("time_expire", "")),
        details={"interface": INTERFACE, "sign_type": fields.get("sign_type", "MD5")},
    )
    order = world.desk.create(new)
    shown = {_WORDS.get(name, name): value for name, value in entrance(order, world.base_url).items()}
    return {"trade_type": kind, "prepay_id": f"wx{order.token}", **shown}


def _end(world: World, text: str) -> int:
    if not text:
        return 0
    now_ms = world.clock.merchant_now_ms()
    end_ms = time_ms(text)
    if end_ms <= now_ms:
        raise XmlRefusalError("PARAM_ERROR", "time_expire时间过短，刷卡至少1分钟，其他5分钟")
    return world.clock.from_merchant(max(end_ms, now_ms + _EXPIRY_MS_MIN))


def _close(world: World, fields: Fields) -> Fields:
    world.desk.close(find(world, fields))
    return {"result_msg": "OK"}


PATHS: Final = (
    XmlPath("/pay/unifiedorder", Operation.CREATE, _RULES, _make),
    XmlPath("/pay/closeorder", Operation.CLOSE, (*IDENTITY, needed("out_trade_no", matching(REFERENCE))), _close),
)
