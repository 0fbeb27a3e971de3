"""What an earlier build sealed stays readable for ever."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pycore.errors import SealedValueError
from pycore.vault import Algorithm, GivenKeySource, KeyState, PhoneNumber, Vault, WrappedKey, parse_card_number
from tests.golden.make_vault import FILE, KEYS, OWNER, PLACE, VALUES

GOLDEN: dict[str, dict[str, Any]] = json.loads(FILE.read_text())


def _key(text: str) -> WrappedKey:
    return WrappedKey.from_bytes(bytes.fromhex(text))


@pytest.fixture(params=sorted(GOLDEN))
def golden(request: pytest.FixtureRequest) -> dict[str, Any]:
    return GOLDEN[request.param]


@pytest.fixture
def vault(golden: dict[str, Any]) -> Vault:
    return Vault.open(GivenKeySource(KEYS), map(_key, golden["keys"]))


def test_there_are_values_of_every_algorithm() -> None:
    assert GOLDEN.keys() == {algorithm.name.lower() for algorithm in Algorithm}


def test_sealed_values_open(vault: Vault, golden: dict[str, Any]) -> None:
    opened = vault.open_many([(bytes.fromhex(sealed), PLACE) for sealed in golden["sealed"]])
    assert [value.decode() for value in opened] == VALUES


def test_indexes_still_find(vault: Vault, golden: dict[str, Any]) -> None:
    assert vault.blind_index(PhoneNumber("13812345678"), OWNER.tenant).hex() == golden["phone_index"]


def test_persons_keys_open_in_their_state(vault: Vault, golden: dict[str, Any]) -> None:
    sealed = bytes.fromhex(golden["person_sealed"])
    assert vault.subject(_key(golden["person"]), OWNER).open_value(sealed, PLACE).decode() == VALUES[1]
    restricted = vault.subject(_key(golden["person_restricted"]), OWNER)
    assert restricted.state is KeyState.RESTRICTED
    assert restricted.open_value(sealed, PLACE, legal_duty=True).decode() == VALUES[1]
    with pytest.raises(SealedValueError):
        vault.subject(_key(golden["person_shredded"]), OWNER)


def test_tokens_lead_to_their_cards(vault: Vault, golden: dict[str, Any]) -> None:
    stored, card = golden["card"], parse_card_number("6205500000000000004")
    assert vault.detokenise(bytes.fromhex(stored["sealed"]), OWNER.tenant, stored["token"]) == card
    assert vault.card_index(card, OWNER.tenant).hex() == stored["index"]
