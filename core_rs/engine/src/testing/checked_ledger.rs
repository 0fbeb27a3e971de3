//! A ledger that is checked in every way at every batch.

use super::database::Database;
use crate::account::Account;
use crate::accounts::Accounts;
use crate::batch::AppliedBatch;
use crate::cold::ColdRecord;
use crate::event::Unit;
use crate::journal::{decode_body, encode_body};
use crate::ledger::{Ledger, LedgerOptions};

/// Every batch is applied, rolled back, applied again, recorded, read back, committed, and replayed by a second ledger;
/// in-flight batches must be invisible; the books must balance.
pub(crate) struct CheckedLedger {
    pub ledger: Ledger,
    /// Rebuilt from the journal only.
    shadow: Ledger,
    pub database: Database,
    options: LedgerOptions,
    /// Bodies and digests since the last projection.
    journal: Vec<(Vec<u8>, [u8; 32])>,
    accounts: Vec<Account>,
}

impl CheckedLedger {
    pub fn new(options: LedgerOptions) -> Self {
        Self {
            ledger: Ledger::new(options),
            shadow: Ledger::new(options),
            database: Database::default(),
            options,
            journal: Vec::new(),
            accounts: Vec::new(),
        }
    }

    /// Asks the database what a batch may need that is not in memory.
    fn cold(&self, units: &[Unit<'_>]) -> Vec<ColdRecord> {
        let mut cold = self.database.cold_records(&self.ledger.cold_ids(units));
        cold.extend(self.database.cold_moments(&self.ledger.cold_moments(units)));
        cold
    }

    /// Applies and commits a batch.
    pub fn apply(&mut self, units: &[Unit<'_>], now: u64) -> AppliedBatch {
        let cold = self.cold(units);
        let before = self.ledger.state_hash();
        let first = self.ledger.apply(units, now, &cold);
        assert_eq!(self.ledger.state_hash(), before, "what is in flight cannot be read");
        self.check_reads();
        self.ledger.check_invariants().unwrap();
        self.ledger.rollback();
        assert_eq!(self.ledger.state_hash(), before, "rollback is exact");
        self.check_reads();
        self.ledger.check_invariants().unwrap();

        let batch = self.ledger.apply(units, now, &cold);
        assert_eq!(batch, first, "a batch that is applied again gives the same");
        let body = encode_body(units, &batch);
        let decoded = decode_body(&body).unwrap();
        assert_eq!((decoded.units(), decoded.timestamp, &decoded.cold), (units.to_vec(), batch.timestamp, &batch.cold));
        self.ledger.commit();
        self.ledger.check_invariants().unwrap();
        self.accounts = self.accounts.iter().map(|account| self.ledger.account(account.id).unwrap()).collect();

        let replayed = self.shadow.replay(&body, &batch.results_digest).unwrap();
        assert_eq!(replayed.results, batch.results);
        assert_eq!(self.shadow.state_hash(), self.ledger.state_hash(), "a replay gives the same state");
        self.journal.push((body, batch.results_digest));
        batch
    }

    /// Shows the accounts with a batch in flight, and rolls it back.
    pub fn in_flight(&mut self, units: &[Unit<'_>], now: u64, look: impl FnOnce(&Accounts)) {
        let cold = self.cold(units);
        self.ledger.apply(units, now, &cold);
        look(&self.ledger.accounts);
        self.ledger.rollback();
    }

    /// Has an account compared from now on.
    pub fn watch_account(&mut self, id: u128) {
        if let Some(account) = self.ledger.account(id) {
            self.accounts.push(account);
        }
    }

    fn check_reads(&self) {
        for account in &self.accounts {
            assert_eq!(self.ledger.account(account.id), Some(*account), "reads show committed state");
        }
    }

    pub fn project(&mut self) {
        if let Some(projection) = self.ledger.take_projection() {
            let transfer_rows = self.ledger.transfer_rows(projection.first_sequence..projection.sequence_next);
            self.database.store(&projection, &transfer_rows);
            self.journal.clear();
        }
    }

    /// Evicts the oldest chunk, if it is full and projected.
    pub fn evict(&mut self) {
        let chunk = self.ledger.window_first_sequence() / self.options.chunk_size;
        if (chunk + 1) * self.options.chunk_size <= self.database.position[0] {
            let end = self.ledger.seal_chunk(chunk);
            assert!(end.first_timestamp <= end.last_timestamp);
            self.ledger.evict_chunk(chunk);
            assert_eq!(self.ledger.window_first_sequence(), (chunk + 1) * self.options.chunk_size);
        }
    }

    /// Applies and commits a batch with the answers asked for before, asking for the next batch already while this one
    /// is in flight; projections and evictions fall in between, as `moments` says bit by bit.
    pub fn apply_pipelined(
        &mut self,
        units: &[Unit<'_>],
        now: u64,
        cold: Option<Vec<ColdRecord>>,
        next: Option<&[Unit<'_>]>,
        moments: u8,
    ) -> (AppliedBatch, Option<Vec<ColdRecord>>) {
        let moment = |ledger: &mut Self, bit: u8| {
            if moments >> bit & 1 == 1 {
                ledger.project();
                ledger.evict();
            }
        };
        let cold = cold.unwrap_or_else(|| self.cold(units));
        moment(self, 0);
        let mut batch = self.ledger.apply(units, now, &cold);
        moment(self, 1);
        let next_cold = next.filter(|_| moments >> 2 & 1 == 1).map(|next| self.cold(next));
        moment(self, 3);
        if moments >> 4 & 1 == 1 {
            self.ledger.rollback();
            moment(self, 5);
            batch = self.ledger.apply(units, now, &cold);
        }
        moment(self, 6);
        self.ledger.commit();
        moment(self, 7);
        (batch, next_cold)
    }

    /// Throws the ledger away and recovers it: from the projection, with a window of any length, then the journal.
    pub fn recover(&mut self, first_sequence: u64, piece: usize) {
        let mut recovered = Ledger::new(self.options);
        self.database.load(&mut recovered, first_sequence.min(self.database.position[0]), piece);
        for (body, digest) in &self.journal {
            recovered.replay(body, digest).unwrap();
        }
        assert_eq!(recovered.state_hash(), self.ledger.state_hash(), "recovery gives the same state");
        assert_eq!(recovered.next_expiry(), self.ledger.next_expiry());
        recovered.check_invariants().unwrap();
        self.ledger = recovered;
    }
}
