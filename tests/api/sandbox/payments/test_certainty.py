"""Whatever a channel does to us: one payment, one booking, a true outcome in the end. Faults, lost calls, crashes."""

import asyncio

import pytest

from pycore.channels import ChannelConnection, ChannelOrder, Failed, Outcome, ReasonClass
from pycore.errors import ConfigurationError
from pycore.payments import PaymentStatus, RefundStatus
from pycore.payments.attempt import AttemptRecord, AttemptStatus
from pycore.payments.attempts import Attempts
from pycore.payments.channel_attempts import ChannelAttempts
from pycore.payments.idempotency import Reply
from pycore.payments.outcomes import Settled
from tests.api.sandbox.payments.paying import Till, eventually
from tests.api.sandbox.simulated import Sandbox

PAID = {"receivable": 1050, "merchant": 1050}
REFUNDING = {"receivable": 1050, "refunding": 1050}


async def a_letter(till: Till) -> None:
    """Wait for the first callback, which nobody has taken in yet."""

    async def letters() -> int:
        return len(till.mailbox.letters)

    await eventually(letters, lambda count: count > 0)


class CrashError(BaseException):
    """The process dies here: nobody handles it."""


# -- a scanned code whose outcome is unknown: asked, then reversed


@pytest.mark.parametrize("fault", ["timeout_hidden_success", "server_error_hidden_success", "bad_signature"])
@pytest.mark.parametrize("channel", ["wechat", "alipay"])
async def test_a_hidden_success_is_found_by_asking(till: Till, channel: str, fault: str) -> None:
    till.sandbox.fault(fault, protocol=channel, operation="charge", hold_ms=1500)
    till.sandbox.fault("notice_lost", protocol=channel)
    payment = await till.pay(channel, "bar_code")
    assert payment.status is PaymentStatus.PROCESSING
    assert await till.books(channel) == {}
    assert await till.events(payment) == ["payment.created", "payment.processing"]
    await till.sweep(16)
    assert (await till.get(payment)).status is PaymentStatus.SUCCEEDED
    assert await till.books(channel) == PAID
    assert await till.steps(payment) == ["create", "query"]


@pytest.mark.parametrize("fault", ["timeout_failure", "server_error", "channel_down"])
@pytest.mark.parametrize("channel", ["wechat", "alipay"])
async def test_a_lost_charge_is_reversed_not_sent_again(till: Till, channel: str, fault: str) -> None:
    till.sandbox.fault(fault, protocol=channel, operation="charge", hold_ms=1500)
    payment = await till.pay(channel, "bar_code")
    assert payment.status is PaymentStatus.PROCESSING
    await till.sweep(16)
    assert (await till.get(payment)).status is PaymentStatus.PROCESSING
    till.pass_time(90)
    await till.sweep()
    open_again = await till.get(payment)
    assert open_again.status is PaymentStatus.REQUIRES_ACTION
    assert await till.books(channel) == {}
    assert (await till.steps(payment)).count("create") == 1
    assert (await till.attempts(payment))[0].status is AttemptStatus.CLOSED


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
async def test_a_payer_who_does_not_answer_in_time_cannot_pay_any_more(till: Till, channel: str) -> None:
    till.sandbox.fault("payer_is_asked", protocol=channel)
    payment = await till.pay(channel, "bar_code")
    assert payment.status is PaymentStatus.PROCESSING
    await till.sweep(46)
    open_again = await till.get(payment)
    assert (open_again.status, open_again.failure_code) == (PaymentStatus.REQUIRES_ACTION, "reversed")
    assert till.sandbox.order(await till.reference(payment))["state"] == "reversed"
    assert await till.steps(payment) == ["create", "query", "reverse"]
    assert await till.books(channel) == {}


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
async def test_a_reversal_of_unknown_outcome_is_repeated_and_nothing_booked(till: Till, channel: str) -> None:
    """It may have given the payment back, and a question would still call that order paid."""
    till.sandbox.fault("payer_is_asked", protocol=channel)
    payment = await till.pay(channel, "bar_code")
    till.sandbox.fault("timeout_hidden_success", protocol=channel, operation="reverse", hold_ms=1500)
    await till.sweep(46)
    (attempt,) = await till.attempts(payment)
    assert attempt.is_reversing
    assert (await till.get(payment)).status is PaymentStatus.PROCESSING
    till.sandbox.control("DELETE", "/faults")
    till.reopen()  # the flag is durable
    await till.sweep(16)
    assert (await till.get(payment)).status is PaymentStatus.REQUIRES_ACTION
    assert (await till.steps(payment))[-2:] == ["reverse", "reverse"]
    assert await till.books(channel) == {}


