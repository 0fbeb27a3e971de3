from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AccountFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCOUNT_FLAG_UNSPECIFIED: _ClassVar[AccountFlag]
    ACCOUNT_FLAG_LINKED: _ClassVar[AccountFlag]
    ACCOUNT_FLAG_DEBITS_MUST_NOT_EXCEED_CREDITS: _ClassVar[AccountFlag]
    ACCOUNT_FLAG_CREDITS_MUST_NOT_EXCEED_DEBITS: _ClassVar[AccountFlag]
    ACCOUNT_FLAG_HISTORY: _ClassVar[AccountFlag]
    ACCOUNT_FLAG_IMPORTED: _ClassVar[AccountFlag]
    ACCOUNT_FLAG_CLOSED: _ClassVar[AccountFlag]

class TransferFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSFER_FLAG_UNSPECIFIED: _ClassVar[TransferFlag]
    TRANSFER_FLAG_LINKED: _ClassVar[TransferFlag]
    TRANSFER_FLAG_PENDING: _ClassVar[TransferFlag]
    TRANSFER_FLAG_POST_PENDING_TRANSFER: _ClassVar[TransferFlag]
    TRANSFER_FLAG_VOID_PENDING_TRANSFER: _ClassVar[TransferFlag]
    TRANSFER_FLAG_BALANCING_DEBIT: _ClassVar[TransferFlag]
    TRANSFER_FLAG_BALANCING_CREDIT: _ClassVar[TransferFlag]
    TRANSFER_FLAG_CLOSING_DEBIT: _ClassVar[TransferFlag]
    TRANSFER_FLAG_CLOSING_CREDIT: _ClassVar[TransferFlag]
    TRANSFER_FLAG_IMPORTED: _ClassVar[TransferFlag]

class CreateAccountStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CREATE_ACCOUNT_STATUS_UNSPECIFIED: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_LINKED_EVENT_FAILED: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_LINKED_EVENT_CHAIN_OPEN: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_TIMESTAMP_MUST_BE_ZERO: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_RESERVED_FIELD: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_RESERVED_FLAG: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_ID_MUST_NOT_BE_ZERO: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_ID_MUST_NOT_BE_INT_MAX: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_FLAGS_ARE_MUTUALLY_EXCLUSIVE: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_DEBITS_PENDING_MUST_BE_ZERO: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_DEBITS_POSTED_MUST_BE_ZERO: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_CREDITS_PENDING_MUST_BE_ZERO: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_CREDITS_POSTED_MUST_BE_ZERO: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_LEDGER_MUST_NOT_BE_ZERO: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_CODE_MUST_NOT_BE_ZERO: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_EXISTS_WITH_DIFFERENT_FLAGS: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_EXISTS_WITH_DIFFERENT_USER_DATA_128: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_EXISTS_WITH_DIFFERENT_USER_DATA_64: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_EXISTS_WITH_DIFFERENT_USER_DATA_32: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_EXISTS_WITH_DIFFERENT_LEDGER: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_EXISTS_WITH_DIFFERENT_CODE: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_EXISTS: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_IMPORTED_EVENT_EXPECTED: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_IMPORTED_EVENT_NOT_EXPECTED: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_CODE_BELONGS_TO_A_DOMAIN: _ClassVar[CreateAccountStatus]
    CREATE_ACCOUNT_STATUS_CREATED: _ClassVar[CreateAccountStatus]

class CreateTransferStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CREATE_TRANSFER_STATUS_UNSPECIFIED: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_LINKED_EVENT_FAILED: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_LINKED_EVENT_CHAIN_OPEN: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_TIMESTAMP_MUST_BE_ZERO: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_RESERVED_FLAG: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_ID_MUST_NOT_BE_ZERO: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_ID_MUST_NOT_BE_INT_MAX: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_FLAGS_ARE_MUTUALLY_EXCLUSIVE: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_ACCOUNTS_MUST_BE_DIFFERENT: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_ID_MUST_BE_ZERO: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_ID_MUST_NOT_BE_ZERO: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_ID_MUST_NOT_BE_INT_MAX: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_ID_MUST_BE_DIFFERENT: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_TIMEOUT_RESERVED_FOR_PENDING_TRANSFER: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_LEDGER_MUST_NOT_BE_ZERO: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_CODE_MUST_NOT_BE_ZERO: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_DEBIT_ACCOUNT_NOT_FOUND: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_CREDIT_ACCOUNT_NOT_FOUND: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_TRANSFER_NOT_FOUND: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_TRANSFER_NOT_PENDING: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_TRANSFER_HAS_DIFFERENT_LEDGER: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_TRANSFER_HAS_DIFFERENT_CODE: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXCEEDS_PENDING_TRANSFER_AMOUNT: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_TRANSFER_ALREADY_POSTED: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_TRANSFER_ALREADY_VOIDED: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_PENDING_TRANSFER_EXPIRED: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_FLAGS: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_AMOUNT: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_PENDING_ID: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_USER_DATA_128: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_USER_DATA_64: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_USER_DATA_32: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_TIMEOUT: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_CODE: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXISTS: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_OVERFLOWS_DEBITS_PENDING: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_OVERFLOWS_CREDITS_PENDING: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_OVERFLOWS_DEBITS_POSTED: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_OVERFLOWS_CREDITS_POSTED: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_OVERFLOWS_DEBITS: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_OVERFLOWS_CREDITS: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_OVERFLOWS_TIMEOUT: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXCEEDS_CREDITS: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXCEEDS_DEBITS: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_IMPORTED_EVENT_EXPECTED: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_IMPORTED_EVENT_NOT_EXPECTED: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_CLOSING_TRANSFER_MUST_BE_PENDING: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_DEBIT_ACCOUNT_ALREADY_CLOSED: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_CREDIT_ACCOUNT_ALREADY_CLOSED: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_LEDGER: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_ID_ALREADY_FAILED: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_ID_MUST_NOT_BE_IN_THE_FUTURE: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_DEBIT_ACCOUNT_BELONGS_TO_A_DOMAIN: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_CREDIT_ACCOUNT_BELONGS_TO_A_DOMAIN: _ClassVar[CreateTransferStatus]
    CREATE_TRANSFER_STATUS_CREATED: _ClassVar[CreateTransferStatus]
