"""The cashier's own files, and the one page that is made for a payment: the form that leads to a channel."""

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from api.language import Language, chosen_language

_LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action {}; frame-ancestors 'none'"
)
_TITLES: Final = {"en": "Cashier", "zh": "收银台"}
_GOING: Final = {"en": "Continue to the payment page", "zh": "前往支付页面"}
_RETURN_SLASHES: Final = 2
_WEB: Final = frozenset({"http", "https"})


def page_headers(form_action: str = "'none'") -> dict[str, str]:
    """Return the headers of everything at the cashier: nothing is kept, nothing else is loaded, nobody frames it."""
    return {
        "content-security-policy": _POLICY.format(form_action),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
    }


def is_return(scope: Scope) -> bool:
    """Return whether a request brings a payer back from UnionPay, whose page posts a form to ours; it only shows."""
    path: str = scope["path"]
    return scope["method"] == "POST" and path.startswith("/pay/") and path.count("/") == _RETURN_SLASHES


def language_of(request: Request) -> Language:
    """Return the language of a page: what the query says, else what the browser likes best."""
    asked = request.query_params.get("lang")
    for language in _LANGUAGES:
        if language == asked:
            return language
    return chosen_language(request.headers.get("accept-language"))


def read_file(name: str) -> bytes:
    """Return a file of the pages."""
    return files("api.cashier").joinpath("pages", name).read_bytes()


def in_languages(page: bytes) -> dict[Language, bytes]:
    """Return a page for each language: the same but for the language it is marked with, and its title."""
    return {
        language: page.replace(b'<html lang="en">', f'<html lang="{language}">'.encode()).replace(
            b"<title>Cashier</title>", f"<title>{_TITLES[language]}</title>".encode()
        )
        for language in _LANGUAGES
    }


def form_page(url: str, fields: Mapping[str, str], language: Language) -> Response:
    """Return a page that posts ``fields`` to a channel, by itself or at a click. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in _WEB or not parts.netloc:
        raise ValueError("not an address on the web")
    inputs = "\n".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    content = (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_TITLES[language]}</title>\n"
        '<link rel="icon" href="/pay/icon.svg" type="image/svg+xml">\n'
        '<link rel="stylesheet" href="/pay/cashier.css">\n<script src="/pay/go.js" defer></script>\n</head>\n'
        f'<body>\n<main class="card">\n<form id="form" method="post" action="{escape(url)}">\n{inputs}\n'
        f'<button class="primary">{_GOING[language]}</button>\n</form>\n</main>\n</body>\n</html>\n'
    )
    # Where the channel sends the browser on from there is its own business, as long as it is encrypted.
    return Response(content, headers=page_headers(f"{parts.scheme}://{parts.netloc} https:"), media_type="text/html")


def redirect(url: str) -> Response:
    """Return a redirect to a channel's page. Raises ValueError."""
    if urlsplit(url).scheme not in _WEB:
        raise ValueError("not an address on the web")
    return Response(status_code=303, headers={**page_headers(), "location": url})
