//! The same id again.

pub const PLAIN: &str = "
account 1 | created
account 2 | created

hold 10: 1 -> 2 100 timeout=60 data128=7 data64=8 data32=9 | created

transfer 10: 9 -> 9 9 pending_id=9 ledger=9 code=9                         | exists_with_different_flags
hold 10: 9 -> 9 9 pending_id=9 timeout=9 ledger=9 code=9                   | exists_with_different_pending_id
hold 10: 9 -> 9 9 timeout=9 ledger=9 code=9                                | exists_with_different_timeout
hold 10: 9 -> 9 9 timeout=60 ledger=9 code=9                               | exists_with_different_debit_account_id
hold 10: 1 -> 9 9 timeout=60 ledger=9 code=9                               | exists_with_different_credit_account_id
hold 10: 1 -> 2 9 timeout=60 ledger=9 code=9                               | exists_with_different_amount
hold 10: 1 -> 2 100 timeout=60 ledger=9 code=9                             | exists_with_different_user_data_128
hold 10: 1 -> 2 100 timeout=60 ledger=9 code=9 data128=7                   | exists_with_different_user_data_64
hold 10: 1 -> 2 100 timeout=60 ledger=9 code=9 data128=7 data64=8          | exists_with_different_user_data_32
hold 10: 1 -> 2 100 timeout=60 ledger=9 code=9 data128=7 data64=8 data32=9 | exists_with_different_ledger
hold 10: 1 -> 2 100 timeout=60 code=9 data128=7 data64=8 data32=9          | exists_with_different_code
hold 10: 1 -> 2 100 timeout=60 data128=7 data64=8 data32=9                 | exists

# Whatever became of it.
void 11: 10                                                | created
hold 10: 1 -> 2 100 timeout=60 data128=7 data64=8 data32=9 | exists | 1: 0+0 / 0+0

transfer 20: 1 -> 2 1 | created
transfer 21: 1 -> 2 1 | created
transfer 22: 1 -> 2 1 | created
transfer 23: 1 -> 2 1 | created

hold 10: 1 -> 2 100 timeout=60 data128=7 data64=8 data32=9 | exists
hold 10: 1 -> 2 101 timeout=60 data128=7 data64=8 data32=9 | exists_with_different_amount
";

pub const BALANCING: &str = "
account 1 | created
account 2 | created

transfer 10: 1 -> 2 100                 | created
transfer 11: 2 -> 1 500 balancing_debit | created | 2: 0+100 / 0+100

transfer 11: 2 -> 1 500 balancing_debit | exists
transfer 11: 2 -> 1 100 balancing_debit | exists
transfer 11: 2 -> 1 max balancing_debit | exists
transfer 11: 2 -> 1 99 balancing_debit  | exists_with_different_amount
transfer 11: 2 -> 1 100                 | exists_with_different_flags
";

pub const POST: &str = "
account 1 | created
account 2 | created

hold 10: 1 -> 2 100 data128=7 data64=8 data32=9 | created
hold 11: 1 -> 2 100 data128=7                   | created
post 20: 10                                     | created
post 21: 11 amount=40 data128=5                 | created | 1: 0+140 / 0+0

void 20: 10                                                              | exists_with_different_flags
post 20: 11                                                              | exists_with_different_pending_id
post 20: 10 timeout=1                                                    | exists_with_different_timeout
post 20: 10 debit=9                                                      | exists_with_different_debit_account_id
post 20: 10 debit=1 credit=9                                             | exists_with_different_credit_account_id
post 20: 10 debit=1 credit=2 amount=99                                   | exists_with_different_amount
post 20: 10 data128=9                                                    | exists_with_different_user_data_128
post 20: 10 data64=9                                                     | exists_with_different_user_data_64
post 20: 10 data32=8                                                     | exists_with_different_user_data_32
post 20: 10 ledger=9                                                     | exists_with_different_ledger
post 20: 10 code=9                                                       | exists_with_different_code
post 20: 10                                                              | exists
post 20: 10 amount=100                                                   | exists
post 20: 10 amount=101                                                   | exists_with_different_amount
post 20: 10 amount=max                                                   | exists
post 20: 10 debit=1 credit=2 ledger=1 code=1 data128=7 data64=8 data32=9 | exists
# A part is that part only.
post 21: 11 amount=40 data128=5                                          | exists
post 21: 11 amount=41 data128=5                                          | exists_with_different_amount
post 21: 11 amount=100 data128=5                                         | exists_with_different_amount
post 21: 11 data128=5                                                    | exists_with_different_amount
post 21: 11 amount=40                                                    | exists_with_different_user_data_128
post 21: 11 amount=40 data128=7                                          | exists_with_different_user_data_128

transfer 30: 1 -> 2 1 | created
transfer 31: 1 -> 2 1 | created
transfer 32: 1 -> 2 1 | created
transfer 33: 1 -> 2 1 | created
transfer 34: 1 -> 2 1 | created

# The same when both have left memory.
post 20: 10                     | exists
post 21: 11 amount=41 data128=5 | exists_with_different_amount
post 21: 11 amount=40 data128=5 | exists
post 21: 10                     | exists_with_different_pending_id
";

pub const VOID: &str = "
account 1 | created
account 2 | created

hold 10: 1 -> 2 100  | created
void 20: 10 data64=4 | created | 1: 0+0 / 0+0

void 20: 10 data64=4            | exists
void 20: 10 data64=4 amount=100 | exists
void 20: 10 data64=4 amount=99  | exists_with_different_amount
void 20: 10 data64=4 amount=max | exists_with_different_amount
void 20: 10                     | exists_with_different_user_data_64
";
