"""Forms: the sorted text that is signed, and fields read back so that each has one value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import parse_qsl

from pycore.channels.failure import NotTrustedError

FIELDS_MAX = 200
VALUE_CHARACTERS_MAX = 16_384


def sorted_text(fields: Mapping[str, str], *, without: Collection[str] = ()) -> str:
    """Return ``k=v`` joined by ``&``, in ASCII order of the names, values as they are."""
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name not in without)


def check_one_reading(fields: Mapping[str, str], *, without: Collection[str] = ()) -> None:
    """Raise NotTrustedError where the signed text of ``fields`` could be cut into other fields than these.

    ``a=1&b=2`` is also what the one field ``a`` with the value ``1&b=2`` gives: a signature over it is one over both.
    """
    read = [tuple(part.split("=", 1)) for part in sorted_text(fields, without=without).split("&")]
    if read != [(name, fields[name]) for name in sorted(fields) if name not in without]:
        raise NotTrustedError("ambiguous")


def read_form(body: bytes, encoding: str = "utf-8") -> dict[str, str]:
    """Return the fields of a URL-encoded form whose text is in ``encoding``, empty ones too.

    Raises NotTrustedError for a name given twice, too many or too long fields, or other encodings.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding=encoding,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:
        raise NotTrustedError("not_a_form") from None
    return unique(pairs)


def unique(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Return ``pairs`` as a dictionary. Raises NotTrustedError for a name given twice or a value that is too long."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise NotTrustedError("repeated_field")
    if len(pairs) > FIELDS_MAX or any(len(value) > VALUE_CHARACTERS_MAX for value in fields.values()):
        raise NotTrustedError("too_long")
    return fields
