"""The payer's page: a phone-sized place to open an order, pay it, refuse it or let it expire."""

from starlette.routing import Route

from api.pages import PageFile, page_routes


def routes() -> list[Route]:
    """Return the page, its script and its style."""
    pages = (
        PageFile("/payer/", "payer.html", "text/html"),
        PageFile("/payer/payer.js", "payer.js", "text/javascript"),
        PageFile("/payer/payer.css", "payer.css", "text/css"),
        PageFile("/payer/icon.svg", "icon.svg", "image/svg+xml"),
    )
    return page_routes("api.sandbox.control", pages)
