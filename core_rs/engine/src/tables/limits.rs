//! Limits of accounts and of numbers.

pub const LIMITS: &str = "
account 1                 | created
account 2 debits<=credits | created
account 3 credits<=debits | created

transfer 10: 2 -> 1 1 | exceeds_credits
transfer 11: 1 -> 3 1 | exceeds_debits
transfer 12: 2 -> 3 1 | exceeds_credits
transfer 13: 2 -> 3 0 | created

transfer 14: 1 -> 2 10 | created
transfer 15: 3 -> 1 10 | created
transfer 16: 2 -> 3 11 | exceeds_credits
hold 17: 2 -> 3 4      | created | 2: 4+0 / 0+10, 3: 0+10 / 4+0
transfer 18: 2 -> 3 7  | exceeds_credits
transfer 19: 2 -> 3 6  | created | 2: 4+6 / 0+10, 3: 0+10 / 4+6
transfer 20: 2 -> 3 1  | exceeds_credits
transfer 21: 1 -> 3 1  | exceeds_debits

# Posting a part frees the rest.
post 22: 17 amount=1  | created | 2: 0+7 / 0+10, 3: 0+10 / 0+7
transfer 23: 2 -> 3 3 | created | 2: 0+10 / 0+10
";

pub const OVERFLOWS: &str = "
account 1 | created
account 2 | created
account 3 | created

transfer 10: 1 -> 2 max | created | 1: 0+max / 0+0, 2: 0+0 / 0+max
transfer 11: 1 -> 2 1   | overflows_debits_posted
transfer 12: 3 -> 2 1   | overflows_credits_posted
transfer 13: 1 -> 2 0   | created
transfer 14: 2 -> 1 max | created | 1: 0+max / 0+max
transfer 15: 2 -> 1 max | overflows_debits_posted
# These do not depend on time, so the id is free.
transfer 11: 1 -> 3 0   | created
";

pub const OVERFLOWS_OF_HOLDS: &str = "
account 1 | created
account 2 | created
account 3 | created
account 4 | created

hold 10: 1 -> 2 max   | created | 1: max+0 / 0+0, 2: 0+0 / max+0
hold 11: 1 -> 2 1     | overflows_debits_pending
hold 12: 3 -> 2 1     | overflows_credits_pending
transfer 13: 1 -> 3 1 | overflows_debits
transfer 14: 3 -> 2 1 | overflows_credits

void 15: 10               | created | 1: 0+0 / 0+0
transfer 16: 1 -> 2 max-1 | created
hold 17: 1 -> 3 2         | overflows_debits_posted
hold 18: 1 -> 3 1         | created
hold 19: 1 -> 3 1         | overflows_debits
hold 20: 4 -> 2 2         | overflows_credits_posted
hold 21: 4 -> 2 1         | created
hold 22: 4 -> 2 1         | overflows_credits
post 23: 18               | created | 1: 0+max / 0+0
post 24: 21               | created | 2: 0+0 / 0+max
";

/// A time is at most 2^63 - 1 nanoseconds.
pub const OVERFLOWS_TIMEOUT: &str = "
account 1 | created
account 2 | created

after 8000000000s
hold 10: 1 -> 2 1 timeout=4294967295 | overflows_timeout
hold 10: 1 -> 2 1 timeout=1223371037 | overflows_timeout
hold 10: 1 -> 2 1 timeout=1223371036 | created | 1: 1+0 / 0+0
";
