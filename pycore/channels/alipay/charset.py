"""Alipay's two alphabets: UTF-8, which we ask for, and GBK, in which some replies and callbacks come all the same.

Signatures are over bytes. Each codec here spells a text in one way only, so text written again is the bytes that came.
"""

from __future__ import annotations

from typing import Final

from pycore.channels.failure import NotTrustedError

_CODECS: Final = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}


def codec_of(charset: str) -> str:
    """Return the codec for a name that Alipay gives an alphabet. Raises NotTrustedError for any other."""
    try:
        return _CODECS[charset.lower()]
    except KeyError:
        raise NotTrustedError("unknown_charset") from None


def decoded(body: bytes) -> tuple[str, str]:
    """Return a reply's text and the codec it was read with: UTF-8 where the bytes are that, GBK else.

    A reply does not say within what is signed which of the two it is in. Raises NotTrustedError where it is neither.
    """
    for codec in ("utf-8", "gb18030"):
        try:
            return body.decode(codec), codec
        except UnicodeDecodeError:
            continue
    raise NotTrustedError("not_json")
