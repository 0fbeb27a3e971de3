"""Whose data it is: a merchant in live or in test mode. Nothing of one tenant is ever seen by another."""

from typing import NamedTuple


class Tenant(NamedTuple):
    """A merchant, and whether real money moves."""

    merchant_id: int
    live: bool
