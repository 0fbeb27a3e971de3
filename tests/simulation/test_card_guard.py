"""The guard against card numbers in small. The command asks about 100,000 numbers of each family."""

from tests.simulation import card_guard
from tests.simulation.report import Arguments

NUMBERS = 3_000


def test_u1_numbers_of_other_kinds_are_taken_and_cards_are_not() -> None:
    """One in ten order numbers ``yymmdd...`` of 2026 was refused as a card's, also as an idempotency key."""
    outcome = card_guard.simulate(Arguments(seed=1, count=NUMBERS))
    assert outcome["cards_not_masked"] == 0


def test_s5_no_reference_of_date_and_counter_is_refused() -> None:
    """81 of 1,000 references ``yymmddhhmmss`` and four digits were, and one key in 716 of ``x`` and a UUID."""
    outcome = card_guard.simulate(Arguments(seed=2, count=NUMBERS))
    assert outcome["refused_of_yymmddhhmmss_and_4"] == outcome["refused_of_x_and_uuid"] == 0
