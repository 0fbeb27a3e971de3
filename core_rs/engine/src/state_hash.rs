//! One hash of everything that decides what the ledger does next.

use crate::ledger::Ledger;
use crate::transfer::Transfer;
use zerocopy::IntoBytes;

impl Ledger {
    /// Returns the BLAKE3 of the committed state: the accounts in creation order, the open holds in creation order, the
    /// last timestamp, the last transfer's timestamp and the number of transfers. The same after recovery as before;
    /// what happens to be in the window makes no difference.
    #[must_use]
    pub fn state_hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&u64::from(self.accounts.committed_len()).to_le_bytes());
        for position in 0..self.accounts.committed_len() {
            hasher.update(self.accounts.committed(position).as_bytes());
        }
        let mut holds: Vec<Transfer> = Vec::new();
        self.for_each_open_hold(|hold, _| holds.push(*hold));
        holds.sort_unstable_by_key(|hold| hold.timestamp);
        hasher.update(&(holds.len() as u64).to_le_bytes());
        hasher.update(holds.as_slice().as_bytes());
        let position = self.committed_position();
        hasher.update(&position.last_timestamp.to_le_bytes());
        hasher.update(&position.last_transfer_timestamp.to_le_bytes());
        hasher.update(&self.sequence_next().to_le_bytes());
        hasher.finalize().into()
    }
}
