"""A verified call of a method, whichever interface it came through, and what becomes of it."""

import json
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from api.sandbox.alipay.error import ApiError
from api.sandbox.alipay.signature import Signer
from api.sandbox.core.clock import Clock, in_shanghai
from api.sandbox.core.desk import Desk
from api.sandbox.core.fault import Operation
from api.sandbox.core.store import Store
from api.sandbox.core.ticket import Tickets

Value = TypeVar("Value")

_YUAN: Final = re.compile(rb'"?([0-9]{1,9})(?:\.([0-9]{1,2}))?"?')
_CENTS_MAX: Final = 10_000_000_000


class World(Struct, frozen=True):
    """What the methods stand on."""

    desk: Desk
    store: Store
    clock: Clock
    signer: Signer
    tickets: Tickets
    base_url: str


class Call(Struct, frozen=True):
    """A call whose signature was verified.

    Attributes:
        business: the business content as JSON.
        notify_url, return_url: where callbacks and the payer go.
        charset: the alphabet it came in, for its callbacks too.
        is_phone: whether a phone's browser brought it.
    """

    business: bytes
    notify_url: str = ""
    return_url: str = ""
    charset: str = "utf-8"
    is_phone: bool = False

    def content(self, kind: type[Value]) -> Value:
        """Return the business content as ``kind``. Raises ApiError."""
        try:
            json.loads(self.business, object_pairs_hook=_once)
            return msgspec.json.decode(self.business, type=kind)
        except (ValueError, RecursionError) as error:  # a DecodeError of either library is a ValueError
            raise ApiError("ACQ.INVALID_PARAMETER", f"参数无效：{error}") from None


class Answer(Struct, frozen=True):
    """A reply's fields; ``is_waiting``: the payer is still being asked."""

    fields: dict[str, Any]
    is_waiting: bool = False


class Work(Struct, frozen=True):
    """What is to be done: ``perform`` does it; ``reference`` is the merchant's number it is about, for fault rules."""

    reference: str
    perform: Callable[[], Answer]


class Method(Struct, frozen=True):
    """One method; ``read`` understands a call and returns the work it asks for. ``verb`` is v3's HTTP method."""

    name: str
    operation: Operation
    read: Callable[[World, Call], Work]
    verb: str = "POST"

    @property
    def rest_path(self) -> str:
        """The path of v3."""
        return "/v3/" + self.name.replace(".", "/")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a field is given twice")
    return dict(pairs)


def cents(amount: msgspec.Raw) -> int:
    """Return an amount in yuan, text or number, in minor units; never by way of a float.

    Raises ApiError for more than two decimals, too little, too much.
    """
    matched = _YUAN.fullmatch(bytes(amount))
    value = 0 if matched is None else int(matched[1]) * 100 + int((matched[2] or b"").ljust(2, b"0"))
    if not 0 < value <= _CENTS_MAX:
        raise ApiError("ACQ.INVALID_PARAMETER", "参数无效：金额格式错误")
    return value


def moment(at_ms: int) -> str:
    """Return a moment as Alipay writes it: ``2026-11-22 10:34:56`` in Shanghai."""
    return f"{in_shanghai(at_ms):%Y-%m-%d %H:%M:%S}"
