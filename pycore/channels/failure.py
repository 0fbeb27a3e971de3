"""What the channels' protocol code refuses, and the errors it raises for it."""

from __future__ import annotations

from pycore.errors import PycoreError


class NotTrustedError(ValueError):
    """Bytes from outside that cannot be verified or read: as a reply they leave the outcome unknown.

    Attributes:
        code: why, in one stable word; never anything of the bytes themselves.
        unverified: what the bytes say of themselves, for people: a channel does not sign every refusal, and its words
            are then the only hint at what is wrong. They prove nothing.
    """

    def __init__(self, code: str, unverified: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.unverified = unverified


class NotificationRefusedError(PycoreError):
    """A notification is not proof of anything: nothing may be booked on its word.

    Attributes:
        reason: why, in one stable word, for the answer's status and for alerts.
    """

    code = "notification_refused"

    def __init__(self, reason: str = "not_trusted") -> None:
        super().__init__(f"the notification is refused ({reason}); nothing was changed: ask the channel itself")
        self.reason = reason


class BillRefusedError(PycoreError):
    """A bill is not taken: not one of its lines counts.

    Attributes:
        differences: what does not fit, with line numbers from 1 where a line is meant.
    """

    code = "bill_refused"

    def __init__(self, differences: tuple[str, ...] = ()) -> None:
        super().__init__(f"the bill is refused, none of its lines counts: {'; '.join(differences) or 'unreadable'}")
        self.differences = differences


class UnsupportedOperationError(PycoreError):
    """The channel has no such operation or method; the capability record says so beforehand."""

    code = "unsupported_operation"
    meaning = "the channel cannot do this; nothing was sent: choose by its capability record"


def require(supported: object) -> None:
    """Raise UnsupportedOperationError unless ``supported``."""
    if not supported:
        raise UnsupportedOperationError
