//! The path of one unit: linked chains, the imported mode, timestamps, and one result per event.
//!
//! Precedence: <https://docs.tigerbeetle.com/reference/requests/create_transfers/#result>.

use crate::account::{Account, account_flags};
use crate::batch::Savepoint;
use crate::cold::ColdRecords;
use crate::event::Unit;
use crate::failures::Failure;
use crate::ledger::{Ledger, TIMESTAMP_END};
use crate::status::{CreateAccountStatus, CreateResult, CreateTransferStatus};
use crate::transfer::{Transfer, transfer_flags};

/// The codes both operations share.
const LINKED_EVENT_FAILED: u32 = CreateTransferStatus::LinkedEventFailed.code();
const LINKED_EVENT_CHAIN_OPEN: u32 = CreateTransferStatus::LinkedEventChainOpen.code();
const TIMESTAMP_MUST_BE_ZERO: u32 = CreateTransferStatus::TimestampMustBeZero.code();
const CREATED: u32 = CreateTransferStatus::Created.code();

const _: () = assert!(
    LINKED_EVENT_FAILED == CreateAccountStatus::LinkedEventFailed.code()
        && LINKED_EVENT_CHAIN_OPEN == CreateAccountStatus::LinkedEventChainOpen.code()
        && TIMESTAMP_MUST_BE_ZERO == CreateAccountStatus::TimestampMustBeZero.code()
        && CREATED == CreateAccountStatus::Created.code()
        && account_flags::LINKED == transfer_flags::LINKED
);

/// The codes and the flag that differ by operation.
struct Rules {
    imported_flag: u16,
    /// Not imported, though the unit's first event is.
    imported_event_expected: u32,
    imported_event_not_expected: u32,
    imported_event_timestamp_out_of_range: u32,
    imported_event_timestamp_must_not_advance: u32,
}

const ACCOUNT_RULES: Rules = Rules {
    imported_flag: account_flags::IMPORTED,
    imported_event_expected: CreateAccountStatus::ImportedEventExpected.code(),
    imported_event_not_expected: CreateAccountStatus::ImportedEventNotExpected.code(),
    imported_event_timestamp_out_of_range: CreateAccountStatus::ImportedEventTimestampOutOfRange.code(),
    imported_event_timestamp_must_not_advance: CreateAccountStatus::ImportedEventTimestampMustNotAdvance.code(),
};

const TRANSFER_RULES: Rules = Rules {
    imported_flag: transfer_flags::IMPORTED,
    imported_event_expected: CreateTransferStatus::ImportedEventExpected.code(),
    imported_event_not_expected: CreateTransferStatus::ImportedEventNotExpected.code(),
    imported_event_timestamp_out_of_range: CreateTransferStatus::ImportedEventTimestampOutOfRange.code(),
    imported_event_timestamp_must_not_advance: CreateTransferStatus::ImportedEventTimestampMustNotAdvance.code(),
};

/// What an event carries whatever its operation.
struct Envelope {
    flags: u16,
    timestamp: u64,
}

impl Envelope {
    #[inline]
    fn is_linked(&self) -> bool {
        self.flags & transfer_flags::LINKED != 0
    }

    /// Returns the code of what is wrong with the event's imported flag or timestamp; 0 if nothing is.
    #[inline]
    fn refusal(&self, rules: &Rules, unit_is_imported: bool, assigned_timestamp: u64) -> u32 {
        if (self.flags & rules.imported_flag != 0) != unit_is_imported {
            return if unit_is_imported { rules.imported_event_expected } else { rules.imported_event_not_expected };
        }
        if !unit_is_imported {
            return if self.timestamp == 0 { 0 } else { TIMESTAMP_MUST_BE_ZERO };
        }
        if self.timestamp == 0 || self.timestamp >= TIMESTAMP_END {
            return rules.imported_event_timestamp_out_of_range;
        }
        if self.timestamp >= assigned_timestamp {
            return rules.imported_event_timestamp_must_not_advance;
        }
        0
    }
}

/// Where an event stands in its unit.
struct Standing {
    /// Among the results of the batch.
    event: usize,
    is_last: bool,
    unit_is_imported: bool,
    timestamp: u64,
}

/// A linked chain while its unit is applied.
struct Chain {
    first_event: usize,
    savepoint: Savepoint,
    is_broken: bool,
}

fn is_transient(status: u32) -> bool {
    CreateTransferStatus::from_code(status).is_some_and(CreateTransferStatus::is_transient)
}

impl Ledger {
    /// Applies a unit of accounts.
    pub(crate) fn apply_accounts(&mut self, unit: &Unit<'_>, cold: &ColdRecords<'_>, results: &mut Vec<CreateResult>) {
        let unit_is_imported = unit.record::<Account>(0).flags & account_flags::IMPORTED != 0;
        let mut chain = None;
        for index in 0..unit.len() {
            let account: Account = unit.record(index);
            let envelope = Envelope { flags: account.flags, timestamp: account.timestamp };
            let timestamp = self.next_timestamp();
            let is_last = index + 1 == unit.len();
            let standing = Standing { event: results.len(), is_last, unit_is_imported, timestamp };
            let result = match self.check_envelope(&envelope, &ACCOUNT_RULES, &mut chain, &standing) {
                0 => match self.create_account(&account, timestamp, cold) {
                    Ok(timestamp) => CreateResult { timestamp, status: CREATED, reserved: 0 },
                    Err(status) => self.refused_account(&account, status, timestamp),
                },
                status => CreateResult { timestamp, status, reserved: 0 },
            };
            self.end_event(&envelope, &mut chain, result, results);
        }
    }

