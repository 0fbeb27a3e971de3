"""Secrets of a channel account: printing one shows a mask."""

from __future__ import annotations


class Secret:
    """A shared key or a payer's payment code; only ``reveal`` gives it away."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def reveal(self) -> str:
        """Return what is kept secret. Do not store, log or format it."""
        return self._value
