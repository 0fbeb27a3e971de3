"""Sealing, rotation, persons' keys, and what an attacker may try."""

import copy
import pickle
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycore.errors import SealedValueError, SealRefusedError, VaultKeyError
from pycore.vault import (
    Algorithm,
    Context,
    GivenKeySource,
    KeyKind,
    KeyState,
    Owner,
    PersonName,
    PhoneNumber,
    Vault,
    WrappedKey,
    parse_card_number,
)

FIRST, SECOND = "11" * 32, "22" * 32
PLACE = Context("mer_1", "payer_name", "pay_1")
PERSON = Owner("mer_1", "cus_1")
OVERHEAD = 62


def test_what_is_sealed_comes_back(vault: Vault, algorithm: Algorithm) -> None:
    sealed = vault.seal("张三".encode(), PLACE)
    assert vault.open_value(sealed, PLACE).decode() == "张三"
    assert len(sealed) == OVERHEAD + len("张三".encode())
    assert (sealed[0], sealed[1], int.from_bytes(sealed[2:18])) == (1, algorithm, vault.active_key_id)
    assert sealed != vault.seal("张三".encode(), PLACE)


def test_many_are_as_one(vault: Vault) -> None:
    values = [(f"value {number}".encode(), Context("mer_1", "memo", f"pay_{number}")) for number in range(500)]
    sealed = vault.seal_many(values)
    places = [place for _, place in values]
    assert vault.open_many(list(zip(sealed, places, strict=True))) == [value for value, _ in values]
    assert [vault.open_value(each, place) for each, place in zip(sealed[:3], places, strict=False)] == [
        value for value, _ in values[:3]
    ]
    assert vault.seal_many([]) == []


@pytest.mark.parametrize("count", [3, 300])
def test_one_bad_value_refuses_the_batch(vault: Vault, count: int) -> None:
    sealed = [(vault.seal(b"value", PLACE), PLACE) for _ in range(count)]
    sealed[1] = (sealed[1][0][:-1], PLACE)
    with pytest.raises(SealedValueError):
        vault.open_many(sealed)
    with pytest.raises(SealRefusedError):
        vault.seal_many([(b"value", PLACE)] * (count - 1) + [(bytes(65_537), PLACE)])


def test_refusals_are_all_the_same(vault: Vault) -> None:
    sealed = vault.seal(b"value", PLACE)
    stranger = Vault.open(GivenKeySource(FIRST), Vault.first_keys(GivenKeySource(FIRST)))
    attempts = [
        (vault, sealed, PLACE._replace(tenant="mer_2")),
        (vault, sealed, PLACE._replace(field="memo")),
        (vault, sealed, PLACE._replace(record="pay_2")),
        (vault, sealed, PLACE._replace(record="\ud800")),
        (vault, vault.seal(b"other", PLACE._replace(record="pay_2")), PLACE),
        (vault, sealed[:-1], PLACE),
        (vault, sealed[:40], PLACE),
        (vault, b"", PLACE),
        (vault, b"\x02" + sealed[1:], PLACE),
        (vault, sealed[:1] + b"\x09" + sealed[2:], PLACE),
        (stranger, sealed, PLACE),
    ]
    seen = set()
    for opener, attempt, place in attempts:
        with pytest.raises(SealedValueError) as caught:
            opener.open_value(attempt, place)
        assert caught.value.__cause__ is None
        seen.add(str(caught.value))
    assert seen == {"a sealed value cannot be opened here"}


@given(value=st.binary(max_size=200), position=st.integers(min_value=0), flip=st.integers(1, 255))
def test_any_changed_byte_is_refused(value: bytes, position: int, flip: int) -> None:
    sealed = bytearray(SHARED.seal(value, PLACE))
    assert SHARED.open_value(bytes(sealed), PLACE) == value
    sealed[position % len(sealed)] ^= flip
    with pytest.raises(SealedValueError):
        SHARED.open_value(bytes(sealed), PLACE)


SHARED = Vault.open(GivenKeySource(FIRST), Vault.first_keys(GivenKeySource(FIRST)))


