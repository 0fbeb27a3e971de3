"""The page that shows the OpenAPI document to people."""

from starlette.routing import Route

from api.pages import PageFile, page_routes


def routes() -> list[Route]:
    """Return the page, its script, its style and its Chinese."""
    pages = (
        PageFile("/docs", "docs.html", "text/html"),
        PageFile("/docs/docs.js", "docs.js", "text/javascript"),
        PageFile("/docs/docs.css", "docs.css", "text/css"),
        PageFile("/docs/zh.json", "zh.json", "application/json"),
    )
    return page_routes("api.rest", pages)