async def test_a_reversal_that_is_refused_leaves_a_payment_that_counts(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The payer paid while the reversal was on its way, and the channel says that it did not reverse."""
    till.sandbox.fault("payer_is_asked", protocol="alipay")
    payment = await till.pay("alipay", "bar_code")

    async def refuse(*_: object) -> Outcome:
        await till.act(payment, "pay")
        return Failed(ReasonClass.QUERY_FIRST, "ACQ.TRADE_HAS_SUCCESS")

    monkeypatch.setattr(ChannelConnection, "reverse", refuse)
    await till.sweep(46)
    assert (await till.get(payment)).status is PaymentStatus.SUCCEEDED
    assert await till.books("alipay") == PAID


async def test_f12_a_reversal_that_cannot_be_sent_is_not_under_way(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a certificate no reversal could be sent, and the attempt was marked as reversing.

    The payer confirmed, and the money was never booked: whatever a query said was thought to be going back.
    """
    till.sandbox.fault("payer_is_asked", protocol="wechat")
    payment = await till.pay("wechat", "bar_code")

    async def cannot_be_sent(*_: object) -> Outcome:
        raise ConfigurationError("the channel asks for a client certificate on this call, and none is configured")

    monkeypatch.setattr(ChannelConnection, "reverse", cannot_be_sent)
    await till.sweep(60)
    (attempt,) = await till.attempts(payment)
    assert (attempt.is_open, attempt.is_reversing) == (True, False)
    assert (await till.steps(payment))[-1] == "reverse"
    await till.act(payment, "pay")
    await till.sweep(60)
    assert (await till.get(payment)).status is PaymentStatus.SUCCEEDED
    assert await till.books("wechat") == PAID


async def test_what_cannot_be_swept_is_set_aside_and_its_neighbours_go_on(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison, neighbour = await till.pay("wechat"), await till.pay("wechat")
    poisoned = (await till.attempts(poison))[0].id
    ask, tries = ChannelAttempts._round, 0

    async def broken(work: ChannelAttempts, attempt: AttemptRecord, reply: Reply | None) -> Settled | None:
        nonlocal tries
        if attempt.id == poisoned:
            tries += 1
            raise RuntimeError("a defect")
        return await ask(work, attempt, reply)

    till.sandbox.fault("notice_lost", protocol="wechat")
    await till.act(neighbour, "pay")
    monkeypatch.setattr(ChannelAttempts, "_round", broken)
    await till.sweep(16)
    await till.sweep()
    assert tries == 1
    assert (await till.get(neighbour)).status is PaymentStatus.SUCCEEDED


async def test_an_old_letter_about_a_reversed_order_books_nothing(till: Till) -> None:
    """The payer paid, we did not hear of it and reversed, which gave the money back; then the letter came."""
    till.sandbox.fault("payer_is_asked", protocol="alipay")
    payment = await till.pay("alipay", "bar_code")
    desk, till.mailbox.desk = till.mailbox.desk, None
    await till.act(payment, "pay")
    await a_letter(till)
    till.sandbox.fault("server_error", protocol="alipay", operation="query")
    await till.sweep(46)
    assert (await till.get(payment)).status is PaymentStatus.REQUIRES_ACTION
    till.mailbox.desk = desk
    assert (await till.mailbox.hand_over(till.mailbox.letters[0])).status == 200
    assert await till.books("alipay") == {}
    assert await till.refunds(payment) == []


async def test_a_letter_that_is_read_while_the_order_is_reversed_books_nothing(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The letter's reader had looked at the attempt before its reversal began, and booked what was going back."""
    till.sandbox.fault("payer_is_asked", protocol="alipay")
    payment = await till.pay("alipay", "bar_code")
    desk, till.mailbox.desk = till.mailbox.desk, None
    await till.act(payment, "pay")
    await a_letter(till)
    rows = await till.ledger.store.pool.fetch("SELECT id FROM payment_attempts")
    real, (before,) = Attempts.get, [await Attempts(till.ledger.store).get(row[0].int) for row in rows]
    till.sandbox.fault("server_error", protocol="alipay", operation="query")
    await till.sweep(46)
    till.sandbox.control("DELETE", "/faults")

    async def as_it_was(self: Attempts, attempt_id: int) -> AttemptRecord | None:
        monkeypatch.setattr(Attempts, "get", real)
        return before

    monkeypatch.setattr(Attempts, "get", as_it_was)
    till.mailbox.desk = desk
    assert (await till.mailbox.hand_over(till.mailbox.letters[0])).status == 200
    assert (await till.get(payment)).status is PaymentStatus.REQUIRES_ACTION
    assert await till.books("alipay") == {}


async def test_a_payer_who_cannot_pay_fails_the_payment(till: Till) -> None:
    till.sandbox.fault("payer_refuses", protocol="wechat")
    payment = await till.pay("wechat", "bar_code")
    assert (payment.status, payment.failure_code) == (PaymentStatus.FAILED, "TRADE_ERROR")
    assert (await till.events(payment))[-1] == "payment.failed"


# -- a shown code


@pytest.mark.parametrize("channel", ["wechat", "alipay", "unionpay"])
async def test_an_order_whose_code_got_lost_is_made_again_with_the_same_number(till: Till, channel: str) -> None:
    till.sandbox.fault("timeout_hidden_success", protocol=channel, operation="create", times=1, hold_ms=1500)
    payment = await till.pay(channel)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    (attempt,) = await till.attempts(payment)
    assert await till.steps(payment) == ["create", "create"]
    assert len(till.sandbox.control("GET", f"/orders?reference={attempt.reference}")["orders"]) == 1


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
async def test_an_order_of_unknown_outcome_is_made_later_when_the_channel_answers_again(
    till: Till, channel: str
) -> None:
    till.sandbox.fault("channel_down", protocol=channel)
    payment = await till.pay(channel)
    assert payment.status is PaymentStatus.PROCESSING
    await till.sweep(16)
    assert (await till.get(payment)).status is PaymentStatus.PROCESSING
    till.sandbox.control("DELETE", "/faults")
    await till.sweep(31)
    shown = await till.get(payment)
    assert shown.status is PaymentStatus.REQUIRES_ACTION
    await till.act(payment, "pay")
    await till.until(payment, PaymentStatus.SUCCEEDED)
    assert await till.books(channel) == PAID


@pytest.mark.parametrize("channel", ["wechat", "alipay", "unionpay"])
async def test_a_lost_callback_is_found_by_asking(till: Till, channel: str) -> None:
    payment = await till.pay(channel)
    till.sandbox.fault("notice_lost", await till.reference(payment))
    await till.act(payment, "pay")
    await till.sweep(16)
    assert (await till.get(payment)).status is PaymentStatus.SUCCEEDED
    assert await till.books(channel) == PAID


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
async def test_nobody_knows_after_a_day_then_a_person_looks(till: Till, channel: str) -> None:
    payment = await till.pay(channel, expires_in_seconds=60)
    till.sandbox.fault("server_error", await till.reference(payment))
    for _ in range(60):
        await till.sweep(3600)
    assert (await till.get(payment)).status is PaymentStatus.REQUIRES_ACTION, "never failed by waiting"
    assert [each.payment_id for each in await till.desk.attempts.by_hand(10)] == [
        (await till.attempts(payment))[0].payment_id
    ]
    assert (await till.timeline(payment))[-1][0] == "by_hand"
    till.sandbox.control("DELETE", "/faults")


# -- callbacks


@pytest.mark.parametrize("channel", ["wechat", "alipay", "unionpay"])
async def test_a_callback_is_booked_once_however_often_it_comes(till: Till, channel: str) -> None:
    payment = await till.pay(channel)
    await till.act(payment, "pay")
    await till.until(payment, PaymentStatus.SUCCEEDED)
    letter = till.mailbox.letters[0]
    rows_before = len(await till.timeline(payment))
    answers = await asyncio.gather(*(till.mailbox.hand_over(letter) for _ in range(300)))
    assert {answer.status for answer in answers} <= {200, 204}
    assert await till.books(channel) == PAID
    assert len(await till.timeline(payment)) == rows_before
    assert (await till.events(payment)).count("payment.succeeded") == 1


async def test_first_callbacks_that_come_at_once_book_once(till: Till) -> None:
    desk, till.mailbox.desk = till.mailbox.desk, None
    payment = await till.pay("wechat")
    await till.act(payment, "pay")
    await a_letter(till)
    till.mailbox.desk = desk
    answers = await asyncio.gather(*(till.mailbox.hand_over(till.mailbox.letters[0]) for _ in range(100)))
    assert {answer.status for answer in answers} == {204}
    assert await till.books("wechat") == PAID


async def test_a_callback_that_overtakes_our_own_call_is_booked_at_once(till: Till) -> None:
    till.sandbox.fault("timeout_hidden_success", protocol="alipay", operation="charge", hold_ms=900)
    paying = asyncio.create_task(till.pay("alipay", "bar_code"))

    async def answers() -> list[int]:
        return till.mailbox.answers

    await eventually(answers, bool)
    assert not paying.done()
    assert await till.books("alipay") == PAID
    assert (await paying).status is PaymentStatus.SUCCEEDED, "although its own call brought nothing"
    assert await till.books("alipay") == PAID


@pytest.mark.parametrize("channel", ["wechat", "alipay", "unionpay"])
async def test_another_amount_is_held_and_somebody_told(till: Till, channel: str) -> None:
    till.sandbox.fault("wrong_amount", protocol=channel)
    payment = await till.pay(channel)
    await till.act(payment, "pay")

    async def kinds() -> list[str]:
        return [kind for kind, _ in await till.timeline(payment)]

    assert (await eventually(kinds, lambda found: "alert" in found)).count("alert") == 1
    assert till.mailbox.answers[0] not in {200, 204} or channel == "alipay"
    await till.mailbox.hand_over(till.mailbox.letters[0])
    assert (await kinds()).count("alert") == 1, "once, however often it is told"
    assert till.desk.stats.alerts["other_amount"] == 1
    await till.sweep(16)
    assert (await till.get(payment)).status is PaymentStatus.REQUIRES_ACTION
    assert await till.books(channel) == {}


@pytest.mark.parametrize("channel", ["wechat", "alipay", "unionpay"])
async def test_what_proves_nothing_changes_nothing(till: Till, channel: str) -> None:
    payment = await till.pay(channel)
    reference = await till.reference(payment)
    till.sandbox.fault("bad_signature", reference, operation="notice", times=1)
    await till.act(payment, "pay")

    async def answers() -> list[int]:
        return till.mailbox.answers

    await eventually(answers, bool)
    name, letter = till.mailbox.letters[0]
    changed = type(letter)(headers=letter.headers, body=letter.body + b" ")
    for each in (letter, changed, type(letter)(headers={}, body=b""), type(letter)(headers={}, body=b"\xff" * 1000)):
        await till.mailbox.hand_over((name, each))
    assert (await till.get(payment)).status is PaymentStatus.REQUIRES_ACTION
    assert await till.books(channel) == {}


async def test_a_callback_of_an_unknown_order_is_answered_and_changes_nothing(till: Till, sandbox: Sandbox) -> None:
    payment = await till.pay("wechat")
    await till.ledger.store.pool.execute("DELETE FROM payment_attempts")
    await asyncio.to_thread(sandbox.act, till.mailbox_reference(payment), "pay")

    async def answers() -> list[int]:
        return till.mailbox.answers

    assert (await eventually(answers, bool))[0] == 400
    assert await till.books("wechat") == {}


# -- paid twice, paid too late


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
async def test_a_success_after_the_failure_is_booked_and_given_back(till: Till, channel: str) -> None:
    till.sandbox.fault("success_after_failure", protocol=channel, delay_s=60)
    payment = await till.pay(channel, "bar_code")
    assert payment.status is PaymentStatus.FAILED
    attempt = (await till.attempts(payment))[0]
    till.pass_time(61)
    await asyncio.sleep(0.2)
    if channel == "wechat":  # which tells nobody of scanned codes: somebody asks, for example the bill
        await till.ask_again(attempt)
    assert await till.books(channel) == REFUNDING
    assert (await till.get(payment)).status is PaymentStatus.FAILED, "never backwards"
    assert (await till.events(payment))[-1] == "payment.double_paid"
    await till.sweep()
    till.pass_time(20)
    await till.sweep()
    (refund,) = await till.refunds(payment)
    assert (refund.status, refund.is_automatic, refund.amount) == (RefundStatus.SUCCEEDED, True, 1050)
    assert await till.books(channel) == {}
    assert till.sandbox.order(attempt.reference)["refunded"] == 1050


async def test_a_payment_after_it_was_closed_is_given_back(till: Till) -> None:
    payment = await till.pay("wechat")
    reference = await till.reference(payment)
    till.sandbox.fault("success_after_failure", reference, operation="close", delay_s=60)
    assert (await till.cancel(payment)).status is PaymentStatus.CANCELED
    till.pass_time(61)

    async def refunds() -> int:
        return len(await till.refunds(payment))

    await eventually(refunds, lambda count: count == 1)
    assert await till.books("wechat") == REFUNDING
    assert (await till.get(payment)).status is PaymentStatus.CANCELED


async def test_two_ways_both_paid_keep_one(till: Till) -> None:
    payment = await till.pay("wechat")
    first = (await till.attempts(payment))[0]
    till.sandbox.fault("success_after_failure", first.reference, operation="close", delay_s=60)
    await till.confirm(payment, "alipay")
    await till.act(payment, "pay")
    await till.until(payment, PaymentStatus.SUCCEEDED)
    till.pass_time(61)

    async def refunds() -> int:
        return len(await till.refunds(payment))

    await eventually(refunds, lambda count: count == 1)
    assert await till.books("alipay") == PAID
    assert await till.books("wechat") == {"receivable": 1050, "merchant": 1050, "refunding": 1050}
    paid = await till.get(payment)
    assert (paid.amount_captured, paid.amount_refunded, paid.channel) == (1050, 0, "alipay")
    await till.sweep()
    till.pass_time(20)
    await till.sweep()
    assert await till.books("wechat") == {"merchant": 1050}


# -- crashes


async def test_a_crash_between_the_intention_and_the_call(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt is there, the channel was never called: it is asked first, then the order is made."""

    async def crash(*_: object) -> None:
        raise CrashError

    monkeypatch.setattr("pycore.payments.channel_attempts.ChannelAttempts.carry", crash)
    with pytest.raises(CrashError):
        await till.pay("wechat", key="k", reference="R-crash")
    monkeypatch.undo()
    till.reopen()
    again = await till.pay("wechat", key="k", reference="R-crash")
    assert again.status is PaymentStatus.PROCESSING, "what is known is answered"
    await till.sweep(16)
    shown = await till.get(again)
    assert shown.status is PaymentStatus.REQUIRES_ACTION
    assert await till.steps(again) == ["query", "create"]


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
async def test_a_crash_between_the_call_and_its_outcome(
    till: Till, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The money moved, and we died before we wrote it down: asked, booked once."""
    till.mailbox.desk = None  # the callback meets a dead server

    async def crash(*_: object, **__: object) -> None:
        raise CrashError

    monkeypatch.setattr("pycore.payments.outcomes.Outcomes.settle", crash)
    with pytest.raises(CrashError):
        await till.pay(channel, "bar_code", key="k", reference="R-crash")
    monkeypatch.undo()
    till.reopen()
    payment = await till.pay(channel, "bar_code", key="k", reference="R-crash")
    assert payment.status is PaymentStatus.PROCESSING
    assert await till.books(channel) == {}
    await asyncio.gather(till.sweep(16), till.sweep(), till.sweep())
    assert (await till.get(payment)).status is PaymentStatus.SUCCEEDED
    assert await till.books(channel) == PAID
    assert (await till.events(payment)).count("payment.succeeded") == 1


async def test_a_caller_who_goes_away_does_not_end_the_call(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = asyncio.Event(), asyncio.Event()
    charge = ChannelConnection.create

    async def slow(connection: ChannelConnection, order: ChannelOrder) -> Outcome:
        begun.set()
        await go.wait()
        return await charge(connection, order)

    monkeypatch.setattr(ChannelConnection, "create", slow)
    paying = asyncio.create_task(till.pay("wechat", "bar_code"))
    await begun.wait()
    paying.cancel()
    await asyncio.gather(paying, return_exceptions=True)
    go.set()
    await till.desk.rest()
    assert await till.books("wechat") == PAID


async def test_canceling_while_the_call_is_under_way_closes_what_it_makes(till: Till) -> None:
    till.sandbox.fault("latency", protocol="wechat", operation="create", median_ms=500, p99_ms=501)
    payment = await till.create()
    paying = asyncio.create_task(till.confirm(payment, "wechat"))

    async def status() -> PaymentStatus:
        return (await till.get(payment)).status

    await eventually(status, lambda found: found is PaymentStatus.PROCESSING)
    assert (await till.cancel(payment)).status is PaymentStatus.PROCESSING
    assert (await paying).status is PaymentStatus.CANCELED
    assert till.sandbox.order(await till.reference(payment))["state"] == "closed"