def test_keys_are_stored_as_bytes_and_open_in_the_next_process(algorithm: Algorithm) -> None:
    source = GivenKeySource(FIRST)
    stored = [key.to_bytes() for key in Vault.first_keys(source, algorithm=algorithm)]
    first = Vault.open(source, map(WrappedKey.from_bytes, stored))
    sealed, index = first.seal(b"value", PLACE), first.blind_index(PhoneNumber("13812345678"), "mer_1")
    second = Vault.open(source, map(WrappedKey.from_bytes, stored))
    assert second.open_value(sealed, PLACE) == b"value"
    assert second.blind_index(PhoneNumber("13812345678"), "mer_1") == index
    data, blind = map(WrappedKey.from_bytes, stored)
    assert (data.kind, blind.kind) == (KeyKind.DATA, KeyKind.INDEX)
    assert (data.algorithm, data.state) == (algorithm, KeyState.ACTIVE)
    assert len(stored[0]) == 114


def test_a_vault_needs_its_own_keys() -> None:
    source = GivenKeySource(FIRST)
    data, index = Vault.first_keys(source)
    person = Vault.open(source, [data, index]).create_subject_key(PERSON)
    for opener, keys in [
        (GivenKeySource(SECOND), [data, index]),
        (source, [data]),
        (source, [index]),
        (source, []),
        (source, [data, index, index]),
        (source, [data, index, person]),
    ]:
        with pytest.raises(VaultKeyError):
            Vault.open(opener, keys)


def test_the_newest_data_key_seals_and_all_open(vault: Vault) -> None:
    before = vault.seal(b"before", PLACE)
    old = vault.active_key_id
    key = vault.create_data_key()
    assert vault.active_key_id == old, "a key seals only after it was stored"
    vault.activate(key)
    after = vault.seal(b"after", PLACE)
    assert int.from_bytes(after[2:18]) == key.id == vault.active_key_id
    assert [vault.open_value(each, PLACE) for each in (before, after)] == [b"before", b"after"]
    with pytest.raises(SealRefusedError, match="active"):
        vault.remove(key)


def test_a_key_of_another_process_is_added() -> None:
    source = GivenKeySource(FIRST)
    keys = Vault.first_keys(source)
    one, other = Vault.open(source, keys), Vault.open(source, keys)
    key = one.create_data_key()
    with pytest.raises(SealRefusedError, match="add it first"):
        other.activate(key)
    other.add_data_key(key)
    one.activate(key)
    assert other.open_value(one.seal(b"value", PLACE), PLACE) == b"value"


def test_a_new_key_encryption_key_takes_over() -> None:
    old, both, new = GivenKeySource(FIRST), GivenKeySource(f"{SECOND}\n{FIRST}"), GivenKeySource(SECOND)
    keys = Vault.first_keys(old)
    vault = Vault.open(old, keys)
    sealed, person = vault.seal(b"value", PLACE), vault.create_subject_key(PERSON)
    assert not any(map(vault.needs_rewrap, [*keys, person]))
    vault.reload(both)
    assert all(map(vault.needs_rewrap, [*keys, person]))
    moved, moved_person = [vault.rewrap(key) for key in keys], vault.rewrap(person, PERSON)
    restarted = Vault.open(new, moved)
    assert restarted.open_value(sealed, PLACE) == b"value"
    assert restarted.subject(moved_person, PERSON).state is KeyState.ACTIVE
    with pytest.raises(SealedValueError):
        restarted.rewrap(keys[0])
    with pytest.raises(VaultKeyError):
        vault.reload(GivenKeySource(" "))


