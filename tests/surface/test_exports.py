"""The public names, pinned: a change here is a change for every user and belongs into the CHANGELOG."""

from __future__ import annotations

import pycore.channels
import pycore.client
import pycore.events
import pycore.ledger
import pycore.merchants
import pycore.payments
import pycore.rate_limit
import pycore.routing
import pycore.vault
from pycore import _core
from pycore.ledger import CreateAccountStatus, CreateTransferStatus

LEDGER = [
    "AMOUNT_MAX", "Account", "AccountBalance", "AccountFilter", "AccountFlags", "CreateAccountResult",
    "CreateAccountStatus", "CreateTransferResult", "CreateTransferStatus", "Insertion", "JournalKey", "Ledger",
    "LedgerStats", "LedgerTotals", "Operation", "Rows", "SynchronousLedger", "Table", "Transfer", "TransferFlags",
    "VerifyReport", "rebuild", "verify",
]  # fmt: skip

MERCHANTS = [
    "CUSTOMER_PREFIX", "KEY_PREFIX", "LIMIT_MAX", "MERCHANT_PREFIX", "OPERATOR_KEY_FILE", "STORE_PREFIX",
    "AccountClass", "Allowance",
    "ApiKey", "ApiKeys", "Authenticator", "Caller", "Customer", "CustomerChanges", "Customers", "KeyTerms", "Merchant",
    "MerchantChanges", "MerchantStatus", "MerchantStore", "MerchantStores", "Merchants", "NewCustomer", "Operator",
    "OperatorScope", "Page", "Scope", "StoreChanges", "StoreCode", "first_operator_key", "open_vault", "read_secret",
    "rewrap_keys", "rotate_data_key", "write_secret",
]  # fmt: skip

ROUTING = [
    "Attempt", "Comparison", "Considered", "Decision", "Move", "Outcome", "Price", "Reason", "Replay", "Route",
    "RouteRequest", "Router", "RouterOptions", "RoutingPolicy", "RuleTextError", "Standing", "Tally", "Terms",
    "load_routes", "read_traffic", "replay",
]  # fmt: skip

VAULT = [
    "Algorithm", "CardNumber", "Context", "FileKeySource", "GivenKeySource", "IdNumber", "KeyEncryptionKey", "KeyKind",
    "KeySource", "KeyState", "Owner", "PersonName", "PersonalValue", "PhoneNumber", "Subject", "TokenisedCard", "Vault",
    "VerificationValue", "WrappedKey", "configured_key_source", "find_card_numbers",
    "find_possible_card_numbers", "mask_card_numbers", "mask_secrets", "parse_card_number", "parse_verification_value",
    "secret_in",
]  # fmt: skip

CHANNELS = [
    "Adapter", "BillKind", "BillLink", "BillNotReady", "BillOrder", "BillRefusedError", "CallApp", "Capability",
    "ChannelConnection", "ChannelOrder", "Failed", "FundBill", "FundLine", "HandleByHand", "HttpNotification",
    "HttpRequest", "HttpResponse", "LineKind", "LineState", "Method", "NoBill", "NotTrustedError", "Notification",
    "NotificationRefusedError", "OpenPage", "Outcome", "Payer", "Pending", "PrivateKey", "PublicKey", "ReasonClass",
    "Refund", "RequiresAction", "Secret", "SetAside", "ShowCode", "SigningPool", "Stamp", "SubmitForm", "Succeeded",
    "TitleRule", "TradeBill", "TradeLine", "Transport", "Unknown", "UnsupportedOperationError",
]  # fmt: skip

PAYMENTS = [
    "Action", "Authentication", "CancelPayment", "CaptureMethod", "CapturePayment", "ChannelMethods", "ConfirmPayment",
    "Confirmation", "CreatePayment", "CreateRefund", "NextAction", "Payer", "Payment", "PaymentDesk", "PaymentFilter",
    "PaymentMethod", "PaymentStatus", "Purpose", "Refund", "RefundFilter", "RefundStatus", "TimelineEntry",
    "UpdatePayment", "WithdrawalFilter", "WithoutChannels",
]  # fmt: skip

EVENTS = [
    "EVENTS", "MEANINGS", "Backlog", "Deliveries", "Delivery", "EndpointChange", "Event", "EventLog",
    "EventTail", "EventType", "EventView", "Outbox", "TargetGuard", "WebhookDispatcher", "WebhookEndpoint",
    "WebhookEndpoints", "WebhookSecret", "WebhookSender", "event_row",
]  # fmt: skip


def test_the_names_of_payments() -> None:
    assert pycore.payments.__all__ == PAYMENTS


def test_the_names_of_the_ledger() -> None:
    assert pycore.ledger.__all__ == LEDGER
    assert all(hasattr(pycore.ledger, name) for name in LEDGER)


def test_the_names_of_the_merchants() -> None:
    assert pycore.merchants.__all__ == MERCHANTS
    assert all(hasattr(pycore.merchants, name) for name in MERCHANTS)


def test_the_names_of_routing_and_rate_limits() -> None:
    assert pycore.routing.__all__ == ROUTING
    assert all(hasattr(pycore.routing, name) for name in ROUTING)
    assert pycore.rate_limit.__all__ == ["LIMITS_MAX", "Quota", "RateLimiter", "Refusal"]


def test_the_names_of_the_vault() -> None:
    assert pycore.vault.__all__ == VAULT
    assert all(hasattr(pycore.vault, name) for name in VAULT)


def test_the_names_of_the_channels() -> None:
    assert pycore.channels.__all__ == CHANNELS
    assert all(hasattr(pycore.channels, name) for name in CHANNELS)


def test_the_names_of_the_events() -> None:
    assert pycore.events.__all__ == EVENTS
    assert all(hasattr(pycore.events, name) for name in EVENTS)


def test_the_names_of_the_client() -> None:
    assert {"EventClient", "LedgerClient"} <= set(pycore.client.__all__)


def test_result_codes_are_the_engines() -> None:
    assert {status.name.lower(): int(status) for status in CreateAccountStatus} == _core.account_status_names()
    assert {status.name.lower(): int(status) for status in CreateTransferStatus} == _core.transfer_status_names()
