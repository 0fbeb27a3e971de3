"""What the time line shows of an outcome."""

from __future__ import annotations

from pycore.channels import Pending, Unknown
from pycore.payments.timeline import described


def test_f13_words_that_nobody_signed_are_shown_as_such() -> None:
    """A refusal without a signature is still unknown, but its words were dropped: nobody saw what was wrong. They come
    from whoever answered, so what looks like a secret is masked."""
    said = Unknown("not_signed", "40002 isv.invalid-signature sk_live_0123456789abcdefghij")
    assert described(said) == {
        "outcome": "unknown",
        "code": "not_signed",
        "unverified": "40002 isv.invalid-signature sk_live_****",
    }
    assert described(Unknown("deadline")) == {"outcome": "unknown", "code": "deadline"}
    assert described(Pending("10003")) == {"outcome": "pending", "code": "10003"}
