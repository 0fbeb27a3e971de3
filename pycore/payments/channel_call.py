"""One call to a channel: what came back, as an entry for the timeline too. Nothing a call may raise gets further."""

from __future__ import annotations

import time
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
from pycore.channels.connection import NOT_SENT
from pycore.errors import ConfigurationError
from pycore.payments.channel_stats import ChannelStats
from pycore.payments.ladder import Step
from pycore.payments.refund_ladder import RefundStep
from pycore.payments.timeline import described

log = structlog.get_logger(__name__)

NO_ACCOUNT: Final = "no_account"
"""The code where we have no account at a channel (any more, or yet)."""


_NOT_SENT: Final = frozenset({NOT_SENT, NO_ACCOUNT, ConfigurationError.code, UnsupportedOperationError.code})


class Called(NamedTuple):
    """What a call brought, and what is told of it."""

    outcome: Outcome
    detail: dict[str, object]

    @property
    def was_sent(self) -> bool:
        """Whether the channel may have seen the call: false where not a byte of it left."""
        return not isinstance(self.outcome, Failed | Unknown) or self.outcome.code not in _NOT_SENT


async def call(
    stats: ChannelStats,
    connection: ChannelConnection | None,
    channel: str,
    step: Step | RefundStep,
    subject: ChannelOrder | Refund,
) -> Called:
    """Ask a channel about an order or a refund; ``step`` is the call's name."""
    started = time.monotonic()
    outcome = await _outcome(connection, step, subject)
    shown = described(outcome)
    stats.calls[channel, step, str(shown["outcome"])] += 1
    if isinstance(outcome, Unknown) and outcome.unverified:
        log.warning(
            "a channel said what cannot be verified",
            channel=channel,
            step=step,
            code=outcome.code,
            unverified=outcome.unverified,
        )
    milliseconds = round((time.monotonic() - started) * 1000)
    return Called(outcome, {"channel": channel, "step": step, **shown, "milliseconds": milliseconds})


async def _outcome(
    connection: ChannelConnection | None, step: Step | RefundStep, subject: ChannelOrder | Refund
) -> Outcome:
    makes = step in {Step.CREATE, RefundStep.REFUND}
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
