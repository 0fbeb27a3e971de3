//! The tables PostgreSQL would hold, filled from projections only.

use crate::account::Account;
use crate::cold::{ColdRecord, HoldOutcome};
use crate::copy_reader::{CopyReader, read_bigint, read_uuid};
use crate::ledger::Ledger;
use crate::load::{read_account, read_transfer};
use crate::postgres_copy::CopyWriter;
use crate::projection::{Projection, put_account, put_transfer};
use crate::transfer::Transfer;
use std::collections::BTreeMap;

#[derive(Default, Clone)]
pub(crate) struct Database {
    accounts: BTreeMap<u128, Account>,
    transfers: BTreeMap<u64, Transfer>,
    sequences: BTreeMap<u128, u64>,
    holds: BTreeMap<u128, HoldOutcome>,
    failures: BTreeMap<u128, u64>,
    /// Account, timestamp.
    pub balances: BTreeMap<(u128, u64), [u128; 4]>,
    pub position: [u64; 4],
}

impl Database {
    /// Does what the projector does, in its order.
    pub fn store(&mut self, projection: &Projection, transfer_rows: &[u8]) {
        assert_eq!(projection.first_sequence, self.position[0], "projections follow each other");
        read::<12>(&projection.accounts, projection.accounts_count, |row| {
            let account = read_account(row).unwrap();
            self.accounts.insert(account.id, account);
        });
        let transfers_count = projection.sequence_next - projection.first_sequence;
        read::<14>(transfer_rows, transfers_count, |row| {
            let (sequence, transfer) = read_transfer(row).unwrap();
            assert_eq!(self.sequences.insert(transfer.id, sequence), None, "a transfer id is unique for ever");
            self.transfers.insert(sequence, transfer);
        });
        read::<3>(&projection.holds_opened, projection.holds_opened_count, |row| {
            let id = read_uuid(row[0]).unwrap();
            let transfer = self.transfers[&self.sequences[&id]];
            assert_eq!(transfer.timestamp, read_bigint(row[1]).unwrap());
            assert_eq!(transfer.expires_at(), read_bigint(row[2]).unwrap());
            assert_eq!(self.holds.insert(id, HoldOutcome::Open), None);
        });
        read::<3>(&projection.holds_closed, projection.holds_closed_count, |row| {
            let outcome = i16::from_be_bytes(row[1].unwrap().try_into().unwrap());
            let outcome = HoldOutcome::from_code(outcome as u8).unwrap();
            assert_eq!(self.holds.insert(read_uuid(row[0]).unwrap(), outcome), Some(HoldOutcome::Open));
        });
        read::<2>(&projection.failures, projection.failures_count, |row| {
            let (id, timestamp) = (read_uuid(row[0]).unwrap(), read_bigint(row[1]).unwrap());
            assert_eq!(self.failures.insert(id, timestamp), None, "an id fails once");
        });
        read::<6>(&projection.balances, projection.balances_count, |row| {
            let key = (read_uuid(row[0]).unwrap(), read_bigint(row[1]).unwrap());
            let balances = [2, 3, 4, 5].map(|column| crate::copy_reader::read_numeric(row[column]).unwrap());
            assert_eq!(self.balances.insert(key, balances), None, "one row per transfer and account");
        });
        self.position = [
            projection.sequence_next,
            projection.last_timestamp,
            projection.last_transfer_timestamp,
            projection.id_time_max_ms,
        ];
    }

    /// Answers for cold ids.
    pub fn cold_records(&self, ids: &[u128]) -> Vec<ColdRecord> {
        let mut records = Vec::new();
        for id in ids {
            if let Some(transfer) = self.transfer(*id) {
                let pending = if transfer.closes_hold() { self.transfer(transfer.pending_id) } else { None };
                let outcome = self.holds.get(id).copied().unwrap_or(HoldOutcome::None);
                assert!(outcome != HoldOutcome::Open, "an open hold is never cold");
                records.push(ColdRecord::Transfer { record: transfer, outcome, pending });
            } else if self.failures.contains_key(id) {
                records.push(ColdRecord::Failed { id: *id });
            }
        }
        records
    }

    /// Answers for cold moments.
    pub fn cold_moments(&self, timestamps: &[u64]) -> Vec<ColdRecord> {
        let is_taken = |moment: &u64| self.transfers.values().any(|transfer| transfer.timestamp == *moment);
        timestamps.iter().copied().filter(is_taken).map(|timestamp| ColdRecord::Moment { timestamp }).collect()
    }

    fn transfer(&self, id: u128) -> Option<Transfer> {
        self.sequences.get(&id).map(|sequence| self.transfers[sequence])
    }

    /// Loads a ledger from the tables, the window from `first_sequence` on, the streams cut into pieces of `piece`
    /// bytes.
    pub fn load(&self, ledger: &mut Ledger, first_sequence: u64, piece: usize) {
        let mut accounts = CopyWriter::with_capacity(0, 0);
        // In the order of the ids: the loader must sort.
        self.accounts.values().for_each(|account| put_account(&mut accounts, account));
        let mut holds = CopyWriter::with_capacity(0, 0);
        let open = self.holds.iter().filter(|(_, outcome)| **outcome == HoldOutcome::Open);
        for sequence in open.map(|(id, _)| self.sequences[id]) {
            put_transfer(&mut holds, sequence, &self.transfers[&sequence]);
        }
        let mut transfers = CopyWriter::with_capacity(0, 0);
        for (sequence, transfer) in self.transfers.range(first_sequence..).rev() {
            put_transfer(&mut transfers, *sequence, transfer);
        }
        accounts.finish().0.chunks(piece).for_each(|copy| ledger.load_accounts(copy).unwrap());
        holds.finish().0.chunks(piece).for_each(|copy| ledger.load_open_holds(copy).unwrap());
        transfers.finish().0.chunks(piece).for_each(|copy| ledger.load_transfers(copy).unwrap());
        let [sequence_next, last_timestamp, last_transfer_timestamp, id_time_max_ms] = self.position;
        ledger.finish_load(sequence_next, last_timestamp, last_transfer_timestamp, id_time_max_ms).unwrap();
    }
}

fn read<const COLUMNS: usize>(copy: &[u8], count: u64, mut visit: impl FnMut(&[Option<&[u8]>; COLUMNS])) {
    assert_eq!(copy.is_empty(), count == 0, "a buffer without rows is empty");
    let mut rows = 0;
    let mut reader = CopyReader::default();
    reader
        .push(copy, |row| {
            rows += 1;
            visit(row);
            Ok(())
        })
        .unwrap();
    assert!(reader.is_complete());
    assert_eq!(rows, count);
}
