"""How a failed HTTP request answers: ``application/problem+json`` (RFC 9457) with a stable reason."""

import math
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from api.errors import OUTSIDE, public_error, retry_after_ms


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong, and what to do next.

    ``reason`` is stable and meant for programs, ``detail`` for people. ``retry_after_ms`` is there where the same
    request, sent again unchanged, can succeed.
    """

    title: str
    status: int
    detail: str
    reason: str
    retry_after_ms: int | None = None


def problem_response(error: BaseException) -> Response:
    """Return the answer for an error, by the one table in :mod:`api.errors`."""
    public = public_error(error)
    status = OUTSIDE[type(public)].http
    delay_ms = retry_after_ms(public)
    problem = Problem(status.phrase, status.value, str(public), public.code, delay_ms)
    headers = {} if delay_ms is None else {"retry-after": str(math.ceil(delay_ms / 1000))}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"  # RFC 9110 section 11.6.1 asks for it
    return Response(msgspec.json.encode(problem), status.value, headers, "application/problem+json")
