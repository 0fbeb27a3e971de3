"""Money: whole minor units of a currency, and the one way between them and decimal text. Never a float.

The currencies are the active ones of ISO 4217 that have minor units (list of 2026-01-01), frozen here: an exponent that
changes under stored amounts would change what they are worth.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

MINOR_MAX: Final = 2**63 - 1
"""The largest amount: it fits PostgreSQL's bigint."""

_DECIMAL: Final = re.compile(r"(?P<sign>-?)(?P<whole>0|[1-9][0-9]{0,17})(?:\.(?P<part>[0-9]{1,6}))?")

# Alphabetic code, numeric code, exponent.
_TABLE: Final = """
AED:784:2 AFN:971:2 ALL:008:2 AMD:051:2 AOA:973:2 ARS:032:2 AUD:036:2 AWG:533:2 AZN:944:2 BAM:977:2 BBD:052:2 BDT:050:2
BHD:048:3 BIF:108:0 BMD:060:2 BND:096:2 BOB:068:2 BOV:984:2 BRL:986:2 BSD:044:2 BTN:064:2 BWP:072:2 BYN:933:2 BZD:084:2
CAD:124:2 CDF:976:2 CHE:947:2 CHF:756:2 CHW:948:2 CLF:990:4 CLP:152:0 CNY:156:2 COP:170:2 COU:970:2 CRC:188:2 CUP:192:2
CVE:132:2 CZK:203:2 DJF:262:0 DKK:208:2 DOP:214:2 DZD:012:2 EGP:818:2 ERN:232:2 ETB:230:2 EUR:978:2 FJD:242:2 FKP:238:2
GBP:826:2 GEL:981:2 GHS:936:2 GIP:292:2 GMD:270:2 GNF:324:0 GTQ:320:2 GYD:328:2 HKD:344:2 HNL:340:2 HTG:332:2 HUF:348:2
IDR:360:2 ILS:376:2 INR:356:2 IQD:368:3 IRR:364:2 ISK:352:0 JMD:388:2 JOD:400:3 JPY:392:0 KES:404:2 KGS:417:2 KHR:116:2
KMF:174:0 KPW:408:2 KRW:410:0 KWD:414:3 KYD:136:2 KZT:398:2 LAK:418:2 LBP:422:2 LKR:144:2 LRD:430:2 LSL:426:2 LYD:434:3
MAD:504:2 MDL:498:2 MGA:969:2 MKD:807:2 MMK:104:2 MNT:496:2 MOP:446:2 MRU:929:2 MUR:480:2 MVR:462:2 MWK:454:2 MXN:484:2
MXV:979:2 MYR:458:2 MZN:943:2 NAD:516:2 NGN:566:2 NIO:558:2 NOK:578:2 NPR:524:2 NZD:554:2 OMR:512:3 PAB:590:2 PEN:604:2
PGK:598:2 PHP:608:2 PKR:586:2 PLN:985:2 PYG:600:0 QAR:634:2 RON:946:2 RSD:941:2 RUB:643:2 RWF:646:0 SAR:682:2 SBD:090:2
SCR:690:2 SDG:938:2 SEK:752:2 SGD:702:2 SHP:654:2 SLE:925:2 SOS:706:2 SRD:968:2 SSP:728:2 STN:930:2 SVC:222:2 SYP:760:2
SZL:748:2 THB:764:2 TJS:972:2 TMT:934:2 TND:788:3 TOP:776:2 TRY:949:2 TTD:780:2 TWD:901:2 TZS:834:2 UAH:980:2 UGX:800:0
USD:840:2 USN:997:2 UYI:940:0 UYU:858:2 UYW:927:4 UZS:860:2 VED:926:2 VES:928:2 VND:704:0 VUV:548:0 WST:882:2 XAD:396:2
XAF:950:0 XCD:951:2 XCG:532:2 XOF:952:0 XPF:953:0 YER:886:2 ZAR:710:2 ZMW:967:2 ZWG:924:2
"""


class Currency(Struct, frozen=True):
    """A currency of ISO 4217.

    Attributes:
        code: three letters.
        number: the numeric code; also the number of the currency's ledger.
        exponent: decimal digits of its minor unit.
    """

    code: str
    number: int
    exponent: int


CURRENCIES: Final[dict[str, Currency]] = {
    code: Currency(code, int(number), int(exponent))
    for code, number, exponent in (entry.split(":") for entry in _TABLE.split())
}

CNY: Final = CURRENCIES["CNY"]


def currency_of(code: str) -> Currency:
    """Return the currency with this three-letter code.

    Raises:
        ValueError: there is none.
    """
    try:
        return CURRENCIES[code]
    except KeyError:
        raise ValueError("not a currency of ISO 4217") from None


class Amount(Struct, frozen=True):
    """``minor`` units of ``currency``; negative only where a document (a bill) subtracts.

    Raises:
        ValueError: it does not fit 63 bits.
    """

    minor: int
    currency: Currency

    def __post_init__(self) -> None:
        if not -MINOR_MAX <= self.minor <= MINOR_MAX:
            raise ValueError("an amount has at most 63 bits")

    def __str__(self) -> str:
        return f"{self.text} {self.currency.code}"

    @property
    def text(self) -> str:
        """The amount in major units with all digits of the minor unit: ``0.01``."""
        return decimal_text(self.minor, self.currency)

    @classmethod
    def from_text(cls, text: str, currency: Currency) -> Amount:
        """Return the amount written in major units, not negative. Raises ValueError."""
        return cls(minor_units(text, currency), currency)


def minor_units(text: str, currency: Currency, *, signed: bool = False, extra_zeros: bool = False) -> int:
    """Return the minor units of a decimal text in major units, exactly.

    Taken is an ASCII number with a point at most, without exponent, plus, spaces, grouping or needless leading zeros.

    Args:
        text: for example ``0.1``, ``12`` or ``12.30``.
        currency: decides how many decimals there may be.
        signed: whether a minus may lead.
        extra_zeros: whether decimals beyond the minor unit may follow as long as they are zeros.

    Raises:
        ValueError: the text is anything else, or does not fit 63 bits.
    """
    matched = _DECIMAL.fullmatch(text)
    if matched is None or (matched["sign"] and not signed):
        raise ValueError("not an exact decimal amount")
    part = matched["part"] or ""
    if len(part) > currency.exponent:
        if not extra_zeros or part[currency.exponent :].strip("0"):
            raise ValueError("more decimals than the currency has")
        part = part[: currency.exponent]
    minor = int(matched["whole"] + part.ljust(currency.exponent, "0"))
    if minor > MINOR_MAX:
        raise ValueError("an amount has at most 63 bits")
    return -minor if matched["sign"] else minor


def decimal_text(minor: int, currency: Currency) -> str:
    """Return minor units as text in major units, with all digits of the minor unit."""
    digits = str(abs(minor)).rjust(currency.exponent + 1, "0")
    sign = "-" if minor < 0 else ""
    if currency.exponent == 0:
        return sign + digits
    return f"{sign}{digits[: -currency.exponent]}.{digits[-currency.exponent :]}"
