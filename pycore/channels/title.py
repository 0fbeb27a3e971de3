"""Titles: what the payer reads, as each channel takes it."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from pycore.channels.order import SUBJECT_CHARACTERS_MAX, Method

_CUT: Final = "…"
_BOX: Final = "□"
_STANDS_FOR: Final = {ord(plain): chr(ord(plain) - 0x20 + 0xFF00) for plain in "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~\\"}
"""The same mark in full width: a reader sees the same, a channel another letter."""


class TitleRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a channel takes as the title of an order.

    Attributes:
        methods: whose orders the rule is for.
        source: where it is written.
        characters_max: the most characters.
        bytes_max: the most bytes of UTF-8.
        forbidden: ASCII marks the channel does not take: they are sent in full width.
        takes_emoji: whether characters beyond U+FFFF are taken; where not, a box stands for each.
    """

    methods: frozenset[Method]
    source: str
    characters_max: Annotated[int, Meta(ge=1)] = SUBJECT_CHARACTERS_MAX
    bytes_max: Annotated[int, Meta(ge=4)] = 4 * SUBJECT_CHARACTERS_MAX
    forbidden: str = ""
    takes_emoji: bool = True

    def applied(self, subject: str) -> str:
        """Return ``subject`` as the channel takes it: the same where it can be, else with marks replaced, or cut.

        The same subject gives the same title.
        """
        title = subject.translate({code: _STANDS_FOR[code] for code in map(ord, self.forbidden)})
        if not self.takes_emoji:
            title = "".join(each if each <= "\uffff" else _BOX for each in title)
        if self._fits(title):
            return title
        while not self._fits(title + _CUT):
            title = title[:-1]
        return title + _CUT

    def _fits(self, title: str) -> bool:
        return len(title) <= self.characters_max and len(title.encode()) <= self.bytes_max