ACCOUNT_FLAG_UNSPECIFIED: AccountFlag
ACCOUNT_FLAG_LINKED: AccountFlag
ACCOUNT_FLAG_DEBITS_MUST_NOT_EXCEED_CREDITS: AccountFlag
ACCOUNT_FLAG_CREDITS_MUST_NOT_EXCEED_DEBITS: AccountFlag
ACCOUNT_FLAG_HISTORY: AccountFlag
ACCOUNT_FLAG_IMPORTED: AccountFlag
ACCOUNT_FLAG_CLOSED: AccountFlag
TRANSFER_FLAG_UNSPECIFIED: TransferFlag
TRANSFER_FLAG_LINKED: TransferFlag
TRANSFER_FLAG_PENDING: TransferFlag
TRANSFER_FLAG_POST_PENDING_TRANSFER: TransferFlag
TRANSFER_FLAG_VOID_PENDING_TRANSFER: TransferFlag
TRANSFER_FLAG_BALANCING_DEBIT: TransferFlag
TRANSFER_FLAG_BALANCING_CREDIT: TransferFlag
TRANSFER_FLAG_CLOSING_DEBIT: TransferFlag
TRANSFER_FLAG_CLOSING_CREDIT: TransferFlag
TRANSFER_FLAG_IMPORTED: TransferFlag
CREATE_ACCOUNT_STATUS_UNSPECIFIED: CreateAccountStatus
CREATE_ACCOUNT_STATUS_LINKED_EVENT_FAILED: CreateAccountStatus
CREATE_ACCOUNT_STATUS_LINKED_EVENT_CHAIN_OPEN: CreateAccountStatus
CREATE_ACCOUNT_STATUS_TIMESTAMP_MUST_BE_ZERO: CreateAccountStatus
CREATE_ACCOUNT_STATUS_RESERVED_FIELD: CreateAccountStatus
CREATE_ACCOUNT_STATUS_RESERVED_FLAG: CreateAccountStatus
CREATE_ACCOUNT_STATUS_ID_MUST_NOT_BE_ZERO: CreateAccountStatus
CREATE_ACCOUNT_STATUS_ID_MUST_NOT_BE_INT_MAX: CreateAccountStatus
CREATE_ACCOUNT_STATUS_FLAGS_ARE_MUTUALLY_EXCLUSIVE: CreateAccountStatus
CREATE_ACCOUNT_STATUS_DEBITS_PENDING_MUST_BE_ZERO: CreateAccountStatus
CREATE_ACCOUNT_STATUS_DEBITS_POSTED_MUST_BE_ZERO: CreateAccountStatus
CREATE_ACCOUNT_STATUS_CREDITS_PENDING_MUST_BE_ZERO: CreateAccountStatus
CREATE_ACCOUNT_STATUS_CREDITS_POSTED_MUST_BE_ZERO: CreateAccountStatus
CREATE_ACCOUNT_STATUS_LEDGER_MUST_NOT_BE_ZERO: CreateAccountStatus
CREATE_ACCOUNT_STATUS_CODE_MUST_NOT_BE_ZERO: CreateAccountStatus
CREATE_ACCOUNT_STATUS_EXISTS_WITH_DIFFERENT_FLAGS: CreateAccountStatus
CREATE_ACCOUNT_STATUS_EXISTS_WITH_DIFFERENT_USER_DATA_128: CreateAccountStatus
CREATE_ACCOUNT_STATUS_EXISTS_WITH_DIFFERENT_USER_DATA_64: CreateAccountStatus
CREATE_ACCOUNT_STATUS_EXISTS_WITH_DIFFERENT_USER_DATA_32: CreateAccountStatus
CREATE_ACCOUNT_STATUS_EXISTS_WITH_DIFFERENT_LEDGER: CreateAccountStatus
CREATE_ACCOUNT_STATUS_EXISTS_WITH_DIFFERENT_CODE: CreateAccountStatus
CREATE_ACCOUNT_STATUS_EXISTS: CreateAccountStatus
CREATE_ACCOUNT_STATUS_IMPORTED_EVENT_EXPECTED: CreateAccountStatus
CREATE_ACCOUNT_STATUS_IMPORTED_EVENT_NOT_EXPECTED: CreateAccountStatus
CREATE_ACCOUNT_STATUS_IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE: CreateAccountStatus
CREATE_ACCOUNT_STATUS_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE: CreateAccountStatus
CREATE_ACCOUNT_STATUS_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS: CreateAccountStatus
CREATE_ACCOUNT_STATUS_CODE_BELONGS_TO_A_DOMAIN: CreateAccountStatus
CREATE_ACCOUNT_STATUS_CREATED: CreateAccountStatus
CREATE_TRANSFER_STATUS_UNSPECIFIED: CreateTransferStatus
CREATE_TRANSFER_STATUS_LINKED_EVENT_FAILED: CreateTransferStatus
CREATE_TRANSFER_STATUS_LINKED_EVENT_CHAIN_OPEN: CreateTransferStatus
CREATE_TRANSFER_STATUS_TIMESTAMP_MUST_BE_ZERO: CreateTransferStatus
CREATE_TRANSFER_STATUS_RESERVED_FLAG: CreateTransferStatus
CREATE_TRANSFER_STATUS_ID_MUST_NOT_BE_ZERO: CreateTransferStatus
CREATE_TRANSFER_STATUS_ID_MUST_NOT_BE_INT_MAX: CreateTransferStatus
CREATE_TRANSFER_STATUS_FLAGS_ARE_MUTUALLY_EXCLUSIVE: CreateTransferStatus
CREATE_TRANSFER_STATUS_DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO: CreateTransferStatus
CREATE_TRANSFER_STATUS_DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX: CreateTransferStatus
CREATE_TRANSFER_STATUS_CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO: CreateTransferStatus
CREATE_TRANSFER_STATUS_CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX: CreateTransferStatus
CREATE_TRANSFER_STATUS_ACCOUNTS_MUST_BE_DIFFERENT: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_ID_MUST_BE_ZERO: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_ID_MUST_NOT_BE_ZERO: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_ID_MUST_NOT_BE_INT_MAX: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_ID_MUST_BE_DIFFERENT: CreateTransferStatus
CREATE_TRANSFER_STATUS_TIMEOUT_RESERVED_FOR_PENDING_TRANSFER: CreateTransferStatus
CREATE_TRANSFER_STATUS_LEDGER_MUST_NOT_BE_ZERO: CreateTransferStatus
CREATE_TRANSFER_STATUS_CODE_MUST_NOT_BE_ZERO: CreateTransferStatus
CREATE_TRANSFER_STATUS_DEBIT_ACCOUNT_NOT_FOUND: CreateTransferStatus
CREATE_TRANSFER_STATUS_CREDIT_ACCOUNT_NOT_FOUND: CreateTransferStatus
CREATE_TRANSFER_STATUS_ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER: CreateTransferStatus
CREATE_TRANSFER_STATUS_TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_TRANSFER_NOT_FOUND: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_TRANSFER_NOT_PENDING: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_TRANSFER_HAS_DIFFERENT_LEDGER: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_TRANSFER_HAS_DIFFERENT_CODE: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXCEEDS_PENDING_TRANSFER_AMOUNT: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_TRANSFER_ALREADY_POSTED: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_TRANSFER_ALREADY_VOIDED: CreateTransferStatus
CREATE_TRANSFER_STATUS_PENDING_TRANSFER_EXPIRED: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_FLAGS: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_AMOUNT: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_PENDING_ID: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_USER_DATA_128: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_USER_DATA_64: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_USER_DATA_32: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_TIMEOUT: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_CODE: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXISTS: CreateTransferStatus
CREATE_TRANSFER_STATUS_OVERFLOWS_DEBITS_PENDING: CreateTransferStatus
CREATE_TRANSFER_STATUS_OVERFLOWS_CREDITS_PENDING: CreateTransferStatus
CREATE_TRANSFER_STATUS_OVERFLOWS_DEBITS_POSTED: CreateTransferStatus
CREATE_TRANSFER_STATUS_OVERFLOWS_CREDITS_POSTED: CreateTransferStatus
CREATE_TRANSFER_STATUS_OVERFLOWS_DEBITS: CreateTransferStatus
CREATE_TRANSFER_STATUS_OVERFLOWS_CREDITS: CreateTransferStatus
CREATE_TRANSFER_STATUS_OVERFLOWS_TIMEOUT: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXCEEDS_CREDITS: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXCEEDS_DEBITS: CreateTransferStatus
CREATE_TRANSFER_STATUS_IMPORTED_EVENT_EXPECTED: CreateTransferStatus
CREATE_TRANSFER_STATUS_IMPORTED_EVENT_NOT_EXPECTED: CreateTransferStatus
CREATE_TRANSFER_STATUS_IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE: CreateTransferStatus
CREATE_TRANSFER_STATUS_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE: CreateTransferStatus
CREATE_TRANSFER_STATUS_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS: CreateTransferStatus
CREATE_TRANSFER_STATUS_IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT: CreateTransferStatus
CREATE_TRANSFER_STATUS_IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT: CreateTransferStatus
CREATE_TRANSFER_STATUS_IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO: CreateTransferStatus
CREATE_TRANSFER_STATUS_CLOSING_TRANSFER_MUST_BE_PENDING: CreateTransferStatus
CREATE_TRANSFER_STATUS_DEBIT_ACCOUNT_ALREADY_CLOSED: CreateTransferStatus
CREATE_TRANSFER_STATUS_CREDIT_ACCOUNT_ALREADY_CLOSED: CreateTransferStatus
CREATE_TRANSFER_STATUS_EXISTS_WITH_DIFFERENT_LEDGER: CreateTransferStatus
CREATE_TRANSFER_STATUS_ID_ALREADY_FAILED: CreateTransferStatus
CREATE_TRANSFER_STATUS_ID_MUST_NOT_BE_IN_THE_FUTURE: CreateTransferStatus
CREATE_TRANSFER_STATUS_DEBIT_ACCOUNT_BELONGS_TO_A_DOMAIN: CreateTransferStatus
CREATE_TRANSFER_STATUS_CREDIT_ACCOUNT_BELONGS_TO_A_DOMAIN: CreateTransferStatus
CREATE_TRANSFER_STATUS_CREATED: CreateTransferStatus

