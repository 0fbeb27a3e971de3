//! Two-phase transfers.

pub const POST_AND_VOID: &str = "
account 1 | created
account 2 | created
account 3 | created

hold 10: 1 -> 2 15 data128=7 data64=8 data32=9 | created
hold 11: 1 -> 2 20                             | created
hold 12: 3 -> 2 0                              | created | 1: 35+0 / 0+0, 2: 0+0 / 35+0

post 20: 10 | created | 1: 20+15 / 0+0, 2: 0+0 / 20+15
void 21: 11 | created | 1: 0+15 / 0+0
post 22: 10 | pending_transfer_already_posted
void 23: 11 | pending_transfer_already_voided

void 24: 11         | pending_transfer_already_voided | 1: 0+15 / 0+0
post 25: 12         | created | 3: 0+0 / 0+0
hold 13: 1 -> 2 100 | created
hold 14: 1 -> 2 100 | created
hold 15: 1 -> 2 100 | created

# A part, nothing, all by its amount; what is said again of the hold is checked.
post 26: 13 amount=60 debit=1 credit=2 ledger=1 code=1 | created | 1: 200+75 / 0+0
post 27: 14 amount=0                                   | created | 1: 100+75 / 0+0
void 28: 15 amount=100 data32=3                        | created | 1: 0+75 / 0+0, 2: 0+0 / 0+75
post 29: 13                                            | pending_transfer_already_posted
void 30: 14                                            | pending_transfer_already_posted

post 29: 13 | pending_transfer_already_posted
";

/// Guards in the order of precedence: each row repairs what the row before was refused for.
pub const INVALID: &str = "
account 1 | created
account 2 | created

hold 10: 1 -> 2 15    | created
transfer 11: 1 -> 2 5 | created

post 20: 0 and_void timeout=1                          | flags_are_mutually_exclusive
post 20: 0 pending timeout=1                           | flags_are_mutually_exclusive
void 20: 0 balancing_debit timeout=1                   | flags_are_mutually_exclusive
void 20: 0 balancing_credit timeout=1                  | flags_are_mutually_exclusive
post 20: 0 closing_debit timeout=1                     | flags_are_mutually_exclusive
post 20: 0 closing_credit timeout=1                    | flags_are_mutually_exclusive
post 20: 0 timeout=1                                   | pending_id_must_not_be_zero
post 20: max timeout=1                                 | pending_id_must_not_be_int_max
post 20: 20 timeout=1                                  | pending_id_must_be_different
post 20: 99 timeout=1                                  | timeout_reserved_for_pending_transfer
post 21: 99                                            | pending_transfer_not_found
post 20: 11 debit=9 credit=9 ledger=9 code=9 amount=99 | pending_transfer_not_pending
post 20: 10 debit=9 credit=9 ledger=9 code=9 amount=99 | pending_transfer_has_different_debit_account_id
post 20: 10 debit=1 credit=9 ledger=9 code=9 amount=99 | pending_transfer_has_different_credit_account_id
post 20: 10 credit=2 ledger=9 code=9 amount=99         | pending_transfer_has_different_ledger
post 20: 10 ledger=1 code=9 amount=99                  | pending_transfer_has_different_code
post 20: 10 code=1 amount=99                           | exceeds_pending_transfer_amount
post 20: 10 amount=16                                  | exceeds_pending_transfer_amount
void 20: 10 amount=16                                  | exceeds_pending_transfer_amount
void 20: 10 amount=14                                  | pending_transfer_has_different_amount
void 20: 10 amount=max                                 | exceeds_pending_transfer_amount
void 20: 10 amount=15                                  | created | 1: 0+5 / 0+0
# The amount is judged before what became of the hold.
post 22: 10 amount=16                                  | exceeds_pending_transfer_amount
post 22: 10                                            | pending_transfer_already_voided
";

/// A hold expires at its timestamp plus its timeout, to the nanosecond; the first event here is at 1,000,000,002,000.
pub const EXPIRY: &str = "
account 1 | created
account 2 | created

hold 10: 1 -> 2 15 timeout=1 | created
hold 11: 1 -> 2 20 timeout=2 | created
hold 12: 1 -> 2 40           | created | 1: 75+0 / 0+0

# 10 is of 1,000,000,001,000, so this is one nanosecond before it expires.
after 999998999ns
transfer 20: 1 -> 2 0 | created | 1: 75+0 / 0+0

# Here it is gone, before the first event of the batch.
post 21: 10 | pending_transfer_expired | 1: 60+0 / 0+0, 2: 0+0 / 60+0
void 22: 10 | pending_transfer_expired

after 1s
post 23: 10 | pending_transfer_expired
post 24: 11 | pending_transfer_expired | 1: 40+0 / 0+0

after 9000000s
post 25: 12 | created | 1: 0+40 / 0+0
post 24: 11 | pending_transfer_expired
";

/// Holds expire in the order of their expiry, then of their creation.
pub const EXPIRY_ORDER: &str = "
account 1 | created
account 2 | created

hold 10: 1 -> 2 1 timeout=30 | created
hold 11: 1 -> 2 2 timeout=3  | created
hold 12: 1 -> 2 4 timeout=3  | created
hold 13: 1 -> 2 8 timeout=1  | created
hold 14: 1 -> 2 16 timeout=3 | created | 1: 31+0 / 0+0

post 15: 12 | created | 1: 27+4 / 0+0

after 1s
transfer 20: 1 -> 2 0 | created | 1: 19+4 / 0+0

after 2s
transfer 22: 1 -> 2 0 | created | 1: 1+4 / 0+0

after 27s
transfer 23: 1 -> 2 0 | created | 1: 0+4 / 0+0
";
