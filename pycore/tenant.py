"""Whose data it is: a merchant in live or in test mode. Nothing of one tenant is ever seen by another."""

from typing import NamedTuple


class Tenant(NamedTuple):
    """A merchant, and whether real money moves."""

    merchant_id: int
    live: bool

    @property
    def label(self) -> str:
        """What sealed values and keys are bound to: the merchant and mode as text, never shown to people."""
        return f"{self.merchant_id:032x}/{'live' if self.live else 'test'}"
