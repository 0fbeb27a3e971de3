"""What a key may be allowed to do. Every endpoint and method names the one scope it needs."""

from enum import StrEnum


class Scope(StrEnum):
    """What a merchant's key may be allowed to do, within its merchant and mode."""

    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    REFUNDS_WRITE = "refunds:write"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    EVENTS_READ = "events:read"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    MERCHANT_READ = "merchant:read"
    """The merchant itself, its stores, its keys without their secrets."""
    MERCHANT_ADMIN = "merchant:admin"
    """Stores and keys, also keys that allow more than this one."""


class OperatorScope(StrEnum):
    """What an operator's key may be allowed to do, for the whole platform."""

    LEDGER_READ = "ledger:read"
    """Accounts, transfers and totals of anybody."""
    LEDGER_WRITE = "ledger:write"
    """Creating accounts and transfers of anybody."""
    POSTINGS_ASK = "postings:ask"
    """Asking for corrections of the books, which another person approves."""
    POSTINGS_APPROVE = "postings:approve"
    """Approving or refusing what another person asked for."""
    METRICS_READ = "metrics:read"
    MERCHANTS_READ = "merchants:read"
    MERCHANTS_WRITE = "merchants:write"
    """Merchants, and keys for them."""
