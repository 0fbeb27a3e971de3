"""Pages for people: files of ours that need nothing from anywhere else, nothing of them inline."""

from collections.abc import Iterable
from importlib.resources import files
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PAGE_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


class PageFile(NamedTuple):
    """A file in the folder ``pages`` of a package, and the path it is shown at."""

    path: str
    name: str
    media_type: str


def page_routes(package: str, pages: Iterable[PageFile]) -> list[Route]:
    """Return what Starlette routes to the files; they are read now, once."""
    return [_route(files(package).joinpath("pages", page.name).read_bytes(), page) for page in pages]


def _route(content: bytes, page: PageFile) -> Route:
    async def show(_request: Request) -> Response:
        return Response(content, headers=PAGE_HEADERS, media_type=page.media_type)

    return Route(page.path, show, methods=["GET"])
