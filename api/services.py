"""What stands behind the doors: handed to every handler, made once by the server."""

from pathlib import Path

import msgspec

from api.auth import Access
from pycore.config import Settings
from pycore.events import Outbox
from pycore.ledger import Ledger
from pycore.merchants import ApiKeys, Authenticator, Customers, Merchants, MerchantStores, open_vault
from pycore.payments import PaymentDesk, WithoutChannels
from pycore.vault import Vault, configured_key_source


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """The domain services of one server.

    Attributes:
        ledger: accounts and transfers.
        access: who may call what.
        vault: seals what must not be readable in a table.
        merchants: whose payments are taken.
        stores: where they sell.
        customers: who pays them.
        api_keys: what their systems call with.
        payments: payments and refunds.
        outbox: events, and the webhooks that tell of them; it works while it is open.
    """

    ledger: Ledger
    access: Access
    vault: Vault
    merchants: Merchants
    stores: MerchantStores
    customers: Customers
    api_keys: ApiKeys
    payments: PaymentDesk
    outbox: Outbox


async def open_services(ledger: Ledger, settings: Settings) -> Services:
    """Return the services of an open ledger; the first time, the vault's keys are made.

    Raises VaultKeyError, LedgerUnavailableError, OutcomeUnknownError.
    """
    pool = ledger.store.pool
    authenticator = Authenticator(pool)
    vault = await open_vault(pool, configured_key_source(settings.vault, Path(settings.store.data)))
    return Services(
        ledger=ledger,
        access=Access(authenticator, open_ledger=settings.server.is_open_to_this_machine),
        vault=vault,
        merchants=Merchants(pool, authenticator.forget),
        stores=MerchantStores(pool),
        customers=Customers(pool, vault),
        api_keys=ApiKeys(pool, authenticator.forget),
        payments=PaymentDesk(ledger, WithoutChannels()),
        outbox=Outbox(ledger, vault, allow_loopback=settings.webhooks.allow_loopback),
    )
