//! What is known of a transfer id: from memory, or from the database's answers.

use crate::cold::{ColdRecord, ColdRecords, HoldOutcome};
use crate::exists::existing_status;
use crate::failures::Failure;
use crate::id_index::hash_id;
use crate::ledger::Ledger;
use crate::place::Place;
use crate::resolve::Resolved;
use crate::status::CreateTransferStatus as Status;
use crate::transfer::{Transfer, id_time_ms};

/// A transfer that exists.
pub(crate) struct Known<'a> {
    pub record: &'a Transfer,
    pub outcome: HoldOutcome,
}

impl Ledger {
    /// Returns where a transfer is in memory, in flight or not.
    #[inline(always)]
    pub(crate) fn find_in_memory(&self, id: u128, hash: u32) -> Option<Place> {
        if let Some(sequence) = self.window.find(id, hash) {
            return Some(Place::Window(sequence));
        }
        if let Some(position) = self.holds.find(id, hash) {
            return Some(Place::Carried(position));
        }
        self.leaving.find(id, hash).map(Place::Leaving)
    }

    /// Returns what is known of a transfer, in memory or from the database.
    pub(crate) fn known_transfer<'a>(&'a self, id: u128, cold: &ColdRecords<'a>) -> Option<Known<'a>> {
        self.known_at(self.find_in_memory(id, hash_id(id)), id, cold)
    }

    /// As [`Self::known_transfer`], where memory has been searched already.
    #[inline]
    pub(crate) fn known_at<'a>(&'a self, place: Option<Place>, id: u128, cold: &ColdRecords<'a>) -> Option<Known<'a>> {
        let Some(place) = place else {
            let (record, outcome, _) = cold.transfer(cold.find(id)?);
            return Some(Known { record, outcome });
        };
        Some(Known { record: self.transfer_at(place), outcome: self.outcome_at(place) })
    }

    /// Returns why an id cannot be created: because it exists, or because it failed before.
    #[inline(always)]
    pub(crate) fn check_known(&mut self, transfer: &Transfer, id_hash: u32, cold: &ColdRecords<'_>) -> Option<Status> {
        let place = self.find_in_memory(transfer.id, id_hash);
        if place.is_some() || cold.find(transfer.id).is_some() {
            return Some(self.exists(transfer, place, cold));
        }
        if let Some(timestamp) = self.failures.get(transfer.id) {
            if timestamp <= self.batch.start.last_timestamp {
                self.batch.add_evidence(ColdRecord::Failed { id: transfer.id });
            }
            return Some(Status::IdAlreadyFailed);
        }
        cold.has_failed(transfer.id).then_some(Status::IdAlreadyFailed)
    }

    #[cold]
    fn exists(&mut self, transfer: &Transfer, place: Option<Place>, cold: &ColdRecords<'_>) -> Status {
        self.note_known(transfer.id, place, cold);
        let existing = *self.known_at(place, transfer.id, cold).expect("it was found").record;
        let hold = self.hold_of(&existing, cold);
        existing_status(transfer, &existing, hold.as_ref())
    }

    /// Returns the hold that a transfer posted or voided, as far as it is known.
    fn hold_of(&self, closing: &Transfer, cold: &ColdRecords<'_>) -> Option<Transfer> {
        if !closing.closes_hold() {
            return None;
        }
        if let Some(known) = self.known_transfer(closing.pending_id, cold) {
            return Some(*known.record);
        }
        let (_, _, pending) = cold.transfer(cold.find(closing.id)?);
        pending.copied()
    }

    /// Keeps as evidence a transfer from before this batch that a result rests on, unless it is an open hold: those are
    /// in every recovered memory.
    #[cold]
    pub(crate) fn note_known(&mut self, id: u128, place: Option<Place>, cold: &ColdRecords<'_>) {
        let Some(place) = place else { return };
        let is_of_this_batch = matches!(place, Place::Window(sequence) if sequence >= self.batch.first_sequence);
        if is_of_this_batch || self.is_closed_in_flight(place) {
            return;
        }
        let known = self.known_transfer(id, cold).expect("it is in memory");
        let (record, outcome) = (*known.record, known.outcome);
        if outcome != HoldOutcome::Open {
            let pending = self.hold_of(&record, cold);
            self.batch.add_evidence(ColdRecord::Transfer { record, outcome, pending });
        }
    }

    /// Remembers that an id failed for a passing reason.
    #[cold]
    pub(crate) fn remember_failure(&mut self, failure: Failure) {
        self.failures.push(failure);
        self.position.id_time_max_ms = self.position.id_time_max_ms.max(id_time_ms(failure.id));
    }

    /// Returns where the transfer of a pending id is, looked up ahead of time where possible.
    #[inline]
    pub(crate) fn resolved_hold(&self, pending_id: u128, resolved: &Resolved) -> Option<Place> {
        if let Some(place) = resolved.place {
            let is_there = match place {
                Place::Window(sequence) => self.window.contains(sequence),
                Place::Carried(_) | Place::Leaving(_) => true,
            };
            // A chain that failed since may have given the place to another transfer.
            if is_there && self.transfer_at(place).id == pending_id {
                return Some(place);
            }
        }
        self.find_in_memory(pending_id, hash_id(pending_id))
    }
}