class Uint128(_message.Message):
    __slots__ = ("low", "high")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    low: int
    high: int
    def __init__(self, low: _Optional[int] = ..., high: _Optional[int] = ...) -> None: ...

class Account(_message.Message):
    __slots__ = ("id", "debits_pending", "debits_posted", "credits_pending", "credits_posted", "user_data_128", "user_data_64", "user_data_32", "ledger", "code", "flags", "timestamp")
    ID_FIELD_NUMBER: _ClassVar[int]
    DEBITS_PENDING_FIELD_NUMBER: _ClassVar[int]
    DEBITS_POSTED_FIELD_NUMBER: _ClassVar[int]
    CREDITS_PENDING_FIELD_NUMBER: _ClassVar[int]
    CREDITS_POSTED_FIELD_NUMBER: _ClassVar[int]
    USER_DATA_128_FIELD_NUMBER: _ClassVar[int]
    USER_DATA_64_FIELD_NUMBER: _ClassVar[int]
    USER_DATA_32_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    id: Uint128
    debits_pending: Uint128
    debits_posted: Uint128
    credits_pending: Uint128
    credits_posted: Uint128
    user_data_128: Uint128
    user_data_64: int
    user_data_32: int
    ledger: int
    code: int
    flags: int
    timestamp: int
    def __init__(self, id: _Optional[_Union[Uint128, _Mapping]] = ..., debits_pending: _Optional[_Union[Uint128, _Mapping]] = ..., debits_posted: _Optional[_Union[Uint128, _Mapping]] = ..., credits_pending: _Optional[_Union[Uint128, _Mapping]] = ..., credits_posted: _Optional[_Union[Uint128, _Mapping]] = ..., user_data_128: _Optional[_Union[Uint128, _Mapping]] = ..., user_data_64: _Optional[int] = ..., user_data_32: _Optional[int] = ..., ledger: _Optional[int] = ..., code: _Optional[int] = ..., flags: _Optional[int] = ..., timestamp: _Optional[int] = ...) -> None: ...

