//! Closed accounts.

pub const CLOSING: &str = "
account 1        | created
account 2        | created
account 3 closed | created
account 4        | created

transfer 10: 3 -> 1 1           | debit_account_already_closed
transfer 11: 1 -> 3 1           | credit_account_already_closed
hold 12: 1 -> 2 5               | created
hold 13: 1 -> 2 7 closing_debit | created | 1: 12+0 / 0+0
transfer 14: 1 -> 2 1           | debit_account_already_closed
transfer 15: 2 -> 1 1           | credit_account_already_closed
# A closed account posts nothing, but gives back.
post 16: 12                     | debit_account_already_closed
post 17: 13                     | debit_account_already_closed
void 18: 12                     | created
account 1                       | exists_with_different_flags
account 1 closed                | exists

void 19: 13           | created | 1: 0+0 / 0+0
transfer 20: 1 -> 2 1 | created | 1: 0+1 / 0+0

hold 21: 1 -> 2 1 closing_credit timeout=2     | created
transfer 22: 2 -> 4 1                          | debit_account_already_closed
transfer 23: 1 -> 4 1                          | created
hold 24: 1 -> 4 1 closing_debit closing_credit | created
post 25: 21                                    | debit_account_already_closed
hold 26: 4 -> 2 1                              | debit_account_already_closed

void 27: 24 | created
post 28: 21 | credit_account_already_closed

# Expiring reopens too.
after 2s
transfer 29: 1 -> 2 1 | created | 2: 0+0 / 0+2, 1: 0+3 / 0+0
account 2             | exists
";
