//! Looking up a block of events ahead of executing them.
//!
//! A lookup in a large ledger is a chain of cache misses. Done one event at a time they add up; done for a block of
//! events, step by step, they overlap. What is found is a hint that the execution checks again where it can go stale.

use crate::accounts::NONE_ACCOUNT;
use crate::event::{RECORD_SIZE, Unit};
use crate::id_index::hash_id;
use crate::ledger::Ledger;
use crate::place::Place;
use crate::transfer::Transfer;

/// Events looked up together: enough to overlap their misses, few enough that everything stays in the nearest caches.
pub(crate) const BLOCK: usize = 128;

/// What was found for one transfer event.
#[derive(Clone, Copy)]
pub(crate) struct Resolved {
    /// Where the event is laid out in the window.
    pub staged: u32,
    pub id_hash: u32,
    pub debit: u32,
    pub credit: u32,
    /// Of the pending id, for a post or void.
    pub place: Option<Place>,
}

/// The first index slots an event leads to.
#[derive(Clone, Copy)]
struct Probe {
    pending_hash: u32,
    debit_slot: u64,
    credit_slot: u64,
}

/// The block of events looked up last.
#[derive(Default)]
pub(crate) struct Resolver {
    id_hashes: Vec<u32>,
    probes: Vec<Probe>,
    block: Vec<Resolved>,
    next: usize,
}

impl Resolver {
    /// Forgets the block: a batch begins, or a chain was taken back and the events laid out with it.
    pub fn reset(&mut self) {
        self.block.clear();
        self.next = 0;
    }

    #[inline]
    pub fn is_used_up(&self) -> bool {
        self.next == self.block.len()
    }

    #[inline]
    pub fn take(&mut self) -> Resolved {
        let resolved = self.block[self.next];
        self.next += 1;
        resolved
    }
}

impl Ledger {
    /// Lays out and looks up the next transfer events of a batch, starting inside a unit.
    pub(crate) fn resolve_block(&mut self, units: &[Unit<'_>], unit_index: usize, event_index: usize) {
        let mut resolver = std::mem::take(&mut self.resolver);
        resolver.reset();
        self.stage(units, unit_index, event_index);
        let events = self.window.staged();
        self.probe_ids(events, &mut resolver.id_hashes);
        self.probe(events, &mut resolver.probes);
        if self.look_up(events, &mut resolver) {
            self.touch_holds(&resolver.block);
        }
        self.resolver = resolver;
    }

    /// Copies a block of transfer events, starting inside a unit and passing over units of accounts.
    fn stage(&mut self, units: &[Unit<'_>], unit_index: usize, event_index: usize) {
        let mut left = self.window.begin_staging(BLOCK) * RECORD_SIZE;
        let mut first = event_index * RECORD_SIZE;
        for unit in &units[unit_index..] {
            if unit.operation.is_of_transfers() {
                let end = unit.records.len().min(first + left);
                self.window.stage(&unit.records[first..end]);
                left -= end - first;
                if left == 0 {
                    return;
                }
            }
            first = 0;
        }
    }

    /// First step: the slots for the ids themselves. The loop is short so that as many misses as possible overlap.
    fn probe_ids(&self, events: &[Transfer], id_hashes: &mut Vec<u32>) {
        let mut touched = 0;
        id_hashes.clear();
        id_hashes.extend(events.iter().map(|event| {
            let id_hash = hash_id(event.id);
            touched ^= self.window.peek(id_hash);
            id_hash
        }));
        std::hint::black_box(touched);
    }

    /// Second step: the slots for accounts and pending ids.
    fn probe(&self, events: &[Transfer], probes: &mut Vec<Probe>) {
        let mut touched = 0;
        probes.clear();
        probes.extend(events.iter().map(|event| {
            if event.closes_hold() {
                let pending_hash = hash_id(event.pending_id);
                touched ^= u64::from(self.window.peek_everywhere(event.pending_id, pending_hash));
                touched ^= u64::from(self.leaving.peek(event.pending_id, pending_hash)) ^ self.holds.peek(pending_hash);
                return Probe { pending_hash, debit_slot: 0, credit_slot: 0 };
            }
            let debit_slot = self.accounts.peek(hash_id(event.debit_account_id));
            let credit_slot = self.accounts.peek(hash_id(event.credit_account_id));
            Probe { pending_hash: 0, debit_slot, credit_slot }
        }));
        std::hint::black_box(touched);
    }

    /// Third step: the accounts and holds themselves. Returns whether any event closes a hold.
    fn look_up(&self, events: &[Transfer], resolver: &mut Resolver) -> bool {
        let mut has_closings = false;
        let Resolver { id_hashes, probes, block, .. } = resolver;
        let hashed = events.iter().zip(id_hashes).zip(probes).enumerate();
        block.extend(hashed.map(|(staged, ((event, id_hash), probe))| {
            let mut resolved = Resolved {
                staged: staged as u32,
                id_hash: *id_hash,
                debit: NONE_ACCOUNT,
                credit: NONE_ACCOUNT,
                place: None,
            };
            if event.closes_hold() {
                has_closings = true;
                resolved.place = self.find_in_memory(event.pending_id, probe.pending_hash);
            } else {
                let accounts = &self.accounts;
                resolved.debit = accounts.find_from(probe.debit_slot, event.debit_account_id);
                resolved.credit = accounts.find_from(probe.credit_slot, event.credit_account_id);
            }
            resolved
        }));
        has_closings
    }

    /// Fourth step: the accounts of the holds.
    fn touch_holds(&self, block: &[Resolved]) {
        let mut touched = 0;
        for place in block.iter().filter_map(|resolved| resolved.place) {
            let (hold, [debit, credit]) = (self.transfer_at(place), self.accounts_at(place));
            // Both ends of the record, and the accounts.
            touched ^= (hold.amount ^ u128::from(hold.timestamp)) as u16;
            touched ^= self.accounts.slot(debit).flags ^ self.accounts.slot(credit).flags;
        }
        std::hint::black_box(touched);
    }
}
