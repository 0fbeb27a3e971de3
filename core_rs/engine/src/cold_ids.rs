//! Which ids and moments of a batch the database must be asked about.

use crate::account::{Account, account_flags};
use crate::event::Unit;
use crate::id_index::hash_id;
use crate::ledger::Ledger;
use crate::transfer::id_time_ms;
use foldhash::fast::FixedState;
use hashbrown::HashSet;

impl Ledger {
    /// Returns the transfer ids and pending ids of a batch that may exist without being in memory: old ones, below the
    /// floor that eviction raised. Usually none, and then nothing is allocated.
    ///
    /// The answers go to [`apply`](Self::apply). They stay good while the batch before is applied and committed, and
    /// for applying the batch again after a rollback: what memory is about to forget is listed here before it is
    /// forgotten.
    #[must_use]
    pub fn cold_ids(&self, units: &[Unit<'_>]) -> Vec<u128> {
        let mut old = Vec::new();
        for unit in units.iter().filter(|unit| unit.operation.is_of_transfers()) {
            for index in 0..unit.len() {
                let transfer = unit.transfer(index);
                self.note_old(transfer.id, &mut old);
                if transfer.closes_hold() {
                    self.note_old(transfer.pending_id, &mut old);
                }
            }
        }
        // Apart from the first step, so that the misses of all the lookups overlap.
        let mut seen: HashSet<u128, FixedState> = HashSet::default();
        let is_cold = |&(id, hash): &(u128, u32)| !self.stays_in_memory(id, hash) && seen.insert(id);
        old.into_iter().filter(is_cold).map(|(id, _)| id).collect()
    }

    /// Returns the timestamps of a batch's imported accounts at which a transfer may have happened that is not in memory.
    /// Usually none: accounts are imported in the order of their time, before what happened on them.
    ///
    /// The answers go to [`apply`](Self::apply) and stay good as long as those to [`cold_ids`](Self::cold_ids).
    #[must_use]
    pub fn cold_moments(&self, units: &[Unit<'_>]) -> Vec<u64> {
        let end = (self.position.last_transfer_timestamp + 1).min(self.window_first_timestamp().unwrap_or(u64::MAX));
        let accounts = units.iter().filter(|unit| unit.operation.is_of_accounts());
        let moments = accounts.flat_map(|unit| (0..unit.len()).map(|index| unit.record::<Account>(index)));
        let is_cold = |account: &Account| account.flags & account_flags::IMPORTED != 0 && account.timestamp < end;
        moments.filter(is_cold).map(|account| account.timestamp).collect()
    }

    /// Notes an id below the floor, and loads what looking it up will need.
    #[inline]
    fn note_old(&self, id: u128, old: &mut Vec<(u128, u32)>) {
        if id_time_ms(id) < self.floor_ms && id != 0 {
            let hash = hash_id(id);
            let window = self.window.peek_everywhere(id, hash) ^ self.leaving.peek(id, hash);
            std::hint::black_box(u64::from(window) ^ self.holds.peek(hash));
            old.push((id, hash));
        }
    }

    /// Returns whether an id is in memory and not about to be forgotten.
    fn stays_in_memory(&self, id: u128, hash: u32) -> bool {
        if self.window.find(id, hash).is_some() {
            return true;
        }
        if let Some(position) = self.holds.find(id, hash) {
            return self.holds.get(position).closed_at > self.forgetting.listed.closed_until
                || self.holds.get(position).closed_at == 0;
        }
        self.leaving.find(id, hash).is_some_and(|sequence| self.leaving.is_open(sequence))
            || self.failures.get(id).is_some_and(|timestamp| timestamp > self.forgetting.listed.failed_until)
    }
}
