//! Events taken over from another system, with their own times. The first batch is at 1,000,000,000,000.

pub const ACCOUNTS: &str = "
account 1 imported timestamp=100           | created
account 2                                  | imported_event_expected
account 2 imported                         | imported_event_timestamp_out_of_range
account 2 imported timestamp=2^63          | imported_event_timestamp_out_of_range
account 2 imported timestamp=2^63-1        | imported_event_timestamp_must_not_advance
account 2 imported timestamp=1000000000005 | imported_event_timestamp_must_not_advance
account 2 imported timestamp=99            | imported_event_timestamp_must_not_regress
account 2 imported timestamp=100           | imported_event_timestamp_must_not_regress
account 2 imported timestamp=101 code=0    | code_must_not_be_zero
account 2 imported timestamp=101           | created
account 2 imported timestamp=101           | exists
account 2 imported timestamp=102           | exists

account 3                        | created
account 4 imported timestamp=102 | imported_event_not_expected
account 4 timestamp=102          | timestamp_must_be_zero

account 4 imported timestamp=102 | imported_event_timestamp_must_not_regress

# The mode of a request is that of its first event, whatever becomes of it.
account 0 imported timestamp=1 | id_must_not_be_zero
account 5                      | imported_event_expected
";

pub const TRANSFERS: &str = "
account 1 imported timestamp=100 | created
account 2 imported timestamp=200 | created
account 3 imported timestamp=300 | created

transfer 10: 1 -> 2 1 imported                         | imported_event_timestamp_out_of_range
transfer 10: 1 -> 2 1 imported timestamp=2^63          | imported_event_timestamp_out_of_range
transfer 10: 1 -> 2 1 imported timestamp=1000000001002 | imported_event_timestamp_must_not_advance
transfer 10: 1 -> 2 1                                  | imported_event_expected
transfer 10: 2 -> 1 1 imported timestamp=150           | imported_event_timestamp_must_postdate_debit_account
transfer 10: 1 -> 2 1 imported timestamp=150           | imported_event_timestamp_must_postdate_credit_account
transfer 10: 1 -> 2 1 imported timestamp=300           | imported_event_timestamp_must_not_regress
hold 10: 1 -> 2 1 imported timestamp=250 timeout=1     | imported_event_timeout_must_be_zero
hold 10: 1 -> 2 8 imported timestamp=250               | created | 1: 8+0 / 0+0
transfer 11: 1 -> 2 1 imported timestamp=250           | imported_event_timestamp_must_not_regress
transfer 11: 1 -> 2 1 imported timestamp=249           | imported_event_timestamp_must_not_regress
transfer 11: 1 -> 2 1 imported timestamp=251           | created
transfer 11: 1 -> 2 1 imported timestamp=400           | exists
post 12: 10 imported timestamp=251                     | imported_event_timestamp_must_not_regress
post 12: 10 imported timestamp=300                     | imported_event_timestamp_must_not_regress
post 12: 10 imported timestamp=301                     | created | 1: 0+9 / 0+0

# A chain that fails gives its times back.
transfer 20: 1 -> 2 1 imported timestamp=500 linked | linked_event_failed
transfer 21: 1 -> 2 1 imported timestamp=501 code=0 | code_must_not_be_zero
transfer 20: 1 -> 2 1 imported timestamp=302        | created | 1: 0+10 / 0+0

after 5s
transfer 30: 1 -> 2 1                        | created
transfer 31: 1 -> 2 1 imported timestamp=303 | imported_event_not_expected
transfer 32: 1 -> 2 1 timestamp=303          | timestamp_must_be_zero

transfer 31: 1 -> 2 1 imported timestamp=303 | imported_event_timestamp_must_not_regress

# An account is compared with accounts; with a transfer only if it happened at the very same moment.
account 4 imported timestamp=302           | imported_event_timestamp_must_not_regress
account 4 imported timestamp=400           | created
account 5 imported timestamp=400           | imported_event_timestamp_must_not_regress
account 5 imported timestamp=1005000003000 | imported_event_timestamp_must_not_regress
account 5 imported timestamp=1005000002999 | created

transfer 40: 1 -> 2 1 imported timestamp=401 | imported_event_timestamp_must_not_regress
";
