"""The page that shows the OpenAPI document to people."""

from starlette.routing import Route

from api.pages import PageFile, page_routes


def routes() -> list[Route]:
    """Return the page, its script and its style."""
    pages = (
        PageFile("/docs", "docs.html", "text/html"),
        PageFile("/docs/docs.js", "docs.js", "text/javascript"),
        PageFile("/docs/docs.css", "docs.css", "text/css"),
    )
    return page_routes("api.rest", pages)
