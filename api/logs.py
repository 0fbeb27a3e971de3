"""How our processes log: a line of JSON each, on standard error."""

import sys

import structlog


def configure_logs() -> None:
    """Let everything that logs in this process do so in that form."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
