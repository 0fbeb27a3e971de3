"""Which language people are answered in."""

from typing import Final, Literal, get_args

Language = Literal["en", "zh"]

_PARTS_MAX: Final = 20


def chosen_language(accept_language: str | None) -> Language:
    """Return the language the caller likes best (RFC 9110 section 12.5.4), English where it likes none of ours."""
    best: tuple[float, Language] = (0.0, "en")
    for part in (accept_language or "").split(",")[:_PARTS_MAX]:
        name, _, weight = part.partition(";")
        language = name.strip().lower().partition("-")[0]
        for ours in get_args(Language):
            if language == ours and _weight(weight) > best[0]:
                best = (_weight(weight), ours)
    return best[1]


def _weight(text: str) -> float:
    name, _, value = text.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
