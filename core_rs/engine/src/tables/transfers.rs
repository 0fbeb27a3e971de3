//! Plain transfers.

pub const PLAIN: &str = "
account 1         | created
account 2         | created
account 3 history | created

transfer 10: 1 -> 2 100                 | created | 1: 0+100 / 0+0, 2: 0+0 / 0+100
transfer 11: 2 -> 1 30 data128=5 code=7 | created
transfer 12: 3 -> 1 0                   | created

transfer 13: 3 -> 2 2^64 | created | 3: 0+2^64 / 0+0, 1: 0+100 / 0+30, 2: 0+30 / 0+18446744073709551716
transfer 14: 2 -> 3 2^64 | created | 3: 0+2^64 / 0+2^64
";

/// Guards in the order of precedence: each row repairs what the row before was refused for.
pub const INVALID: &str = "
account 1          | created
account 2          | created
account 3 ledger=2 | created

transfer 0: 0 -> 0 1 flags=65278 timestamp=5                  | timestamp_must_be_zero
transfer 0: 0 -> 0 1 flags=65278                              | reserved_flag
transfer 0: 0 -> 0 1                                          | id_must_not_be_zero
transfer max: 0 -> 0 1                                        | id_must_not_be_int_max
transfer 9: 0 -> 0 1 pending_id=1 timeout=1 ledger=0 code=0   | debit_account_id_must_not_be_zero
transfer 9: max -> 0 1 pending_id=1 timeout=1 ledger=0 code=0 | debit_account_id_must_not_be_int_max
transfer 9: 8 -> 0 1 pending_id=1 timeout=1 ledger=0 code=0   | credit_account_id_must_not_be_zero
transfer 9: 8 -> max 1 pending_id=1 timeout=1 ledger=0 code=0 | credit_account_id_must_not_be_int_max
transfer 9: 8 -> 8 1 pending_id=1 timeout=1 ledger=0 code=0   | accounts_must_be_different
transfer 9: 8 -> 7 1 pending_id=1 timeout=1 ledger=0 code=0   | pending_id_must_be_zero
transfer 9: 8 -> 7 1 closing_debit timeout=1 ledger=0 code=0  | timeout_reserved_for_pending_transfer
transfer 9: 8 -> 7 1 closing_debit ledger=0 code=0            | closing_transfer_must_be_pending
transfer 9: 8 -> 7 1 closing_credit ledger=0 code=0           | closing_transfer_must_be_pending
transfer 9: 8 -> 7 1 ledger=0 code=0                          | ledger_must_not_be_zero
transfer 9: 8 -> 7 1 ledger=9 code=0                          | code_must_not_be_zero
transfer 91: 8 -> 7 1 ledger=9                                | debit_account_not_found
transfer 92: 1 -> 7 1 ledger=9                                | credit_account_not_found
transfer 9: 1 -> 3 1 ledger=9                                 | accounts_must_have_the_same_ledger
transfer 9: 1 -> 2 1 ledger=9                                 | transfer_must_have_the_same_ledger_as_accounts
transfer 9: 1 -> 2 1                                          | created | 1: 0+1 / 0+0, 2: 0+0 / 0+1
";

/// A failure that depends on the state is remembered; one that depends on the event alone is not.
pub const FAILED_FOR_EVER: &str = "
account 1                 | created
account 2 debits<=credits | created

transfer 10: 2 -> 1 5        | exceeds_credits
transfer 10: 2 -> 1 0        | id_already_failed
transfer 11: 1 -> 9 5        | credit_account_not_found
transfer 12: 9 -> 1 5        | debit_account_not_found
post 13: 99                  | pending_transfer_not_found
transfer 14: 1 -> 2 5 code=0 | code_must_not_be_zero

account 9             | created
transfer 20: 1 -> 2 5 | created
transfer 10: 2 -> 1 5 | id_already_failed
transfer 11: 1 -> 9 5 | id_already_failed
transfer 12: 9 -> 1 5 | id_already_failed
transfer 13: 9 -> 1 5 | id_already_failed
transfer 14: 1 -> 2 5 | created
# A failed id can be neither posted nor found.
post 15: 10           | pending_transfer_not_found | 1: 0+10 / 0+0, 9: 0+0 / 0+0

transfer 21: 1 -> 9 1 | created
transfer 22: 1 -> 9 1 | created
transfer 23: 1 -> 9 1 | created
transfer 24: 1 -> 9 1 | created
transfer 10: 2 -> 1 5 | id_already_failed

transfer 25: 1 -> 9 1 | created
transfer 26: 1 -> 9 1 | created
transfer 27: 1 -> 9 1 | created
transfer 28: 1 -> 9 1 | created

transfer 10: 2 -> 1 5 | id_already_failed
transfer 12: 9 -> 1 5 | id_already_failed
post 15: 20           | id_already_failed
transfer 20: 1 -> 2 5 | exists
transfer 14: 1 -> 2 5 | exists
transfer 14: 1 -> 2 6 | exists_with_different_amount
";

/// Ours: an id says when it was made, and that cannot be more than a minute ahead.
pub const FUTURE: &str = "
account 1 | created
account 2 | created

transfer 10: 1 -> 2 1 id_ahead_ms=60000 | created
transfer 11: 1 -> 2 1 id_ahead_ms=60001 | id_must_not_be_in_the_future
transfer max-1: 1 -> 2 1                | id_must_not_be_in_the_future
# The time is judged after the shape of the id, before everything else.
transfer max: 1 -> 2 1                  | id_must_not_be_int_max
post max-1: 0                           | id_must_not_be_in_the_future

after 1ms
transfer 11: 1 -> 2 1 id_ahead_ms=60000 | created | 1: 0+2 / 0+0
";

/// What happens to an id earlier in a request counts later in the same request.
pub const TWICE: &str = "
account 1             | created
account 1             | exists
account 2 code=9      | created
account 2             | exists_with_different_code
transfer 10: 1 -> 3 5 | credit_account_not_found
transfer 10: 1 -> 2 5 | id_already_failed
account 3             | created
transfer 10: 1 -> 3 5 | id_already_failed
transfer 11: 1 -> 3 5 | created
transfer 11: 1 -> 3 5 | exists
hold 12: 1 -> 3 7     | created
post 13: 12           | created
post 13: 12           | exists
post 14: 12           | pending_transfer_already_posted
void 15: 12           | pending_transfer_already_posted | 1: 0+12 / 0+0, 3: 0+0 / 0+12
";

pub const BALANCING: &str = "
account 1                 | created
account 2                 | created
account 3 debits<=credits | created

transfer 10: 1 -> 2 100                | created | 2: 0+0 / 0+100
# 2 has 100: more than that is not moved.
transfer 11: 2 -> 1 30 balancing_debit | created
hold 12: 2 -> 1 20 balancing_debit     | created

transfer 13: 2 -> 1 60 balancing_debit | created | 2: 20+80 / 0+100
transfer 14: 2 -> 1 60 balancing_debit | created | 2: 20+80 / 0+100

# 1 owes 100 - 80 - 20 = 0; another 50 are lent, then paid back at most.
transfer 15: 1 -> 3 50                                   | created
transfer 16: 3 -> 1 max balancing_credit balancing_debit | created | 3: 0+50 / 0+50, 1: 0+150 / 20+130
transfer 17: 3 -> 1 max balancing_credit                 | created | 1: 0+150 / 20+130
transfer 18: 3 -> 1 max balancing_debit                  | created | 3: 0+50 / 0+50
";
