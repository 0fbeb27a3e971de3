"""How our processes log: a line of JSON each, on standard error, without secrets.

Nothing that logs may be handed a secret. Should it be, two nets are below: of errors that are not ours the message is
left out, because libraries quote the values they stumble over; and every line is searched for what looks like a secret.
"""

import logging
import re
import sys
import traceback
from types import TracebackType
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor

from api.request_id import current_request
from pycore.errors import PycoreError
from pycore.vault import mask_secrets


def configure_logs() -> None:
    """Let everything that logs in this process do so in that form, libraries too: they only what is amiss."""
    structlog.configure(
        processors=[*_PROCESSORS, _rendered],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_only_what, *_PROCESSORS],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _rendered],
            keep_exc_info=False,
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    sys.excepthook = _log_uncaught


def without_messages(error: BaseException) -> str:
    """Return an error's traceback and those of its causes: places in our sources, types, and what we wrote ourselves.

    PostgreSQL's DETAIL quotes rows, its driver arguments, a decoder its input.
    """
    told = []
    seen = set[int]()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        name = f"{type(each).__module__}.{type(each).__qualname__}"
        said = f"{name}: {each}" if isinstance(each, PycoreError) else f"{name}{_facts(each)}"
        told.append(f"{''.join(traceback.format_tb(each.__traceback__))}{said}")
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return "\n\nwhich led to\n\n".join(reversed(told))


def _facts(error: BaseException) -> str:
    """What a database's error says without quoting: its code, and the names of table, column and constraint."""
    names = ("sqlstate", "table_name", "column_name", "constraint_name", "errno")
    facts = [f"{name}={value}" for name in names if (value := getattr(error, name, None)) is not None]
    return f" ({', '.join(facts)})" if facts else ""


def _only_what(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Leave out with what something happened: asyncio writes arguments and results behind it, in brackets and lines."""
    event["event"] = _WITH_WHAT.split(str(event["event"]), 1)[0]
    return event


def _with_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    found = event.pop("exc_info", None)
    error = found[1] if isinstance(found, tuple) else found
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["exception"] = without_messages(error)
    return event


def _with_request(_logger: Any, _method: str, event: EventDict) -> EventDict:
    if (id := current_request()) is not None:
        event["request_id"] = id
    return event


def _rendered(logger: Any, method: str, event: EventDict) -> str:
    line = _JSON(logger, method, event)
    return mask_secrets(line if isinstance(line, str) else line.decode())


def _log_uncaught(_kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    structlog.get_logger(__name__).critical("the process ends", exc_info=error)


_WITH_WHAT: Final = re.compile(r"[\n(<\[{]")
_JSON: Final = structlog.processors.JSONRenderer(ensure_ascii=False)
_PROCESSORS: Final[list[Processor]] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    _with_request,
    _with_exception,
]
