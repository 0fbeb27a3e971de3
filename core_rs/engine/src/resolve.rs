//! Looking up a block of events ahead of executing them.
//!
//! A lookup in a large ledger is a chain of cache misses. Done one event at a time they add up; done for a block of
//! events, step by step, they overlap. What is found is a hint that the execution checks again where it can go stale.

use crate::accounts::NONE_ACCOUNT;
use crate::event::{Operation, Unit};
use crate::id_index::hash_id;
use crate::known::Place;
use crate::ledger::Ledger;
use crate::transfer::Transfer;

/// Events looked up together: enough to overlap their misses, few enough that everything stays in the nearest caches.
pub(crate) const BLOCK: usize = 128;

/// What was found for one transfer event.
#[derive(Clone, Copy)]
pub(crate) struct Resolved {
    pub id_hash: u32,
    pub debit: u32,
    pub credit: u32,
    /// Of the pending id, for a post or void.
    pub place: Option<Place>,
}

/// Hashes of an event and the first index slots they lead to.
#[derive(Clone, Copy)]
struct Probe {
    debit_hash: u32,
    credit_hash: u32,
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
    /// Looks up the next `limit` transfer events of a batch, starting inside a unit.
    pub(crate) fn resolve_block(&mut self, units: &[Unit<'_>], unit_index: usize, event_index: usize, limit: usize) {
        let mut resolver = std::mem::take(&mut self.resolver);
        resolver.reset();
        resolver.probes.clear();
        resolver.id_hashes.clear();
        self.probe_ids(units, unit_index, event_index, limit, &mut resolver.id_hashes);
        self.probe(units, unit_index, event_index, limit, &mut resolver.probes);
        let has_closings = self.look_up(units, unit_index, event_index, &mut resolver);
        if has_closings {
            self.touch_holds(&resolver.block);
        }
        self.resolver = resolver;
    }

    /// First step: the slots for the ids themselves. The loop is short so that as many misses as possible overlap.
    fn probe_ids(
        &self,
        units: &[Unit<'_>],
        unit_index: usize,
        event_index: usize,
        limit: usize,
        id_hashes: &mut Vec<u32>,
    ) {
        let mut touched = 0;
        for_each_transfer(units, unit_index, event_index, limit, |transfer| {
            let id_hash = hash_id(transfer.id);
            touched ^= self.window.peek(id_hash);
            id_hashes.push(id_hash);
        });
        std::hint::black_box(touched);
    }

    /// Second step: the slots for accounts and pending ids.
    fn probe(&self, units: &[Unit<'_>], unit_index: usize, event_index: usize, limit: usize, probes: &mut Vec<Probe>) {
        let mut touched = 0;
        for_each_transfer(units, unit_index, event_index, limit, |transfer| {
            let mut probe = Probe { debit_hash: 0, credit_hash: 0, pending_hash: 0, debit_slot: 0, credit_slot: 0 };
            if transfer.closes_hold() {
                probe.pending_hash = hash_id(transfer.pending_id);
                touched ^= u64::from(self.window.peek(probe.pending_hash)) ^ self.holds.peek(probe.pending_hash);
            } else {
                probe.debit_hash = hash_id(transfer.debit_account_id);
                probe.credit_hash = hash_id(transfer.credit_account_id);
                probe.debit_slot = self.accounts.peek(probe.debit_hash);
                probe.credit_slot = self.accounts.peek(probe.credit_hash);
            }
            probes.push(probe);
        });
        std::hint::black_box(touched);
    }

    /// Third step: the accounts and holds themselves. Returns whether any event closes a hold.
    fn look_up(&self, units: &[Unit<'_>], unit_index: usize, event_index: usize, resolver: &mut Resolver) -> bool {
        let mut has_closings = false;
        let mut touched = 0;
        let mut probes = resolver.probes.iter().zip(&resolver.id_hashes);
        for_each_transfer(units, unit_index, event_index, resolver.probes.len(), |transfer| {
            let (probe, &id_hash) = probes.next().expect("as many events as before");
            let mut resolved = Resolved { id_hash, debit: NONE_ACCOUNT, credit: NONE_ACCOUNT, place: None };
            if transfer.closes_hold() {
                has_closings = true;
                resolved.place = self.find_in_memory(transfer.pending_id, probe.pending_hash);
            } else {
                let accounts = &self.accounts;
                resolved.debit = accounts.find_from(probe.debit_slot, probe.debit_hash, transfer.debit_account_id);
                resolved.credit = accounts.find_from(probe.credit_slot, probe.credit_hash, transfer.credit_account_id);
                touched ^= self.touched_flags(resolved.debit) ^ self.touched_flags(resolved.credit);
            }
            resolver.block.push(resolved);
        });
        std::hint::black_box(touched);
        has_closings
    }

    /// Fourth step: the accounts of the holds.
    fn touch_holds(&self, block: &[Resolved]) {
        let mut touched = 0;
        for place in block.iter().filter_map(|resolved| resolved.place) {
            let [debit, credit] = self.accounts_at(place);
            touched ^= self.touched_flags(debit) ^ self.touched_flags(credit);
            touched ^= (self.accounts.get(debit).id ^ self.accounts.get(credit).id) as u16;
        }
        std::hint::black_box(touched);
    }

    /// Loads an account's second cache line.
    #[inline]
    fn touched_flags(&self, account: u32) -> u16 {
        if account == NONE_ACCOUNT { 0 } else { self.accounts.get(account).flags }
    }
}

/// Visits up to `limit` transfer events of a batch, starting inside a unit and passing over units of accounts.
#[inline]
fn for_each_transfer(
    units: &[Unit<'_>],
    unit_index: usize,
    event_index: usize,
    limit: usize,
    mut visit: impl FnMut(&Transfer),
) {
    let mut left = limit;
    let mut first = event_index;
    for unit in &units[unit_index..] {
        if unit.operation == Operation::CreateTransfers {
            let end = unit.len().min(first + left);
            for index in first..end {
                visit(&unit.transfer(index));
            }
            left -= end - first;
            if left == 0 {
                return;
            }
        }
        first = 0;
    }
}
