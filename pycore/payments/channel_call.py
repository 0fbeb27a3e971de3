"""One call to a channel: what came back, as an entry for the timeline too. Nothing a call may raise gets further."""

from __future__ import annotations

import time
from collections import Counter
from typing import Final, NamedTuple

import structlog

from pycore.channels import (
    ChannelConnection,
    ChannelOrder,
    Failed,
    Outcome,
    ReasonClass,
    Refund,
    Unknown,
    UnsupportedOperationError,
)
from pycore.errors import ConfigurationError
from pycore.payments.ladder import Step
from pycore.payments.timeline import described

log = structlog.get_logger(__name__)

CALLS: Final[Counter[tuple[str, str, str]]] = Counter()
"""Calls since the start by channel, step and outcome."""
NO_ACCOUNT: Final = "no_account"
"""The code where we have no account at a channel (any more, or yet)."""


class Called(NamedTuple):
    """What a call brought, and what is told of it."""

    outcome: Outcome
    detail: dict[str, object]


async def call_order(connection: ChannelConnection | None, channel: str, step: Step, order: ChannelOrder) -> Called:
    """Ask a channel about an order."""
    return await _called(connection, channel, step, order)


async def call_refund(connection: ChannelConnection | None, channel: str, step: str, refund: Refund) -> Called:
    """Ask a channel about a refund: ``refund`` or ``query_refund``."""
    return await _called(connection, channel, step, refund)


async def _called(
    connection: ChannelConnection | None, channel: str, step: str, subject: ChannelOrder | Refund
) -> Called:
    started = time.monotonic()
    outcome = await _outcome(connection, step, subject)
    shown = described(outcome)
    CALLS[channel, step, str(shown["outcome"])] += 1
    milliseconds = round((time.monotonic() - started) * 1000)
    return Called(outcome, {"channel": channel, "step": step, **shown, "milliseconds": milliseconds})


async def _outcome(connection: ChannelConnection | None, step: str, subject: ChannelOrder | Refund) -> Outcome:
    makes = step in {Step.CREATE, "refund"}
    if connection is None:
        return Failed(ReasonClass.RETRY_SAME_ID, NO_ACCOUNT) if makes else Unknown(NO_ACCOUNT)
    try:
        outcome: Outcome = await getattr(connection, step)(subject)
    except (ConfigurationError, UnsupportedOperationError) as error:
        # Raised while the request is made: nothing was sent.
        log.warning("a channel could not be called", step=step, reason=str(error))
        return Failed(ReasonClass.CONFIGURATION, error.code) if makes else Unknown(error.code)
    except Exception:
        log.exception("a call to a channel broke", step=step)
        return Unknown("defect")
    return outcome
