"""The gateway's parameters: those of the address and those of the form together, in the alphabet ``charset`` names."""

import re
from typing import Final
from urllib.parse import parse_qsl

from api.sandbox.alipay.error import invalid, missing

ERROR_NAME: Final = "error_response"
"""Wraps the refusal of a call that does not say which method it calls."""

CHARSETS: Final = {"utf-8": "utf-8", "gbk": "gbk", "gb2312": "gbk", "gb18030": "gb18030"}
"""The codec for each alphabet a merchant may ask for."""

_METHOD: Final = re.compile(r"[a-z0-9]{1,64}(?:\.[a-z0-9]{1,64}){1,8}")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_URL: Final = re.compile(r"https?://[0-9A-Za-z\[][!-~]{0,255}")
_URL_CHARACTERS_MAX: Final = 256
_FIELDS_MAX: Final = 100
_NEEDED: Final = (
    ("app_id", "isv.missing-app-id", "缺少appId参数"),
    ("method", "isv.missing-method", "缺少方法名参数"),
    ("sign_type", "isv.missing-signature-type", "缺少签名类型参数"),
    ("sign", "isv.missing-signature", "缺少签名参数"),
    ("timestamp", "isv.missing-timestamp", "缺少时间戳参数"),
    ("version", "isv.missing-version", "缺少版本参数"),
)


class Parameters:
    """What was sent, before anybody knows who sent it. Making it never fails; each question may be refused."""

    def __init__(self, query: bytes, form: bytes) -> None:
        # Read as Latin letters each byte is one, and an alphabet's name is the same in all of them.
        self._pairs = _pairs(query) + _pairs(form)
        self._first = dict(reversed(self._pairs))

    @property
    def codec(self) -> str:
        """The codec of the call and of its reply; GBK, the gateway's own, where the call names none that there is."""
        return CHARSETS.get(self._first.get("charset", "").lower(), "gbk")

    @property
    def response_name(self) -> str:
        """The name of the object a reply is wrapped in."""
        name = self._first.get("method", "")
        return f"{name.replace('.', '_')}_response" if _METHOD.fullmatch(name) else ERROR_NAME

    def fields(self) -> dict[str, str]:
        """Return the parameters; one that is sent twice with the same value is one. Raises ApiError."""
        if self._first.get("charset", "").lower() not in CHARSETS:
            raise invalid("isv.invalid-charset", "字符集错误，目前支持格式：GBK,UTF-8")
        if len(self._pairs) > _FIELDS_MAX:
            raise invalid("isv.invalid-parameter", "参数无效")
        try:
            pairs = [(_text(name, self.codec), _text(value, self.codec)) for name, value in self._pairs]
        except UnicodeDecodeError:
            raise invalid("isv.invalid-encoding", "无效的编码") from None
        fields = dict(pairs)
        if any(fields[name] != value for name, value in pairs):
            raise invalid("isv.invalid-parameter", "参数重复")
        return fields


def check_common(fields: dict[str, str]) -> None:
    """Raise ApiError where one of the parameters that every method has is missing or not as documented."""
    for name, code, message in _NEEDED:
        if not fields.get(name):
            raise missing(code, message)
    if fields["sign_type"] != "RSA2":
        raise invalid("isv.invalid-signature-type", "无效的签名类型")
    if fields.get("format", "JSON").upper() != "JSON":
        raise invalid("isv.invalid-format", "无效的数据格式")
    if fields["version"] != "1.0":
        raise invalid("isv.invalid-parameter", "参数无效：version")
    if not _MOMENT.fullmatch(fields["timestamp"]):
        raise invalid("isv.invalid-timestamp", "非法的时间戳参数")
    for name in ("notify_url", "return_url"):
        if (address := fields.get(name)) and not is_address(address):
            raise invalid("isv.invalid-parameter", f"参数无效：{name}")


def is_address(text: str) -> bool:
    """Return whether a text may be an address for callbacks or to go back to: http or https, at most 256 characters."""
    return len(text) <= _URL_CHARACTERS_MAX and _URL.fullmatch(text) is not None


def _pairs(text: bytes) -> list[tuple[str, str]]:
    return parse_qsl(text.decode("latin-1"), keep_blank_values=True, encoding="latin-1")


def _text(latin: str, codec: str) -> str:
    return latin.encode("latin-1").decode(codec)