class Transfer(_message.Message):
    __slots__ = ("id", "debit_account_id", "credit_account_id", "amount", "pending_id", "user_data_128", "user_data_64", "user_data_32", "timeout", "ledger", "code", "flags", "timestamp")
    ID_FIELD_NUMBER: _ClassVar[int]
    DEBIT_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    CREDIT_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    PENDING_ID_FIELD_NUMBER: _ClassVar[int]
    USER_DATA_128_FIELD_NUMBER: _ClassVar[int]
    USER_DATA_64_FIELD_NUMBER: _ClassVar[int]
    USER_DATA_32_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    id: Uint128
    debit_account_id: Uint128
    credit_account_id: Uint128
    amount: Uint128
    pending_id: Uint128
    user_data_128: Uint128
    user_data_64: int
    user_data_32: int
    timeout: int
    ledger: int
    code: int
    flags: int
    timestamp: int
    def __init__(self, id: _Optional[_Union[Uint128, _Mapping]] = ..., debit_account_id: _Optional[_Union[Uint128, _Mapping]] = ..., credit_account_id: _Optional[_Union[Uint128, _Mapping]] = ..., amount: _Optional[_Union[Uint128, _Mapping]] = ..., pending_id: _Optional[_Union[Uint128, _Mapping]] = ..., user_data_128: _Optional[_Union[Uint128, _Mapping]] = ..., user_data_64: _Optional[int] = ..., user_data_32: _Optional[int] = ..., timeout: _Optional[int] = ..., ledger: _Optional[int] = ..., code: _Optional[int] = ..., flags: _Optional[int] = ..., timestamp: _Optional[int] = ...) -> None: ...

