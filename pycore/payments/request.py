"""What is asked of the payment service: values as they come in, and what is allowed of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import unquote

from msgspec import Meta, Struct

from pycore._core import NewPayment
from pycore.errors import InvalidRequestError
from pycore.money import CURRENCIES
from pycore.payments.balance_limits import Authentication
from pycore.payments.payment import CaptureMethod, PaymentMethod, Purpose
from pycore.printable import unprintable_in
from pycore.vault import secret_in

AMOUNT_MAX: Final = 2**53 - 1
"""The largest amount: whole in every reader of JSON."""

EXPIRY_SECONDS_MAX: Final = 30 * 86_400
_METADATA_KEYS_MAX: Final = 50
_METADATA_NAME_MAX: Final = 40
_METADATA_VALUE_MAX: Final = 500

_AMOUNTS: Final = f"whole minor units from 1 to {AMOUNT_MAX}"
_REFERENCE: Final = re.compile(r"[0-9A-Za-z_\-|*.@:]{1,64}")
_KEY: Final = re.compile(r"[!-~]{1,255}")
_CHANNEL: Final = re.compile(r"[a-z0-9_]{1,32}")
_URL: Final = re.compile(r"https?://[!-~]{1,250}")
_AUTH_CODE: Final = re.compile(r"[0-9]{16,24}")
_OPEN_ID: Final = re.compile(r"[!-~]{1,128}")

IN_WORDS: Final = {
    _REFERENCE.pattern: "1 to 64 of 0-9 A-Z a-z _-|*.@:, as in T1001",
    _KEY.pattern: "1 to 255 printable ASCII characters, as in order-1001",
    _CHANNEL.pattern: "the name of a channel, as in wechat, alipay, unionpay",
    _URL.pattern: "an http or https address of at most 258 ASCII characters, as in https://shop.example.com/done",
    _AUTH_CODE.pattern: "16 to 24 digits, as the payer's code has them, as in 130123456789012345",
    _OPEN_ID.pattern: "1 to 128 printable ASCII characters",
    "[A-Z]{3}": "three capital letters, a code of ISO 4217, as in CNY",
}
"""What the patterns of fields mean, for people."""

# What is allowed of a value is only told here, for the documents. The checks of the core and those below refuse it: so
# one mistake has one code and one message at every door.
Minor = Annotated[
    int,
    Meta(
        description="Minor units of the currency.",
        examples=[1999],
        extra_json_schema={"minimum": 1, "maximum": AMOUNT_MAX},
    ),
]
Reference = Annotated[
    str,
    Meta(
        description="The merchant's own number, unique for ever.",
        examples=["T1001"],
        extra_json_schema={"pattern": rf"^{_REFERENCE.pattern}$"},
    ),
]


class Payer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is known of the payer at the moment of paying. Its code is money: it is neither kept nor shown.

    Attributes:
        auth_code: the code the payer shows (``bar_code``).
        open_id: the payer's id for our app (``jsapi``).
        client_ip: the payer's address, or the terminal's; ``h5`` needs it, for the channel compares it with the
            browser's.
    """

    auth_code: Annotated[str, Meta(extra_json_schema={"pattern": rf"^{_AUTH_CODE.pattern}$"})] | None = None
    open_id: Annotated[str, Meta(extra_json_schema={"pattern": rf"^{_OPEN_ID.pattern}$"})] | None = None
    client_ip: Annotated[str, Meta(description="One IPv4 or IPv6 address.", examples=["203.0.113.7"])] | None = None

    def __repr__(self) -> str:
        return "Payer(…)"


class CreatePayment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A payment to ask for.

    Attributes:
        subject: what the payer reads: 1 to 127 printable characters.
        method, channel: how to pay, where that is known; a channel that is not named is chosen by the routing rules.
        confirm: whether to ask the payer at once; needs ``method``.
        authentication: how the payer was verified, which decides how much may be paid from a balance in a day.
        expires_in_seconds: how long the payer has, and how long an authorization is held.
    """

    merchant_reference: Reference
    amount: Minor
    currency: Annotated[str, Meta(examples=["CNY"], extra_json_schema={"pattern": "^[A-Z]{3}$"})] = "CNY"
    subject: Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": 127})]
    purpose: Purpose = Purpose.PURCHASE
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    method: PaymentMethod | None = None
    channel: Annotated[str, Meta(extra_json_schema={"pattern": rf"^{_CHANNEL.pattern}$"})] | None = None
    customer_id: str | None = None
    store_id: str | None = None
    confirm: bool = False
    authentication: Authentication = Authentication.NONE
    payer: Payer | None = None
    expires_in_seconds: Annotated[int, Meta(extra_json_schema={"minimum": 10, "maximum": EXPIRY_SECONDS_MAX})] = 900
    return_url: Annotated[str, Meta(extra_json_schema={"pattern": rf"^{_URL.pattern}$"})] | None = None
    metadata: Annotated[dict[str, str], Meta(extra_json_schema={"maxProperties": _METADATA_KEYS_MAX})] = {}


class ConfirmPayment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a payment that was asked for is to be paid."""

    method: PaymentMethod
    channel: Annotated[str, Meta(extra_json_schema={"pattern": rf"^{_CHANNEL.pattern}$"})] | None = None
    authentication: Authentication = Authentication.NONE
    payer: Payer | None = None