    /// Applies a unit of transfers.
    pub(crate) fn apply_transfers(
        &mut self,
        units: &[Unit<'_>],
        unit_index: usize,
        cold: &ColdRecords<'_>,
        results: &mut Vec<CreateResult>,
    ) {
        let unit = &units[unit_index];
        let unit_is_imported = unit.transfer(0).flags & transfer_flags::IMPORTED != 0;
        let mut chain = None;
        for index in 0..unit.len() {
            if self.resolver.is_used_up() {
                self.resolve_block(units, unit_index, index);
            }
            let resolved = self.resolver.take();
            let mut transfer = self.window.staged()[resolved.staged as usize];
            let envelope = Envelope { flags: transfer.flags, timestamp: transfer.timestamp };
            let timestamp = self.next_timestamp();
            let is_last = index + 1 == unit.len();
            let standing = Standing { event: results.len(), is_last, unit_is_imported, timestamp };
            let result = match self.check_envelope(&envelope, &TRANSFER_RULES, &mut chain, &standing) {
                0 => match self.create_transfer(&mut transfer, timestamp, &resolved, cold) {
                    Ok(timestamp) => CreateResult { timestamp, status: CREATED, reserved: 0 },
                    Err(status) => {
                        let timestamp = self.refused_timestamp(&transfer, status, timestamp, cold);
                        CreateResult { timestamp, status: status.code(), reserved: 0 }
                    }
                },
                status => CreateResult { timestamp, status, reserved: 0 },
            };
            self.end_event(&envelope, &mut chain, result, results);
            if result.status != CREATED && is_transient(result.status) {
                self.remember_failure(Failure { id: transfer.id, timestamp });
            }
        }
    }

    #[inline]
    fn next_timestamp(&mut self) -> u64 {
        let timestamp = self.batch.next_timestamp;
        self.batch.next_timestamp += 1;
        timestamp
    }

    /// Returns the code of what is wrong with an event before its fields are looked at; 0 if nothing is.
    #[inline]
    fn check_envelope(
        &mut self,
        envelope: &Envelope,
        rules: &Rules,
        chain: &mut Option<Chain>,
        standing: &Standing,
    ) -> u32 {
        if envelope.is_linked() {
            if chain.is_none() {
                *chain = Some(Chain { first_event: standing.event, savepoint: self.savepoint(), is_broken: false });
            }
            if standing.is_last {
                return LINKED_EVENT_CHAIN_OPEN;
            }
        }
        if chain.as_ref().is_some_and(|chain| chain.is_broken) {
            return LINKED_EVENT_FAILED;
        }
        envelope.refusal(rules, standing.unit_is_imported, standing.timestamp)
    }

    /// Writes an event's result; a failure in a chain takes the chain's earlier events back.
    #[inline]
    fn end_event(
        &mut self,
        envelope: &Envelope,
        chain: &mut Option<Chain>,
        result: CreateResult,
        results: &mut Vec<CreateResult>,
    ) {
        results.push(result);
        if let Some(open) = chain {
            if result.status != CREATED && !open.is_broken {
                self.break_chain(open, results);
            }
            if !envelope.is_linked() {
                *chain = None;
            }
        }
    }

    #[cold]
    fn break_chain(&mut self, chain: &mut Chain, results: &mut [CreateResult]) {
        chain.is_broken = true;
        self.undo_to(&chain.savepoint);
        self.resolver.reset();
        let failing = results.len() - 1;
        // Consecutive events have consecutive timestamps.
        let failing_timestamp = self.batch.next_timestamp - 1;
        for (event, slot) in results.iter_mut().enumerate().take(failing).skip(chain.first_event) {
            let timestamp = failing_timestamp - (failing - event) as u64;
            *slot = CreateResult { timestamp, status: LINKED_EVENT_FAILED, reserved: 0 };
        }
    }

    fn savepoint(&self) -> Savepoint {
        Savepoint {
            sequence: self.window.next_sequence(),
            accounts: self.accounts.len(),
            last_transfer_timestamp: self.position.last_transfer_timestamp,
        }
    }

    fn refused_account(&self, account: &Account, status: CreateAccountStatus, timestamp: u64) -> CreateResult {
        let timestamp = match status {
            CreateAccountStatus::Exists => {
                let existing = self.accounts.find(account.id).expect("an account that exists");
                self.accounts.current(existing).timestamp
            }
            _ => timestamp,
        };
        CreateResult { timestamp, status: status.code(), reserved: 0 }
    }

    fn refused_timestamp(
        &self,
        transfer: &Transfer,
        status: CreateTransferStatus,
        timestamp: u64,
        cold: &ColdRecords<'_>,
    ) -> u64 {
        match status {
            CreateTransferStatus::Exists => self.known_transfer(transfer.id, cold).expect("it exists").record.timestamp,
            _ => timestamp,
        }
    }
}
