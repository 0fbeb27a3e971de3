"""Who may ask: merchants and what is theirs, and the keys their systems call with."""

from pycore.merchants.allowance import Allowance
from pycore.merchants.api_key import KEY_PREFIX, ApiKey, ApiKeys, KeyTerms
from pycore.merchants.authentication import Authenticator
from pycore.merchants.caller import Caller, Operator
from pycore.merchants.customer import CUSTOMER_PREFIX, AccountClass, Customer, CustomerChanges, Customers, NewCustomer
from pycore.merchants.merchant import MERCHANT_PREFIX, Merchant, MerchantChanges, Merchants, MerchantStatus
from pycore.merchants.operator_key import OPERATOR_KEY_FILE, first_operator_key
from pycore.merchants.page import LIMIT_MAX, Page
from pycore.merchants.scope import OperatorScope, Scope
from pycore.merchants.secret_file import read_secret, write_secret
from pycore.merchants.store import STORE_PREFIX, MerchantStore, MerchantStores, StoreChanges, StoreCode
from pycore.merchants.vault_keys import open_vault, rewrap_keys, rotate_data_key

__all__ = [
    "CUSTOMER_PREFIX",
    "KEY_PREFIX",
    "LIMIT_MAX",
    "MERCHANT_PREFIX",
    "OPERATOR_KEY_FILE",
    "STORE_PREFIX",
    "AccountClass",
    "Allowance",
    "ApiKey",
    "ApiKeys",
    "Authenticator",
    "Caller",
    "Customer",
    "CustomerChanges",
    "Customers",
    "KeyTerms",
    "Merchant",
    "MerchantChanges",
    "MerchantStatus",
    "MerchantStore",
    "MerchantStores",
    "Merchants",
    "NewCustomer",
    "Operator",
    "OperatorScope",
    "Page",
    "Scope",
    "StoreChanges",
    "StoreCode",
    "first_operator_key",
    "open_vault",
    "read_secret",
    "rewrap_keys",
    "rotate_data_key",
    "write_secret",
]
