"""What stands behind the doors: handed to every handler, made once by the server."""

from pathlib import Path

import msgspec

from api.auth import Access
from api.proxies import Proxies
from pycore.channels.accounts import ChannelAccounts
from pycore.config import Settings
from pycore.events import Outbox
from pycore.ledger import Ledger
from pycore.merchants import ApiKeys, Authenticator, Customers, Merchants, MerchantStores, open_vault
from pycore.payments import PaymentDesk
from pycore.payments.cashier import Cashier
from pycore.payments.cashier_links import open_cashier_links
from pycore.payments.channel_desk import ChannelDesk
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
        channels: what is behind payments through channels; it works while it is open.
        cashier: payments by link.
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
    channels: ChannelDesk
    cashier: Cashier
    outbox: Outbox


async def open_services(ledger: Ledger, settings: Settings) -> Services:
    """Return the services of an open ledger; the first time, the vault's keys are made.

    Raises ConfigurationError, VaultKeyError, LedgerUnavailableError, OutcomeUnknownError.
    """
    pool, data = ledger.store.pool, Path(settings.store.data)
    accounts = ChannelAccounts.configured(settings.channels, data, settings.public_url)
    authenticator = Authenticator(pool)
    vault = await open_vault(pool, configured_key_source(settings.vault, data))
    links = await open_cashier_links(pool, vault, lambda: accounts.public_url)
    channels = ChannelDesk(ledger, accounts, links=links)
    merchants, stores = Merchants(pool, authenticator.forget), MerchantStores(pool)
    return Services(
        ledger=ledger,
        access=Access(authenticator, Proxies(settings.server.trusted_proxies)),
        vault=vault,
        merchants=merchants,
        stores=stores,
        customers=Customers(pool, vault, channels.payments.limits.forget),
        api_keys=ApiKeys(pool, authenticator.forget, vault=vault),
        payments=channels.payments,
        channels=channels,
        cashier=Cashier(channels, links, merchants, stores, ledger.store.pool),
        outbox=Outbox(ledger, vault, allow_loopback=settings.webhooks.allow_loopback),
    )