class CreateAccountResult(_message.Message):
    __slots__ = ("timestamp", "status")
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    timestamp: int
    status: CreateAccountStatus
    def __init__(self, timestamp: _Optional[int] = ..., status: _Optional[_Union[CreateAccountStatus, str]] = ...) -> None: ...

class CreateTransferResult(_message.Message):
    __slots__ = ("timestamp", "status")
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    timestamp: int
    status: CreateTransferStatus
    def __init__(self, timestamp: _Optional[int] = ..., status: _Optional[_Union[CreateTransferStatus, str]] = ...) -> None: ...

class CreateAccountsRequest(_message.Message):
    __slots__ = ("accounts",)
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    accounts: _containers.RepeatedCompositeFieldContainer[Account]
    def __init__(self, accounts: _Optional[_Iterable[_Union[Account, _Mapping]]] = ...) -> None: ...

class CreateAccountsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[CreateAccountResult]
    def __init__(self, results: _Optional[_Iterable[_Union[CreateAccountResult, _Mapping]]] = ...) -> None: ...

class CreateTransfersRequest(_message.Message):
    __slots__ = ("transfers",)
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[Transfer]
    def __init__(self, transfers: _Optional[_Iterable[_Union[Transfer, _Mapping]]] = ...) -> None: ...

class CreateTransfersResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[CreateTransferResult]
    def __init__(self, results: _Optional[_Iterable[_Union[CreateTransferResult, _Mapping]]] = ...) -> None: ...

class StreamTransfersRequest(_message.Message):
    __slots__ = ("transfers",)
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[Transfer]
    def __init__(self, transfers: _Optional[_Iterable[_Union[Transfer, _Mapping]]] = ...) -> None: ...

class StreamTransfersResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[CreateTransferResult]
    def __init__(self, results: _Optional[_Iterable[_Union[CreateTransferResult, _Mapping]]] = ...) -> None: ...

class LookupAccountsRequest(_message.Message):
    __slots__ = ("ids",)
    IDS_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedCompositeFieldContainer[Uint128]
    def __init__(self, ids: _Optional[_Iterable[_Union[Uint128, _Mapping]]] = ...) -> None: ...

class LookupAccountsResponse(_message.Message):
    __slots__ = ("accounts",)
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    accounts: _containers.RepeatedCompositeFieldContainer[Account]
    def __init__(self, accounts: _Optional[_Iterable[_Union[Account, _Mapping]]] = ...) -> None: ...

class LookupTransfersRequest(_message.Message):
    __slots__ = ("ids",)
    IDS_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedCompositeFieldContainer[Uint128]
    def __init__(self, ids: _Optional[_Iterable[_Union[Uint128, _Mapping]]] = ...) -> None: ...

class LookupTransfersResponse(_message.Message):
    __slots__ = ("transfers",)
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[Transfer]
    def __init__(self, transfers: _Optional[_Iterable[_Union[Transfer, _Mapping]]] = ...) -> None: ...

class AccountFilter(_message.Message):
    __slots__ = ("account_id", "user_data_128", "user_data_64", "user_data_32", "code", "timestamp_min", "timestamp_max", "limit", "exclude_debits", "exclude_credits", "reversed")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_DATA_128_FIELD_NUMBER: _ClassVar[int]
    USER_DATA_64_FIELD_NUMBER: _ClassVar[int]
    USER_DATA_32_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MIN_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MAX_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_DEBITS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_CREDITS_FIELD_NUMBER: _ClassVar[int]
    REVERSED_FIELD_NUMBER: _ClassVar[int]
    account_id: Uint128
    user_data_128: Uint128
    user_data_64: int
    user_data_32: int
    code: int
    timestamp_min: int
    timestamp_max: int
    limit: int
    exclude_debits: bool
    exclude_credits: bool
    reversed: bool
    def __init__(self, account_id: _Optional[_Union[Uint128, _Mapping]] = ..., user_data_128: _Optional[_Union[Uint128, _Mapping]] = ..., user_data_64: _Optional[int] = ..., user_data_32: _Optional[int] = ..., code: _Optional[int] = ..., timestamp_min: _Optional[int] = ..., timestamp_max: _Optional[int] = ..., limit: _Optional[int] = ..., exclude_debits: bool = ..., exclude_credits: bool = ..., reversed: bool = ...) -> None: ...

