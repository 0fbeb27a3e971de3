"""The form of secrets."""

import pytest

from pycore.merchants.secret import SECRET_LENGTH, KeyPrefix, is_well_formed, new_secret, secret_hash, secret_hint


@pytest.mark.parametrize("prefix", KeyPrefix)
def test_a_secret_is_recognised_by_its_form(prefix: KeyPrefix) -> None:
    secrets = {new_secret(prefix) for _ in range(100)}
    assert len(secrets) == 100
    for secret in secrets:
        assert secret.startswith(prefix)
        assert len(secret) == SECRET_LENGTH
        assert is_well_formed(secret)
        assert secret_hint(secret) == secret[-4:]
        assert len(secret_hash(secret)) == 32


def test_one_wrong_character_is_noticed() -> None:
    secret = new_secret(KeyPrefix.LIVE)
    for position in range(SECRET_LENGTH):
        wrong = "x" if secret[position] != "x" else "y"
        assert not is_well_formed(secret[:position] + wrong + secret[position + 1 :])
    assert not is_well_formed(secret[:-1])
    assert not is_well_formed(f"{secret}0")
    assert not is_well_formed("")
    assert not is_well_formed("ü" * SECRET_LENGTH)
