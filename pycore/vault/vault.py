"""The vault: seals what must not be readable in a table, opens it for those who know where it belongs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from pycore import _core
from pycore._core import CardNumber, WrappedKey
from pycore.errors import SealedValueError, SealRefusedError, VaultKeyError
from pycore.ids import new_id
from pycore.vault.card import TokenisedCard
from pycore.vault.key import Algorithm, Context, KeyKind, KeyState, Owner
from pycore.vault.key_source import KeyEncryptionKey, KeySource
from pycore.vault.personal import PersonalValue

Personal = TypeVar("Personal", bound=PersonalValue)


class Vault:
    """The keys of this process; safe to share between threads.

    Key-encryption keys come from a key source and wrap all others. Wrapped keys are values the caller stores, as
    ``WrappedKey.to_bytes()`` gives them, in any table: without a key-encryption key they are worth nothing. One data
    key seals, all of them open. Rotation: ``create_data_key``, store it, ``add_data_key`` in every process, then
    ``activate``.

    What cannot be opened raises ``SealedValueError``, which never tells why: the wrong tenant, a changed byte, a key
    that is not here and an unknown algorithm look the same.
    """

    def __init__(self, keyring: _core.Keyring, index: _core.BlindIndex) -> None:
        """Not meant to be called; see ``open``."""
        self._keyring = keyring
        self._index = index

    def __repr__(self) -> str:
        return f"Vault({self._keyring!r})"

    @classmethod
    def first_keys(cls, source: KeySource, *, algorithm: Algorithm = Algorithm.AES_256_GCM) -> list[WrappedKey]:
        """Return the keys a new vault begins with, a data key and an index key: store them, then ``open`` the vault.

        Raises:
            VaultKeyError: the source gives no key.
        """
        keyring = _keyring(source, algorithm)
        return [keyring.create_data_key(new_id()), keyring.create_index_key(new_id())]

    @classmethod
    def open(
        cls, source: KeySource, keys: Iterable[WrappedKey], *, algorithm: Algorithm = Algorithm.AES_256_GCM
    ) -> Vault:
        """Return the vault of the stored keys; the newest data key (the greatest id) seals.

        Args:
            source: gives the key-encryption keys.
            keys: the stored data keys and the one index key; persons' keys are given when they are needed.
            algorithm: what new keys seal with. Stored ones keep theirs.

        Raises:
            VaultKeyError: a key is missing, or was not wrapped under one of the source's keys.
        """
        keyring = _keyring(source, algorithm)
        indexes, newest = [], -1
        try:
            for key in keys:
                if key.kind == KeyKind.INDEX:
                    indexes.append(keyring.blind_index(key))
                else:
                    keyring.add_data_key(key)
                    newest = max(newest, key.id)
        except _core.OpenError:
            raise VaultKeyError(
                "a stored key cannot be unwrapped with the given key-encryption keys, or is a person's:"
                " give the vault the keys it was used with"
            ) from None
        if newest < 0 or len(indexes) != 1:
            raise VaultKeyError("a vault needs data keys and one index key: make the first ones and store them")
        keyring.activate(newest)
        return cls(keyring, indexes[0])

    # -- data keys

    def create_data_key(self) -> WrappedKey:
        """Return a new data key, which opens here at once. Store it, add it everywhere, then activate it."""
        return self._keyring.create_data_key(new_id())

    def add_data_key(self, key: WrappedKey) -> None:
        """Open with a stored data key too. Raises SealedValueError."""
        with _refusals():
            self._keyring.add_data_key(key)

    def activate(self, key: WrappedKey) -> None:
        """Seal with this data key from now on. Raises SealRefusedError where it was not added."""
        with _refusals():
            self._keyring.activate(key.id)

    def remove(self, key: WrappedKey) -> None:
        """Forget a data key that nothing is sealed with any more. Raises SealRefusedError for the active one."""
        with _refusals():
            self._keyring.remove(key.id)

    @property
    def active_key_id(self) -> int:
        """The id of the data key that seals."""
        active = self._keyring.active_id
        assert active is not None, "a vault is opened with an active key"
        return active

    # -- a new key-encryption key

    def reload(self, source: KeySource) -> None:
        """Take the key-encryption keys anew; nothing that is sealed or opened meanwhile notices.

        To rotate: put a new key above the old one, reload everywhere, ``rewrap`` every stored key, drop the old one.

        Raises:
            VaultKeyError: the source gives no key; the present ones stay.
        """
        self._keyring.replace_key_encryption_keys([key.secret for key in _given(source)])

    def needs_rewrap(self, key: WrappedKey) -> bool:
        """Return whether a stored key is wrapped under an older key-encryption key."""
        return key.wrapped_under not in {None, self._keyring.key_encryption_key_id}

    def rewrap(self, key: WrappedKey, owner: Owner | None = None) -> WrappedKey:
        """Return the same key under the current key-encryption key, to be stored in the old one's place.

        Args:
            key: a stored key.
            owner: whose it is, where it is a person's.

        Raises:
            SealedValueError: it cannot be unwrapped.
        """
        with _refusals():
            return self._keyring.rewrap(key, owner)

    # -- values

    def seal(self, value: bytes, context: Context) -> bytes:
        """Return ``value`` sealed for one place; it is 62 bytes longer.

        Raises:
            SealRefusedError: it has more than 65,536 bytes.
        """
        try:
            return self._keyring.seal(value, *context)
        except (_core.SealError, UnicodeError) as error:
            raise SealRefusedError(str(error)) from None

    def open_value(self, sealed: bytes, context: Context) -> bytes:
        """Return what was sealed for this place. Raises SealedValueError."""
        try:
            return self._keyring.open(sealed, *context)
        except (_core.OpenError, UnicodeError):
            raise SealedValueError from None

    def seal_many(self, values: Sequence[tuple[bytes, Context]]) -> list[bytes]:
        """Return the values sealed, in order: one crossing into Rust. Raises SealRefusedError as ``seal`` does."""
        try:
            return self._keyring.seal_many([(value, *context) for value, context in values])
        except (_core.SealError, UnicodeError) as error:
            raise SealRefusedError(str(error)) from None

    def open_many(self, values: Sequence[tuple[bytes, Context]]) -> list[bytes]:
        """Return what was sealed, in order: one crossing into Rust.

        Raises:
            SealedValueError: one of them cannot be opened; none is returned.
        """
        try:
            return self._keyring.open_many([(sealed, *context) for sealed, context in values])
        except (_core.OpenError, UnicodeError):
            raise SealedValueError from None

    # -- personal data

    def seal_personal(self, value: PersonalValue, context: Context) -> bytes:
        """Return a person's datum sealed for one place."""
        return self.seal(value.reveal().encode(), context)

    def open_personal(self, kind: type[Personal], sealed: bytes, context: Context) -> Personal:
        """Return the person's datum that was sealed for this place. Raises SealedValueError."""
        return kind(self.open_value(sealed, context).decode(), was_sealed=True)

    def blind_index(self, value: PersonalValue, tenant: str) -> bytes:
        """Return 32 bytes that are equal for equal values of one kind and tenant, and tell nothing else."""
        return self._index.index(tenant, value.FIELD, value.normal.encode())

    # -- cards

    def card_index(self, card: CardNumber, tenant: str) -> bytes:
        """Return what finds the tenant's token of this card number: look for it before you tokenise."""
        return self._index.card(tenant, card)

    def tokenise(self, card: CardNumber, tenant: str) -> TokenisedCard:
        """Return a new token for a card number, and what to store with it."""
        with _refusals():
            token, index, sealed = self._keyring.tokenise(card, tenant, self._index)
        return TokenisedCard(token, index, sealed, card.bin, card.last_four)

    def detokenise(self, sealed: bytes, tenant: str, token: str) -> CardNumber:
        """Return the card number of a tenant's token. Raises SealedValueError."""
        with _refusals():
            return self._keyring.detokenise(sealed, tenant, token)

    # -- one person's key

    def create_subject_key(self, owner: Owner) -> WrappedKey:
        """Return a new key for one person's data, to be stored with the person."""
        return self._keyring.create_subject_key(new_id(), *owner)

    def subject(self, key: WrappedKey, owner: Owner) -> Subject:
        """Return what seals and opens with a person's stored key. Raises SealedValueError, also once it is shredded."""
        with _refusals():
            return Subject(self._keyring.subject_key(key, *owner))

    def restrict(self, key: WrappedKey, owner: Owner) -> WrappedKey:
        """Return a person's key in the state *restricted*, to be stored in the old one's place: there is no way back.

        Raises:
            SealedValueError: it cannot be unwrapped.
        """
        with _refusals():
            return self._keyring.restrict(key, *owner)

    @staticmethod
    def shred(key: WrappedKey) -> WrappedKey:
        """Return what is left of a person's key, to be stored in its place: its id and the state *shredded*.

        Everything the key sealed stays unreadable for ever once no older copy of it can be unwrapped: let the backups
        that hold one expire, or rotate the key-encryption key and destroy the old one.

        Raises:
            SealedValueError: it is not a person's key.
        """
        with _refusals():
            return _core.Keyring.shred(key)