class CapturePayment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is taken of an authorized payment.

    Attributes:
        amount: minor units; None: all that is held.
        final: whether what is not taken is given up; otherwise it stays held for further captures.
    """

    amount: Minor | None = None
    final: bool = False


class CancelPayment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """That a payment shall not be paid any more."""


class UpdatePayment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a payment.

    Attributes:
        metadata: entries to set; null takes one away; what is not named stays.
    """

    metadata: Annotated[dict[str, str | None], Meta(max_length=_METADATA_KEYS_MAX, examples=[{"table": "7"}])]


class CreateRefund(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A refund of a succeeded payment.

    Attributes:
        amount: minor units; None: all that is left.
        reason: what the payer reads: at most 80 printable characters.
    """

    merchant_reference: Reference
    amount: Minor | None = None
    reason: Annotated[str, Meta(extra_json_schema={"maxLength": 80})] = ""


def check_key(key: str) -> None:
    """Raise InvalidRequestError unless ``key`` may be an idempotency key: 1 to 255 printable ASCII characters."""
    if not _KEY.fullmatch(key):
        raise InvalidRequestError(
            "an idempotency key is needed, of 1 to 255 printable ASCII characters; nothing was recorded: send the"
            " request with one, and the same one with every retry"
        )
    refuse_secrets(idempotency_key=key)


def check_reference(reference: str) -> None:
    """Raise InvalidRequestError unless ``reference`` may be a merchant's own number; nothing was recorded."""
    _require(_REFERENCE.fullmatch(reference), "merchant_reference", "1 to 64 of 0-9 A-Z a-z _-|*.@:, as in T1001")


def check_currency(currency: str) -> None:
    """Raise InvalidRequestError unless there is such a currency; nothing was recorded."""
    _require(currency in CURRENCIES, "currency", "a code of ISO 4217 with minor units, as in CNY")


def check_refund(request: CreateRefund) -> None:
    """Raise InvalidRequestError where a field is not allowed; nothing was recorded."""
    check_reference(request.merchant_reference)
    check_amount(request.amount)
    _require(len(request.reason) <= 80, "reason", "at most 80 characters")
    refuse_unprintable(reason=request.reason)
    refuse_secrets(merchant_reference=request.merchant_reference, reason=request.reason)


def check_amount(amount: int | None) -> None:
    """Raise InvalidRequestError unless ``amount`` is allowed, or None; nothing was recorded."""
    _require(amount is None or 1 <= amount <= AMOUNT_MAX, "amount", _AMOUNTS)


def check_metadata(metadata: Mapping[str, str]) -> None:
    """Raise InvalidRequestError unless a payment may have this metadata; nothing was recorded."""
    _require(len(metadata) <= _METADATA_KEYS_MAX, "metadata", f"at most {_METADATA_KEYS_MAX} entries")
    fits = all(
        1 <= len(name) <= _METADATA_NAME_MAX and len(value) <= _METADATA_VALUE_MAX and "\0" not in name + value
        for name, value in metadata.items()
    )
    _require(
        fits,
        "metadata",
        f"keys of 1 to {_METADATA_NAME_MAX} and values of at most {_METADATA_VALUE_MAX} characters, without U+0000",
    )
    refuse_secrets(metadata=_joined(metadata))


def refuse_unprintable(**texts: str) -> None:
    """Raise InvalidRequestError, which names the field and the kind of character, where one is no text of people's."""
    for field, text in texts.items():
        if unprintable := unprintable_in(text):
            raise InvalidRequestError(f"{field}: holds {unprintable}; nothing was recorded: leave it out")


def refuse_secrets(**texts: str) -> None:
    """Raise InvalidRequestError, which names the field and never its text, where one holds a secret that is known."""
    for field, text in texts.items():
        if secret := secret_in(text):
            raise InvalidRequestError(
                f"{field}: holds {secret}, and is kept and shown as it is; nothing was recorded: card numbers belong"
                " into the vault, a verification value and keys nowhere"
            )


def settle_doubts(payment: NewPayment) -> None:
    """Take the closer look that a few new payments need. Raises InvalidRequestError; nothing was recorded."""
    doubts = payment.doubts
    if "subject" in doubts:
        refuse_unprintable(subject=payment.subject)
    if "currency" in doubts:
        check_currency(payment.currency)
    if "secrets" in doubts:
        refuse_secrets(
            idempotency_key=payment.key,
            merchant_reference=payment.merchant_reference,
            subject=payment.subject,
            metadata=_joined(payment.metadata),
            return_url=unquote(payment.return_url or ""),
            channel=payment.channel or "",
        )


def _joined(metadata: Mapping[str, str]) -> str:
    return "\n".join([f"{name}: {value}" for name, value in metadata.items()])


def _require(holds: object, field: str, allowed: str) -> None:
    if not holds:
        raise InvalidRequestError(f"{field}: must be {allowed}; nothing was recorded: correct it")
