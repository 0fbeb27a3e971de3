"""Links for payers: nobody can guess one or turn one into another, and a printed one works for ever."""

import pytest

from pycore.errors import NotFoundError
from pycore.ids import new_id
from pycore.ledger import Ledger
from pycore.payments.cashier_links import CashierLinks, Link, open_cashier_links
from pycore.vault import GivenKeySource, Vault

LINKS = CashierLinks(b"k" * 32, lambda: "https://pay.example.com")
URLSAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_a_token_stands_for_one_id_of_one_kind() -> None:
    for id in (1, new_id(), 2**128 - 1):
        for link in Link:
            token = LINKS.token(link, id)
            assert (len(token), LINKS.id_of(link, token)) == (43, id)
            for other in set(Link) - {link}:
                with pytest.raises(NotFoundError):
                    LINKS.id_of(other, token)


def test_no_other_text_is_a_token() -> None:
    token = LINKS.token(Link.PAYMENT, new_id())
    wrong = [token[:place] + letter + token[place + 1 :] for place in range(43) for letter in URLSAFE]
    wrong += [
        "",
        token[:-1],
        token + "A",
        token + "=",
        token + "==",
        token[:-1] + "=",
        "é" * 43,
        "\0" * 43,
        "\ud800" * 43,
    ]
    for text in wrong:
        if text != token:
            with pytest.raises(NotFoundError):
                LINKS.id_of(Link.PAYMENT, text)
    with pytest.raises(NotFoundError):
        CashierLinks(b"l" * 32, lambda: "").id_of(Link.PAYMENT, token)


async def test_the_key_is_made_once_and_sealed(ledger: Ledger) -> None:
    source = GivenKeySource("ab" * 32)
    vault = Vault.open(source, Vault.first_keys(source))
    pool = ledger.store.pool
    first = await open_cashier_links(pool, vault, lambda: "")
    again = await open_cashier_links(pool, vault, lambda: "")
    assert first.token(Link.STORE, 7) == again.token(Link.STORE, 7)
    assert await pool.fetchval("SELECT count(*) FROM cashier_key") == 1
    assert first._key not in await pool.fetchval("SELECT sealed FROM cashier_key")
