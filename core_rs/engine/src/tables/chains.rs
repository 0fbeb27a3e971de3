//! Linked events succeed or fail together.

pub const CHAINS: &str = "
account 1                 | created
account 2                 | created
account 3 debits<=credits | created

transfer 10: 1 -> 2 1 linked | created
transfer 11: 1 -> 2 2 linked | created
transfer 12: 1 -> 2 4        | created | 1: 0+7 / 0+0
transfer 13: 1 -> 2 8        | created | 1: 0+15 / 0+0

# One bad event takes the chain down, what follows is a new one.
transfer 20: 1 -> 2 16 linked        | linked_event_failed
transfer 21: 1 -> 2 16 linked code=0 | code_must_not_be_zero
transfer 22: 1 -> 2 16 linked        | linked_event_failed
transfer 23: 1 -> 2 16               | linked_event_failed
transfer 24: 1 -> 2 16               | created | 1: 0+31 / 0+0

transfer 30: 1 -> 2 32 linked code=0 | code_must_not_be_zero
transfer 31: 1 -> 2 32               | linked_event_failed
transfer 32: 1 -> 2 32 linked        | linked_event_failed
transfer 33: 1 -> 2 32 ledger=9      | transfer_must_have_the_same_ledger_as_accounts | 1: 0+31 / 0+0

# A chain must end within its request.
transfer 40: 1 -> 2 32 linked | linked_event_failed
transfer 41: 1 -> 2 32 linked | linked_event_chain_open

transfer 42: 1 -> 2 32 linked code=0 | code_must_not_be_zero
transfer 43: 1 -> 2 32 linked        | linked_event_failed
transfer 44: 1 -> 2 32 linked        | linked_event_chain_open

transfer 45: 1 -> 2 32 linked | linked_event_chain_open | 1: 0+31 / 0+0

# Within a chain, an event sees the effects of those before it; afterwards they never were.
transfer 50: 1 -> 3 5 linked | linked_event_failed
transfer 51: 3 -> 1 5 linked | linked_event_failed
transfer 52: 3 -> 1 1        | exceeds_credits | 3: 0+0 / 0+0

transfer 50: 1 -> 3 5 linked | created
transfer 51: 3 -> 1 5        | created | 3: 0+5 / 0+5
# An existing event is not a success.
transfer 53: 1 -> 2 1 linked | linked_event_failed
transfer 50: 1 -> 3 5 linked | exists
transfer 54: 1 -> 2 1        | linked_event_failed
transfer 51: 3 -> 1 5        | exists | 3: 0+5 / 0+5
";

pub const ACCOUNTS: &str = "
account 1 linked | linked_event_failed
account 2 linked | linked_event_failed
account 1 linked | exists
account 3        | linked_event_failed
account 4        | created

account 1 linked | created
account 2        | created
account 5 linked | linked_event_failed
account 6 code=0 | code_must_not_be_zero
account 7 linked | linked_event_chain_open

account 5             | created | 5: 0+0 / 0+0
account 6 linked      | created
account 7             | created
transfer 10: 5 -> 7 1 | created | 7: 0+0 / 0+1
";

pub const HOLDS: &str = "
account 1 | created
account 2 | created

hold 10: 1 -> 2 10 timeout=1 | created
hold 11: 1 -> 2 20 timeout=2 | created | 1: 30+0 / 0+0

# Posting, voiding and holding are taken back, and can be done again.
post 20: 10 linked                       | linked_event_failed
void 21: 11 linked                       | linked_event_failed
hold 12: 1 -> 2 40 timeout=1 linked      | linked_event_failed
post 22: 12 linked                       | linked_event_failed
hold 13: 1 -> 2 40 closing_debit linked  | linked_event_failed
void 23: 13 linked                       | linked_event_failed
hold 14: 1 -> 2 40 closing_credit linked | linked_event_failed
transfer 24: 1 -> 2 1                    | credit_account_already_closed | 1: 30+0 / 0+0, 2: 0+0 / 30+0

post 20: 10 amount=4 linked  | created
void 21: 11 linked           | created
hold 12: 1 -> 2 40 timeout=1 | created | 1: 40+4 / 0+0

after 1s
transfer 30: 1 -> 2 0 | created | 1: 0+4 / 0+0
";

/// Only the id of the event that failed for a passing reason is burnt, not those of its chain.
pub const FAILURES: &str = "
account 1                 | created
account 2 debits<=credits | created

transfer 10: 1 -> 2 1 linked | linked_event_failed
transfer 11: 2 -> 1 5 linked | exceeds_credits
transfer 12: 1 -> 2 1        | linked_event_failed
transfer 10: 1 -> 2 1        | created
transfer 11: 2 -> 1 0        | id_already_failed
transfer 12: 1 -> 2 1        | created
transfer 13: 1 -> 2 1 linked | linked_event_failed
transfer 11: 2 -> 1 0        | id_already_failed
transfer 13: 1 -> 2 1        | created | 2: 0+0 / 0+3
";
