"""What the time line tells of an attempt that begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pycore.channels import Method
from pycore.payments.attempt import AttemptRecord, SentOrder
from pycore.payments.outcomes import attempted
from pycore.tenant import Tenant

AT = datetime(2026, 12, 1, tzinfo=UTC)


def test_f5_a_title_that_is_not_the_subject_is_told() -> None:
    """A channel got ``&`` and emoji as they are and refused the order; what is sent instead stands in the time line."""
    sent = SentOrder(
        subject="A＆B", notify_url="https://pay.example/n", created_at=AT, expires_at=AT + timedelta(minutes=15)
    )
    attempt = AttemptRecord(
        id=1,
        payment_id=2,
        tenant=Tenant(3, live=False),
        number=1,
        channel="alipay",
        method=Method.QR_CODE,
        amount=100,
        currency="CNY",
        sent=sent,
        open_since=0,
        created_at=0,
        updated_at=0,
    )
    assert attempted(attempt, "A&B").detail["title_sent"] == "A＆B"
    assert "title_sent" not in attempted(attempt, "A＆B").detail
