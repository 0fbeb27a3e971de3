//! Where a transfer is in memory, and what becomes of a hold there.

use crate::cold::HoldOutcome;
use crate::holds::CarriedHold;
use crate::id_index::hash_id;
use crate::ledger::Ledger;
use crate::transfer::Transfer;
use crate::window::CLOSED_IN_FLIGHT;

/// Where a transfer is in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the window, by sequence.
    Window(u64),
    /// Among the carried holds, by position.
    Carried(u32),
    /// In a chunk that leaves, by sequence.
    Leaving(u64),
}

impl Ledger {
    /// Returns where a hold of known sequence is.
    pub(crate) fn hold_place(&self, sequence: u64, id: u128) -> Place {
        if sequence >= self.window.first_sequence() {
            return Place::Window(sequence);
        }
        if self.leaving.is_open(sequence) {
            return Place::Leaving(sequence);
        }
        Place::Carried(self.holds.find(id, hash_id(id)).expect("an open hold is in memory"))
    }

    #[inline]
    pub(crate) fn transfer_at(&self, place: Place) -> &Transfer {
        match place {
            Place::Window(sequence) => self.window.record(sequence),
            Place::Carried(position) => &self.holds.get(position).record,
            Place::Leaving(sequence) => self.leaving.chunk(sequence).record(sequence),
        }
    }

    /// Returns the debit and the credit account of a transfer in memory.
    #[inline]
    pub(crate) fn accounts_at(&self, place: Place) -> [u32; 2] {
        match place {
            Place::Window(sequence) => self.window.link(sequence).accounts,
            Place::Carried(position) => self.holds.get(position).accounts,
            Place::Leaving(sequence) => self.leaving.chunk(sequence).link(sequence).accounts,
        }
    }

    /// Returns what became of a transfer in memory, in flight or not.
    #[inline]
    pub(crate) fn outcome_at(&self, place: Place) -> HoldOutcome {
        let code = match place {
            Place::Window(sequence) => self.window.link(sequence).outcome,
            Place::Carried(position) => self.holds.get(position).outcome,
            Place::Leaving(sequence) => self.leaving.chunk(sequence).link(sequence).outcome,
        };
        HoldOutcome::from_code(code & !CLOSED_IN_FLIGHT).expect("an outcome")
    }

    /// Returns whether the batch in flight closed this hold: committed reads still see it open.
    pub(crate) fn is_closed_in_flight(&self, place: Place) -> bool {
        match place {
            Place::Window(sequence) => self.window.link(sequence).outcome & CLOSED_IN_FLIGHT != 0,
            Place::Carried(position) => self.holds.get(position).closed_at > self.committed_position().last_timestamp,
            Place::Leaving(sequence) => self.leaving.chunk(sequence).link(sequence).outcome & CLOSED_IN_FLIGHT != 0,
        }
    }

    /// Closes a hold in the batch in flight; returns its sequence.
    #[inline]
    pub(crate) fn close_at(&mut self, place: Place, outcome: HoldOutcome) -> u64 {
        match place {
            Place::Window(sequence) => {
                self.window.link_mut(sequence).outcome = outcome as u8 | CLOSED_IN_FLIGHT;
                sequence
            }
            Place::Carried(position) => {
                // The time of this batch is after that of the last commit, which tells that this is in flight.
                let closed_at = self.batch.timestamp;
                let hold = self.holds.get_mut(position);
                (hold.outcome, hold.closed_at) = (outcome as u8, closed_at);
                hold.sequence
            }
            Place::Leaving(sequence) => {
                self.leaving.chunk_mut(sequence).link_mut(sequence).outcome = outcome as u8 | CLOSED_IN_FLIGHT;
                sequence
            }
        }
    }

    /// Takes back that the batch in flight closed a hold.
    pub(crate) fn reopen_at(&mut self, place: Place) {
        let outcome = HoldOutcome::Open as u8;
        match place {
            Place::Window(sequence) => self.window.link_mut(sequence).outcome = outcome,
            Place::Carried(position) => {
                let hold = self.holds.get_mut(position);
                (hold.outcome, hold.closed_at) = (outcome, 0);
            }
            Place::Leaving(sequence) => self.leaving.chunk_mut(sequence).link_mut(sequence).outcome = outcome,
        }
    }

    /// Makes it final that a hold was closed, which was at `place` then.
    pub(crate) fn settle_at(&mut self, place: Place, sequence: u64, id: u128) {
        // Its chunk may have left since.
        let place = match place {
            Place::Window(_) if sequence < self.window.first_sequence() => self.hold_place(sequence, id),
            _ => place,
        };
        let position = match place {
            Place::Window(sequence) => {
                self.window.link_mut(sequence).outcome &= !CLOSED_IN_FLIGHT;
                return;
            }
            Place::Carried(position) => position,
            Place::Leaving(sequence) => {
                let link = self.leaving.chunk_mut(sequence).link_mut(sequence);
                link.outcome &= !CLOSED_IN_FLIGHT;
                let (accounts, outcome) = (link.accounts, link.outcome);
                // What is not open there is not carried over later.
                let record = *self.leaving.chunk(sequence).record(sequence);
                self.holds.insert(CarriedHold { record, sequence, closed_at: self.batch.timestamp, accounts, outcome })
            }
        };
        self.holds.retain_closed(position, self.batch.timestamp, hash_id(id));
    }
}
