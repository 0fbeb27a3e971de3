"""A vault with fixed key-encryption keys."""

import pytest

from pycore.vault import Algorithm, GivenKeySource, Vault

FIRST, SECOND = "11" * 32, "22" * 32


@pytest.fixture(params=list(Algorithm), ids=lambda algorithm: algorithm.name.lower())
def algorithm(request: pytest.FixtureRequest) -> Algorithm:
    return Algorithm(request.param)


@pytest.fixture
def vault(algorithm: Algorithm) -> Vault:
    source = GivenKeySource(FIRST)
    return Vault.open(source, Vault.first_keys(source, algorithm=algorithm), algorithm=algorithm)
