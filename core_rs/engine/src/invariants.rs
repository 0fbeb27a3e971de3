//! What must always be true of the books.

use crate::account::{Account, account_flags};
use crate::ledger::Ledger;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::fmt;

/// The first invariant found broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvariantError {
    /// A ledger's debits differ from its credits.
    LedgerNotBalanced {
        /// The ledger.
        ledger: u32,
    },
    /// An account passed a limit its flags set.
    LimitExceeded {
        /// The account.
        account_id: u128,
    },
    /// An account's pending amounts are not the sum of its open holds.
    PendingNotHeld {
        /// The account.
        account_id: u128,
    },
    /// An account's totals do not fit 128 bits.
    TotalsOverflow {
        /// The account.
        account_id: u128,
    },
    /// An account cannot be found by its id, or two accounts share one.
    IndexIncomplete {
        /// The account.
        account_id: u128,
    },
    /// An account is not newer than the one created before it.
    AccountsOutOfOrder {
        /// The account.
        account_id: u128,
    },
    /// The number of open holds is not the one counted.
    OpenHoldsMiscounted,
}

impl fmt::Display for InvariantError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LedgerNotBalanced { ledger } => write!(formatter, "ledger {ledger}: debits differ from credits"),
            Self::LimitExceeded { account_id } => write!(formatter, "account {account_id:#x} passed its limit"),
            Self::PendingNotHeld { account_id } => {
                write!(formatter, "account {account_id:#x}: pending amounts are not the sum of its open holds")
            }
            Self::TotalsOverflow { account_id } => write!(formatter, "account {account_id:#x}: totals overflow"),
            Self::IndexIncomplete { account_id } => write!(formatter, "account {account_id:#x} is not in the index"),
            Self::AccountsOutOfOrder { account_id } => {
                write!(formatter, "account {account_id:#x} is older than the one before it")
            }
            Self::OpenHoldsMiscounted => write!(formatter, "the number of open holds is not the one counted"),
        }
    }
}

impl std::error::Error for InvariantError {}

impl Ledger {
    /// Checks the committed books: debits equal credits in every ledger, no account passed its limit, pending amounts
    /// are the sums of the open holds, every account is found by its id.
    ///
    /// # Errors
    ///
    /// The first invariant that is broken. Then nothing the ledger says can be trusted.
    pub fn check_invariants(&self) -> Result<(), InvariantError> {
        self.check_accounts()?;
        self.check_holds()?;
        match self.trial_balance().iter().find(|totals| !totals.is_balanced()) {
            Some(totals) => Err(InvariantError::LedgerNotBalanced { ledger: totals.ledger }),
            None => Ok(()),
        }
    }

    fn check_accounts(&self) -> Result<(), InvariantError> {
        let mut last_timestamp = 0;
        for position in 0..self.accounts.committed_len() {
            let account = self.accounts.committed(position);
            let account_id = account.id;
            if self.accounts.find(account_id) != Some(position) {
                return Err(InvariantError::IndexIncomplete { account_id });
            }
            if account.timestamp <= last_timestamp {
                return Err(InvariantError::AccountsOutOfOrder { account_id });
            }
            last_timestamp = account.timestamp;
            check_limits(&account)?;
        }
        if self.accounts.index_len() != self.accounts.len() as usize {
            return Err(InvariantError::IndexIncomplete { account_id: 0 });
        }
        Ok(())
    }

    fn check_holds(&self) -> Result<(), InvariantError> {
        let mut pending: HashMap<u32, (u128, u128), FixedState> = HashMap::default();
        let mut open_holds = 0;
        self.for_each_open_hold(|hold, [debit, credit]| {
            open_holds += 1;
            // Sums of holds that the account's own total bounds; a sum that wraps will not match it.
            let held = &mut pending.entry(debit).or_default().0;
            *held = held.wrapping_add(hold.amount);
            let held = &mut pending.entry(credit).or_default().1;
            *held = held.wrapping_add(hold.amount);
        });
        for position in 0..self.accounts.committed_len() {
            let account = self.accounts.committed(position);
            let held = pending.get(&position).copied().unwrap_or_default();
            if held != (account.debits_pending, account.credits_pending) {
                return Err(InvariantError::PendingNotHeld { account_id: account.id });
            }
        }
        if open_holds != self.open_holds_len() {
            return Err(InvariantError::OpenHoldsMiscounted);
        }
        Ok(())
    }
}

/// Checks one account's own numbers.
pub(crate) fn check_limits(account: &Account) -> Result<(), InvariantError> {
    let account_id = account.id;
    let debits = account.debits_pending.checked_add(account.debits_posted);
    let credits = account.credits_pending.checked_add(account.credits_posted);
    let (Some(debits), Some(credits)) = (debits, credits) else {
        return Err(InvariantError::TotalsOverflow { account_id });
    };
    let has = |flags: u16| account.flags & flags != 0;
    if has(account_flags::DEBITS_MUST_NOT_EXCEED_CREDITS) && debits > account.credits_posted
        || has(account_flags::CREDITS_MUST_NOT_EXCEED_DEBITS) && credits > account.debits_posted
    {
        return Err(InvariantError::LimitExceeded { account_id });
    }
    Ok(())
}
