//! Creating accounts.

/// Guards in the order of precedence: each row repairs what the row before was refused for.
pub const CREATE: &str = "
account 0 flags=65518 reserved=1 timestamp=1 | timestamp_must_be_zero
account 0 flags=65518 reserved=1             | reserved_field
account 0 flags=65486                        | reserved_flag

account 0 debits<=credits credits<=debits                                     | id_must_not_be_zero
account max debits<=credits credits<=debits                                   | id_must_not_be_int_max
account 1 debits<=credits credits<=debits debits_pending=1                    | flags_are_mutually_exclusive
account 1 debits_pending=1 debits_posted=1 credits_pending=1 credits_posted=1 | debits_pending_must_be_zero
account 1 debits_posted=1 credits_pending=1 credits_posted=1                  | debits_posted_must_be_zero
account 1 credits_pending=1 credits_posted=1 ledger=0                         | credits_pending_must_be_zero
account 1 credits_posted=1 ledger=0 code=0                                    | credits_posted_must_be_zero
account 1 ledger=0 code=0                                                     | ledger_must_not_be_zero
account 1 code=0                                                              | code_must_not_be_zero
account 1                                                                     | created | 1: 0+0 / 0+0
account max-1 history debits<=credits                                         | created | max-1: 0+0 / 0+0
";

pub const EXISTS: &str = "
account 1 data128=7 data64=8 data32=9 ledger=2 code=3                 | created
account 1 history data128=1 data64=1 data32=1 ledger=1 code=1         | exists_with_different_flags
account 1 data128=1 data64=1 data32=1 ledger=1 code=1                 | exists_with_different_user_data_128
account 1 data128=7 data64=1 data32=1 ledger=1 code=1                 | exists_with_different_user_data_64
account 1 data128=7 data64=8 data32=1 ledger=1 code=1                 | exists_with_different_user_data_32
account 1 data128=7 data64=8 data32=9 ledger=1 code=1                 | exists_with_different_ledger
account 1 data128=7 data64=8 data32=9 ledger=2 code=1                 | exists_with_different_code
account 1 data128=7 data64=8 data32=9 ledger=2 code=3                 | exists
# Existing comes before what is wrong with the event itself.
account 1 data128=7 data64=8 data32=9 ledger=2 code=3 debits_posted=5 | exists

account 1 data128=7 data64=8 data32=9 ledger=2 code=3 | exists
account 1 data128=7 data64=8 data32=9 ledger=2 code=0 | exists_with_different_code
";
