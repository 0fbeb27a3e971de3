"""Credentials in a URL's parameters: known by the words of a parameter's name, not by parts of words."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

# A URL inside a URL is encoded twice.
_ENCODED_MAX: Final = 3
_PARAMETER: Final = re.compile(r"([^=&;/?#]+)=[^&;/?#]")
# ``accessToken``, ``access_token`` and ``access-token`` are two words each; ``APIKey`` is API and Key.
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WORDS: Final = frozenset({
    "auth", "authorization", "oauth", "bearer", "jwt", "token", "tokens", "secret", "secrets", "password", "passwords",
    "passwd", "passcode", "passphrase", "pwd", "credential", "credentials", "apikey", "accesskey", "authkey",
    "secretkey", "privatekey",
})  # fmt: skip
# Written as one word with another before it, as in ``mytoken`` and ``clientsecret``.
_ENDINGS: Final = ("token", "secret", "password", "passwd", "apikey", "accesskey", "secretkey")
_KINDS_OF_KEYS: Final = frozenset({"access", "api", "auth", "private", "secret", "signing"})


def has_credential(text: str) -> bool:
    """Return whether a path and query have a parameter with a value whose name says it is a credential."""
    for _ in range(_ENCODED_MAX):
        if any(_is_credential(name) for name in _PARAMETER.findall(text)):
            return True
        text = unquote(text)
    return False


def _is_credential(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(unquote(name))]
    if any(word in _WORDS or word.endswith(_ENDINGS) for word in words):
        return True
    return any(kind in _KINDS_OF_KEYS and word == "key" for kind, word in pairwise(words))
