"""A verified request of APIv3, and what becomes of it."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, TypeVar

import msgspec
from msgspec import Struct

from api.sandbox.core.clock import Clock
from api.sandbox.core.desk import Desk
from api.sandbox.core.fault import Operation
from api.sandbox.core.store import Store
from api.sandbox.core.ticket import Tickets
from api.sandbox.keys import MCHID, WechatKeys
from api.sandbox.wechat.error import ApiError, parameter_error
from api.sandbox.wechat.signature import Signer

Value = TypeVar("Value")

_MISSING: Final = re.compile("missing required field `([^`]+)`")


class World(Struct, frozen=True):
    """What the interfaces stand on."""

    desk: Desk
    store: Store
    clock: Clock
    keys: WechatKeys
    signer: Signer
    tickets: Tickets
    base_url: str


class Call(Struct, frozen=True):
    """A request whose signature was verified; ``serial`` is what the merchant wants replies to be signed with."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    serial: str

    def content(self, kind: type[Value]) -> Value:
        """Return the body as ``kind``. Raises ApiError."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            _refuse(error)


class Answer(Struct, frozen=True):
    """A reply: JSON content, none (204), or the bytes of a file that nobody signs."""

    content: Any = None
    file: bytes | None = None


class Work(Struct, frozen=True):
    """What is to be done: ``perform`` does it; ``reference`` is the merchant's number it is about, for fault rules."""

    reference: str
    perform: Callable[[], Answer]


class Interface(Struct, frozen=True):
    """One path of the interface; ``read`` understands a request and returns the work it asks for."""

    method: str
    path: str
    operation: Operation
    read: Callable[[World, Call], Work]


def check_merchant(mchid: str, location: str = "body") -> None:
    """Check that a merchant speaks for himself. Raises ApiError."""
    if not mchid:
        raise parameter_error("mchid", "缺少参数", location)
    if mchid != MCHID:
        raise ApiError(400, "APPID_MCHID_NOT_MATCH", "AppID和mch_id不匹配")


def _refuse(error: Exception) -> NoReturn:
    text = str(error)
    found = _MISSING.search(text)
    within = text.rpartition("`$.")[2].rstrip("`") if "`$." in text else ""
    field = ".".join(filter(None, (within, found[1] if found else ""))) or "body"
    raise parameter_error(field, text) from None