def test_rotation_under_load_fails_no_read() -> None:
    vault = Vault.open(GivenKeySource(FIRST), Vault.first_keys(GivenKeySource(FIRST)))
    done, failures, opened = threading.Event(), list[BaseException](), [0, 0]

    def work(thread: int) -> None:
        kept: list[bytes] = []
        try:
            while not done.is_set() or len(kept) < 20:
                kept.append(vault.seal(b"value", PLACE))
                for sealed in (kept[0], kept[len(kept) // 2], kept[-1]):
                    assert vault.open_value(sealed, PLACE) == b"value"
                    opened[thread] += 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(2)]
    for thread in threads:
        thread.start()
    older = FIRST
    for round in range(1, 30):
        key = vault.create_data_key()
        vault.activate(key)
        newer = f"{round:064x}"
        vault.reload(GivenKeySource(f"{newer} {older}"))
        assert not vault.needs_rewrap(vault.rewrap(key))
        older = newer
    done.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert min(opened) >= 60


def test_a_persons_data_is_restricted_then_gone(vault: Vault) -> None:
    key = vault.create_subject_key(PERSON)
    person = vault.subject(key, PERSON)
    sealed = person.seal(b"value", PLACE)
    assert person.open_value(sealed, PLACE) == b"value"

    restricted = vault.restrict(key, PERSON)
    person = vault.subject(restricted, PERSON)
    assert (person.state, repr(person)) == (KeyState.RESTRICTED, "Subject(RESTRICTED)")
    with pytest.raises(SealRefusedError, match="restricted"):
        person.seal(b"value", PLACE)
    with pytest.raises(SealedValueError):
        person.open_value(sealed, PLACE)
    assert person.open_value(sealed, PLACE, legal_duty=True) == b"value"

    shredded = WrappedKey.from_bytes(vault.shred(restricted).to_bytes())
    assert (shredded.state, shredded.id, len(shredded.to_bytes())) == (KeyState.SHREDDED, key.id, 20)
    assert not vault.needs_rewrap(shredded)
    for attempt in (vault.subject, vault.restrict, vault.rewrap):
        with pytest.raises(SealedValueError):
            attempt(shredded, PERSON)
    with pytest.raises(SealedValueError):
        vault.open_value(sealed, PLACE)
    with pytest.raises(SealedValueError):
        vault.shred(vault.create_data_key())


def test_a_restricted_key_cannot_be_edited_back(vault: Vault) -> None:
    stored = bytearray(vault.restrict(vault.create_subject_key(PERSON), PERSON).to_bytes())
    assert stored[3] == KeyState.RESTRICTED
    stored[3] = KeyState.ACTIVE
    with pytest.raises(SealedValueError):
        vault.subject(WrappedKey.from_bytes(bytes(stored)), PERSON)
    with pytest.raises(SealedValueError):
        vault.subject(vault.create_subject_key(PERSON), PERSON._replace(subject="cus_2"))


def test_personal_data_round_trips_and_is_found(vault: Vault) -> None:
    phone, place = PhoneNumber("138 1234 5678"), Context("mer_1", "payer_phone", "pay_1")
    sealed = vault.seal_personal(phone, place)
    assert vault.open_personal(PhoneNumber, sealed, place) == phone
    index = vault.blind_index(phone, "mer_1")
    assert index == vault.blind_index(PhoneNumber("+86-138-1234-5678"), "mer_1")
    assert len(index) == 32
    assert index != vault.blind_index(phone, "mer_2")
    assert vault.blind_index(PersonName("Li Lei"), "mer_1") == vault.blind_index(PersonName("ＬＩ lei"), "mer_1")


def test_what_was_taken_once_is_read_whatever_is_asked_since(vault: Vault) -> None:
    taken = vault.seal(b"ext. 12", PLACE)
    assert vault.open_personal(PhoneNumber, taken, PLACE).reveal() == "ext. 12"


def test_a_card_is_found_again_by_its_tenant_only(vault: Vault) -> None:
    card = parse_card_number("6205500000000000004")
    stored = vault.tokenise(card, "mer_1")
    assert stored.index == vault.card_index(card, "mer_1") != vault.card_index(card, "mer_2")
    assert (stored.bin, stored.last_four) == ("62055000", "0004")
    assert stored.token.startswith("tok_")
    assert vault.detokenise(stored.sealed, "mer_1", stored.token) == card
    other = vault.tokenise(card, "mer_1")
    assert other.token != stored.token
    for tenant, token in [
        ("mer_2", stored.token),
        ("mer_1", other.token),
        ("mer_1", "tok_"),
        ("mer_1", stored.token.upper()),
        ("mer_1", "\ud800"),
    ]:
        with pytest.raises(SealedValueError):
            vault.detokenise(stored.sealed, tenant, token)
    assert b"6205500000000000004" not in stored.sealed


def test_nothing_secret_is_shown(vault: Vault) -> None:
    key = vault.create_subject_key(PERSON)
    source = GivenKeySource(FIRST)
    shown = " ".join(map(repr, (vault, key, vault.subject(key, PERSON), source, *source.load_keys())))
    assert FIRST not in shown
    assert "\\x11" not in shown
    assert shown.startswith("Vault(Keyring(1 data keys, …)) WrappedKey(Subject, Active, ")


def test_keys_in_memory_are_not_written_out(vault: Vault) -> None:
    for secret in (vault, vault.subject(vault.create_subject_key(PERSON), PERSON)):
        with pytest.raises(TypeError):
            pickle.dumps(secret)
        with pytest.raises(TypeError):
            copy.deepcopy(secret)


@pytest.mark.parametrize("data", [b"", b"\x01", bytes(19), bytes(114), b"\x01\x01\x01\x01" + bytes(16)])
def test_other_bytes_are_no_key(data: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be opened"):
        WrappedKey.from_bytes(data)
