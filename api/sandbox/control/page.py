"""The payer's page: a phone-sized place to open an order, pay it, refuse it or let it expire. Nothing inline."""

from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
_FILES: Final = (
    ("/payer/", "payer.html", "text/html"),
    ("/payer/payer.js", "payer.js", "text/javascript"),
    ("/payer/payer.css", "payer.css", "text/css"),
)


def routes() -> list[Route]:
    """Return the page, its script and its style."""
    return [_route(path, name, media_type) for path, name, media_type in _FILES]


def _route(path: str, name: str, media_type: str) -> Route:
    content = files("api.sandbox.control").joinpath("pages", name).read_bytes()

    async def show(_request: Request) -> Response:
        return Response(content, headers=_HEADERS, media_type=media_type)

    return Route(path, show, methods=["GET"])
