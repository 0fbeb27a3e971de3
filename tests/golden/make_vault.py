"""Writes the golden values of the vault's current formats: ``python -m tests.golden.make_vault``.

Refuses to overwrite: what an earlier build wrote is the point of a golden file. See the README beside this file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pycore.vault import Algorithm, Context, GivenKeySource, Owner, PhoneNumber, Vault, parse_card_number

FILE = Path(__file__).parent / "vault_v1.json"
KEYS = "6b" * 32
PLACE = Context("mer_1", "payer_name", "pay_1")
OWNER = Owner("mer_1", "cus_1")
VALUES = ["", "张三", "x" * 300]


def written(algorithm: Algorithm) -> dict[str, Any]:
    """Return what this build stores, in hexadecimal digits."""
    source = GivenKeySource(KEYS)
    keys = Vault.first_keys(source, algorithm=algorithm)
    vault = Vault.open(source, keys, algorithm=algorithm)
    person = vault.create_subject_key(OWNER)
    restricted = vault.restrict(person, OWNER)
    card = vault.tokenise(parse_card_number("6205500000000000004"), OWNER.tenant)
    return {
        "keys": [key.to_bytes().hex() for key in keys],
        "sealed": [vault.seal(value.encode(), PLACE).hex() for value in VALUES],
        "phone_index": vault.blind_index(PhoneNumber("13812345678"), OWNER.tenant).hex(),
        "person": person.to_bytes().hex(),
        "person_restricted": restricted.to_bytes().hex(),
        "person_shredded": vault.shred(restricted).to_bytes().hex(),
        "person_sealed": vault.subject(person, OWNER).seal(VALUES[1].encode(), PLACE).hex(),
        "card": {"token": card.token, "index": card.index.hex(), "sealed": card.sealed.hex()},
    }


def main() -> None:
    """Write the file."""
    if FILE.exists():
        sys.exit(f"{FILE.name} exists and stays as it is")
    FILE.write_text(json.dumps({each.name.lower(): written(each) for each in Algorithm}, indent=1) + "\n")


if __name__ == "__main__":
    main()
