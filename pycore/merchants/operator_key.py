"""The first operator's key. Without one nobody could use the ledger; nothing is open for where a call comes from."""

from pathlib import Path
from typing import Final

from pycore.merchants.allowance import Allowance
from pycore.merchants.api_key import ApiKeys, KeyTerms
from pycore.merchants.scope import OperatorScope
from pycore.merchants.secret_file import write_secret

OPERATOR_KEY_FILE: Final = "operator.key"
"""In the data folder, beside the journal's key: for this machine's user only."""

_ALLOWANCE: Final = Allowance(requests_per_second=100_000, requests_burst=100_000)


async def first_operator_key(keys: ApiKeys, data: Path) -> Path | None:
    """Make an operator's key with every scope where there never was one; return the file it is in, or None.

    Raises LedgerUnavailableError, OutcomeUnknownError, and OSError where the file cannot be written.
    """
    if (await keys.list(None, 1)).items:
        return None
    terms = KeyTerms(name="first operator", scopes=tuple(OperatorScope), allowance=_ALLOWANCE)
    _, secret = await keys.create(None, terms)
    file = data / OPERATOR_KEY_FILE
    write_secret(file, secret)
    return file