class Subject:
    """One person's key, unwrapped: keep it no longer than the work takes."""

    def __init__(self, key: _core.SubjectKey) -> None:
        """Not meant to be called; see ``Vault.subject``."""
        self._key = key

    def __repr__(self) -> str:
        return f"Subject({self.state.name})"

    @property
    def state(self) -> KeyState:
        """What may be done with the key."""
        return KeyState(self._key.state)

    def seal(self, value: bytes, context: Context) -> bytes:
        """Return ``value`` sealed with the person's key.

        Raises:
            SealRefusedError: the key is restricted, or the value has more than 65,536 bytes.
        """
        with _refusals():
            return self._key.seal(value, *context)

    def open_value(self, sealed: bytes, context: Context, *, legal_duty: bool = False) -> bytes:
        """Return what was sealed with the person's key.

        Args:
            sealed: the sealed value.
            context: where it belongs.
            legal_duty: a law demands the reading; the only purpose for which a restricted key still opens.

        Raises:
            SealedValueError: it cannot be opened.
        """
        with _refusals():
            return self._key.open(sealed, *context, legal_duty=legal_duty)


def _given(source: KeySource) -> Sequence[KeyEncryptionKey]:
    keys = source.load_keys()
    if not keys:
        raise VaultKeyError("there is no key-encryption key")
    return keys


def _keyring(source: KeySource, algorithm: Algorithm) -> _core.Keyring:
    return _core.Keyring([key.secret for key in _given(source)], algorithm)


@contextmanager
def _refusals() -> Iterator[None]:
    """Translate what the core refuses."""
    try:
        yield
    except (_core.OpenError, UnicodeError):
        raise SealedValueError from None
    except ValueError as error:
        raise SealRefusedError(str(error)) from None