class GetAccountTransfersRequest(_message.Message):
    __slots__ = ("filter",)
    FILTER_FIELD_NUMBER: _ClassVar[int]
    filter: AccountFilter
    def __init__(self, filter: _Optional[_Union[AccountFilter, _Mapping]] = ...) -> None: ...

class GetAccountTransfersResponse(_message.Message):
    __slots__ = ("transfers",)
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[Transfer]
    def __init__(self, transfers: _Optional[_Iterable[_Union[Transfer, _Mapping]]] = ...) -> None: ...

class GetAccountBalancesRequest(_message.Message):
    __slots__ = ("filter",)
    FILTER_FIELD_NUMBER: _ClassVar[int]
    filter: AccountFilter
    def __init__(self, filter: _Optional[_Union[AccountFilter, _Mapping]] = ...) -> None: ...

class AccountBalance(_message.Message):
    __slots__ = ("debits_pending", "debits_posted", "credits_pending", "credits_posted", "timestamp")
    DEBITS_PENDING_FIELD_NUMBER: _ClassVar[int]
    DEBITS_POSTED_FIELD_NUMBER: _ClassVar[int]
    CREDITS_PENDING_FIELD_NUMBER: _ClassVar[int]
    CREDITS_POSTED_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    debits_pending: Uint128
    debits_posted: Uint128
    credits_pending: Uint128
    credits_posted: Uint128
    timestamp: int
    def __init__(self, debits_pending: _Optional[_Union[Uint128, _Mapping]] = ..., debits_posted: _Optional[_Union[Uint128, _Mapping]] = ..., credits_pending: _Optional[_Union[Uint128, _Mapping]] = ..., credits_posted: _Optional[_Union[Uint128, _Mapping]] = ..., timestamp: _Optional[int] = ...) -> None: ...

class GetAccountBalancesResponse(_message.Message):
    __slots__ = ("balances",)
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    balances: _containers.RepeatedCompositeFieldContainer[AccountBalance]
    def __init__(self, balances: _Optional[_Iterable[_Union[AccountBalance, _Mapping]]] = ...) -> None: ...

class GetTrialBalanceRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LedgerTotals(_message.Message):
    __slots__ = ("ledger", "accounts", "debits_pending", "debits_posted", "credits_pending", "credits_posted")
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    DEBITS_PENDING_FIELD_NUMBER: _ClassVar[int]
    DEBITS_POSTED_FIELD_NUMBER: _ClassVar[int]
    CREDITS_PENDING_FIELD_NUMBER: _ClassVar[int]
    CREDITS_POSTED_FIELD_NUMBER: _ClassVar[int]
    ledger: int
    accounts: int
    debits_pending: str
    debits_posted: str
    credits_pending: str
    credits_posted: str
    def __init__(self, ledger: _Optional[int] = ..., accounts: _Optional[int] = ..., debits_pending: _Optional[str] = ..., debits_posted: _Optional[str] = ..., credits_pending: _Optional[str] = ..., credits_posted: _Optional[str] = ...) -> None: ...

class GetTrialBalanceResponse(_message.Message):
    __slots__ = ("ledgers", "balanced")
    LEDGERS_FIELD_NUMBER: _ClassVar[int]
    BALANCED_FIELD_NUMBER: _ClassVar[int]
    ledgers: _containers.RepeatedCompositeFieldContainer[LedgerTotals]
    balanced: bool
    def __init__(self, ledgers: _Optional[_Iterable[_Union[LedgerTotals, _Mapping]]] = ..., balanced: bool = ...) -> None: ...
