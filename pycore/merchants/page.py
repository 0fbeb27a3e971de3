"""Lists, a page at a time: newest first, the next page begins after an id of the same list."""

from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from pycore.errors import InvalidRequestError

Item = TypeVar("Item")

LIMIT_MAX: Final = 100


class Page(NamedTuple, Generic[Item]):
    """Part of a list.

    Attributes:
        items: newest first.
        has_more: whether there are older ones; ask for those after the last item's id.
    """

    items: Sequence[Item]
    has_more: bool


def checked_limit(limit: int) -> int:
    """Return how many items a page may have. Raises InvalidRequestError."""
    if not 1 <= limit <= LIMIT_MAX:
        raise InvalidRequestError(f"limit must be 1 to {LIMIT_MAX}")
    return limit
