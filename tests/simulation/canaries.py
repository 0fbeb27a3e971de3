"""Secrets that are recognised wherever they turn up: each carries the mark of its kind, in the part no mask shows.

A mark is eight or more characters that nothing else holds. Whole values would be too many to look for in every form; a
mark is searched for as it is, in groups, in full width, escaped as in JSON and URLs, in hexadecimal and in base64.
"""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Iterator
from random import Random
from urllib.parse import quote

CARD, CODE, PHONE, ID_NUMBER = "card number", "payment code", "phone", "id number"
CVV, NAME, KEY, WEBHOOK_SECRET = "cvv", "name", "api key", "webhook secret"
_OF_DIGITS = (CARD, CODE, PHONE, ID_NUMBER)

# What stands between the groups of a card number, and how percent signs, JSON and UTF-8 write that.
_MARKS = (".", "/", "_", ",", ":", "|", "*")
_SEPARATORS = (" ", "-", "\u00a0", "%20", "+", *_MARKS, *(f"%{ord(mark):02X}" for mark in _MARKS))
_AROUND = 64


class Canaries:
    """Makes values and finds them again."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.values: set[str] = set()
        self._marks = {
            CARD: self._digits(8),
            CODE: self._digits(8),
            PHONE: "1" + self._random.choice("3456789") + self._digits(5),
            ID_NUMBER: "3301" + self._digits(2, of="12345678") + "19",
            **{kind: self._letters(10) for kind in (CVV, KEY, WEBHOOK_SECRET)},
            NAME: "".join(self._random.choice("鸢鹂鹬鸨鸬鹈鹮鹃鹎鹟") for _ in range(5)),
        }
        self._of_digits = {self._marks[kind].encode() for kind in _OF_DIGITS}
        self._forms = {form: kind for kind, mark in self._marks.items() for form in _forms(kind, mark)}

    def card(self) -> str:
        """Return a card number of 16 digits with a right check digit; its last eight are the mark."""
        while True:
            beginning = self._random.choice(_BEGINNINGS)
            number = beginning + self._digits(8 - len(beginning)) + self._marks[CARD]
            if sum(map(_luhn, range(16), reversed(number))) % 10 == 0:
                return self._made(number)

    def doubtful_card(self) -> str:
        """Return a card number of Mastercard's 2 series beside a word for it: without one it reads as an order's."""
        while True:
            number = "2" + self._random.choice("3456") + self._digits(6) + self._marks[CARD]
            if sum(map(_luhn, range(16), reversed(number))) % 10 == 0:
                return f"{self._random.choice(_CARD_WORDS)}{self._made(number)}"

    def grouped_card(self) -> str:
        """Return a card number as people and programs write it."""
        separator = self._random.choice((" ", "-", "\u00a0", *_MARKS))
        number = self.card()
        return separator.join(number[start : start + 4] for start in range(0, 16, 4))

    def wide_card(self) -> str:
        """Return a card number in the digits of another script, or in circles."""
        return self.card().translate(self._random.choice(_SCRIPTS))

    def encoded_card(self) -> str:
        """Return a card number whose every character is written with a percent sign."""
        return "".join(f"%{ord(digit):02X}" for digit in self.card())

    def code(self) -> str:
        """Return a payer's code of WeChat Pay."""
        return self._made("13" + self._marks[CODE] + self._digits(8))

    def phone(self) -> str:
        """Return a Chinese mobile number; the mark's last digits are those a mask hides."""
        return self._made(self._marks[PHONE] + self._digits(4))

    def id_number(self) -> str:
        """Return a resident's number (GB 11643) with a right check character."""
        born = f"{self._random.randint(50, 99)}{self._random.randint(1, 12):02}{self._random.randint(1, 28):02}"
        body = self._marks[ID_NUMBER] + born + self._digits(3)
        check = (12 - sum(int(digit) << (17 - place) for place, digit in enumerate(body))) % 11
        return self._made(body + ("X" if check == 10 else str(check)))

    def cvv(self) -> str:
        """Return a verification value behind its name and the mark, which no program could know as one otherwise."""
        return self._made(f"{self._marks[CVV]} {self._random.choice(_CVV_NAMES)}{self._digits(3)}")

    def name(self) -> str:
        """Return a person's name."""
        return self._made("王" + self._marks[NAME] + self._letters(4))

    def key(self) -> str:
        """Return an API key that is none."""
        prefix = self._random.choice(("sk_live_", "sk_test_", "ok_live_"))
        return self._made(f"{prefix}{self._letters(10)}{self._marks[KEY]}{self._letters(29)}")

    def encoded_key(self) -> str:
        """Return an API key as a URL may hold it."""
        return self.key().replace("_", "%5F")

    def webhook_secret(self) -> str:
        """Return a webhook secret that is none."""
        return self._made(f"whsec_{self._marks[WEBHOOK_SECRET]}{self._letters(22)}")

    def any(self) -> str:
        """Return a value of any kind."""
        makes = (
            self.card,
            self.doubtful_card,
            self.grouped_card,
            self.encoded_card,
            self.code,
            self.phone,
            self.id_number,
            self.cvv,
            self.name,
        )
        return self._random.choice((*makes, self.wide_card, self.key, self.webhook_secret))()

    def detectable(self) -> str:
        """Return a value that a program can know for a secret: what free text must not hold."""
        cards = (self.card, self.doubtful_card, self.grouped_card, self.wide_card, self.encoded_card)
        makes = (*cards, self.card, self.cvv, self.key, self.encoded_key, self.webhook_secret)
        return self._random.choice(makes)()

    def known(self, kind: str, secret: str) -> None:
        """Look for a secret that the server made, too."""
        self.values.add(secret)
        self._forms |= dict.fromkeys(_forms(kind, secret[len(secret) // 4 : -8]), kind)

    def found(self, data: bytes) -> Iterator[tuple[str, str]]:
        """Yield the kind of each canary in the data, and what is around it."""
        for form, kind in self._forms.items():
            place = data.find(form)
            while place >= 0:
                around = data[max(place - _AROUND, 0) : place + len(form) + _AROUND]
                if form not in self._of_digits or self._is_one(around):
                    yield kind, around.decode("utf-8", "backslashreplace")
                place = data.find(form, place + len(form))

    def _is_one(self, around: bytes) -> bool:
        """Return whether digits that look like a mark, as those of a time may, are part of a value."""
        text = around.translate(None, b" -\t").decode("latin-1")
        return any(text[start : start + size] in self.values for size in (11, 16, 18) for start in range(len(text)))

    def _made(self, value: str) -> str:
        self.values.add(value)
        return value

    def _digits(self, count: int, of: str = string.digits) -> str:
        return "".join(self._random.choice(of) for _ in range(count))

    def _letters(self, count: int) -> str:
        return "".join(self._random.choice(string.ascii_letters) for _ in range(count))


_WIDE = str.maketrans(string.digits, "０１２３４５６７８９")
_CIRCLED = str.maketrans(string.digits, "⓪①②③④⑤⑥⑦⑧⑨")
_ARABIC = str.maketrans(string.digits, "٠١٢٣٤٥٦٧٨٩")
_SCRIPTS = (_WIDE, _CIRCLED, _ARABIC)
_BEGINNINGS = ("4", "51", "55", "62", "3530", "6011")
_CARD_WORDS = ("card ", "Mastercard: ", "卡号", "cardNumber=")
_CVV_NAMES = (
    *("cvv: ", "CVC2=", "cvn2 ", "CVV is ", "安全码：", "cvv", "security_code: ", "securityCode=", "csc "),
    "security%5Fcode=",
)


def luhn_checked(body: str) -> str:
    """Return the digits with their check digit behind them."""
    return f"{body}{-sum(map(_luhn, range(1, 20), reversed(body))) % 10}"


def _luhn(place: int, digit: str) -> int:
    doubled = int(digit) * (1 + place % 2)
    return doubled - 9 * (doubled > 9)


def _forms(kind: str, mark: str) -> set[bytes]:
    """Return the mark in every form it could be stored or shown in."""
    texts = {mark, *(mark.translate(script) for script in _SCRIPTS)} if kind in _OF_DIGITS else {mark}
    if kind == CARD:
        texts |= {f"{mark[:4]}{separator}{mark[4:]}" for separator in _SEPARATORS}
        texts |= {"".join(f"%{ord(digit):02X}" for digit in mark)}
    forms = set[bytes]()
    for text in texts:
        data = text.encode()
        forms |= {data, data.hex().encode(), data.hex().upper().encode()}
        forms |= {json.dumps(text)[1:-1].encode(), quote(text).encode(), quote(text).lower().encode()}
        forms |= {text.encode("utf-16-le"), text.encode("utf-16-be")}
        for offset in range(3):
            # The mark at each of the three places base64 can begin; only the characters that are the mark's alone.
            encoded = base64.b64encode(bytes(offset) + data)
            forms.add(encoded[(offset * 8 + 5) // 6 : (offset + len(data)) * 8 // 6])
    return forms
