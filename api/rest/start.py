"""The first page, at ``/``: where one is, and where one can go from there."""

from html import escape
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.cashier.page import language_of
from api.language import Language
from api.pages import PAGE_HEADERS
from pycore.channels.accounts import ChannelAccounts

_PLACE: Final = "<!--try-->"
_WORDS: Final[dict[Language, tuple[str, str]]] = {
    "en": ("A shop's cashier, to try: type an amount, pay", "Play the payer of payments that wait, in test mode"),
    "zh": ("门店收银台（演示）：输入金额，付款", "在测试模式下扮演付款人"),
}
_FILES: Final[dict[Language, str]] = {"en": "start.html", "zh": "start.zh.html"}


class StartPage:
    """The page, with links to what there is to try on this server.

    Attributes:
        cashier_url: a demo store's code, where there is one.
    """

    def __init__(self, accounts: ChannelAccounts) -> None:
        self.cashier_url: str | None = None
        self._accounts = accounts
        self._texts = {
            language: files("api.rest").joinpath("pages", name).read_text("utf-8") for language, name in _FILES.items()
        }

    def routes(self) -> list[Route]:
        """Return what Starlette routes here."""
        return [Route("/", self._show, methods=["GET"])]

    async def _show(self, request: Request) -> Response:
        language = language_of(request)
        self._accounts.connections(live=False)  # says where the simulators are, once they are
        links = zip((self.cashier_url, self._accounts.payer_page), _WORDS[language], strict=True)
        lines = [f'<li><a href="{escape(url)}">{words}</a></li>' for url, words in links if url is not None]
        content = self._texts[language].replace(_PLACE, "\n".join(lines))
        return Response(content, headers={**PAGE_HEADERS, "content-language": language}, media_type="text/html")
