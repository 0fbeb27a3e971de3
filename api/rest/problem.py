"""How a failed HTTP request answers: ``application/problem+json`` (RFC 9457) with a stable reason."""

import math
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from api.errors import OUTSIDE, public_error, retry_after_ms, told
from api.language import Language, chosen_language
from api.request_id import current_request
from pycore.errors import PycoreError


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong, and what to do next.

    ``reason`` is stable and meant for programs, ``detail`` for people. ``retry_after_ms`` is there where the same
    request, sent again unchanged, can succeed. ``request_id`` names the request in the server's logs.
    """

    title: str
    status: int
    detail: str
    reason: str
    retry_after_ms: int | None = None
    request_id: str | None = None


def problem_of(public: PycoreError, language: Language = "en") -> Problem:
    """Return what is told of an error, by the one table in :mod:`api.errors`."""
    status = OUTSIDE[type(public)].http
    return Problem(
        status.phrase, status.value, told(public, language), public.code, retry_after_ms(public), current_request()
    )


def problem_response(error: BaseException, accept_language: str | None = None) -> Response:
    """Return the answer for an error, in the language the caller likes best."""
    language = chosen_language(accept_language)
    problem = problem_of(public_error(error), language)
    headers: dict[str, str] = {"content-language": language}
    if problem.retry_after_ms is not None:
        headers["retry-after"] = str(math.ceil(problem.retry_after_ms / 1000))
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"  # RFC 9110 section 11.6.1 asks for it
    return Response(msgspec.json.encode(problem), problem.status, headers, "application/problem+json")
