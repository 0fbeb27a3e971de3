//! The batch in flight: what is needed to undo it, and what is handed back.

use crate::cold::ColdRecord;
use crate::expiry::ExpiryKey;
use crate::ledger::Position;
use crate::place::Place;
use crate::status::CreateResult;
use foldhash::fast::FixedState;
use hashbrown::HashSet;
use zerocopy::IntoBytes;

/// What [`Ledger::apply`](crate::Ledger::apply) did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedBatch {
    /// The batch's own time, in nanoseconds: replaying with it gives the same results.
    pub timestamp: u64,
    /// One per event, all units in order.
    pub results: Vec<CreateResult>,
    /// Holds that expired at the start of this batch.
    pub expired: u32,
    /// Transfers that were created.
    pub transfers_created: u32,
    /// BLAKE3 of the result records and the ids of the expired holds; a replay must give the same.
    pub results_digest: [u8; 32],
    /// What the results rest on besides accounts, open holds and this batch: the cold records supplied, and every
    /// older transfer or failure that was met in memory. With it in the journal a replay depends neither on the
    /// database nor on what happened to be in memory at the time.
    pub cold: Vec<ColdRecord>,
}

/// A hold that expired in this batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExpiredHold {
    pub key: ExpiryKey,
    /// Where it was then.
    pub place: Place,
    /// The timestamp it got.
    pub closed_at: u64,
}

/// A hold that a transfer of this batch closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClosedHold {
    /// Where it was then.
    pub place: Place,
    pub sequence: u64,
    pub id: u128,
    pub expires_at: u64,
}

/// Where a linked chain or a batch began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Savepoint {
    pub sequence: u64,
    pub accounts: u32,
    pub last_transfer_timestamp: u64,
}

/// What a piece of evidence is about. An id is a failure's or a transfer's, never both.
#[derive(PartialEq, Eq, Hash)]
enum EvidenceKey {
    Id(u128),
    Moment(u64),
}

impl EvidenceKey {
    fn of(record: &ColdRecord) -> Self {
        match record {
            ColdRecord::Failed { id } => Self::Id(*id),
            ColdRecord::Transfer { record, .. } => Self::Id(record.id),
            ColdRecord::Moment { timestamp } => Self::Moment(*timestamp),
        }
    }
}

#[derive(Default)]
pub(crate) struct BatchLog {
    pub in_flight: bool,
    /// The batch's own time.
    pub timestamp: u64,
    pub events: usize,
    /// The ledger's position before the batch.
    pub start: Position,
    pub first_sequence: u64,
    pub first_account: u32,
    pub failures_end: usize,
    pub next_timestamp: u64,
    /// The unit that is being applied is a stranger's.
    pub is_a_strangers: bool,
    /// Ids of a later time are refused.
    pub id_time_limit_ms: u64,
    pub expired: Vec<ExpiredHold>,
    pub closed: Vec<ClosedHold>,
    pub evidence: Vec<ColdRecord>,
    evidence_keys: HashSet<EvidenceKey, FixedState>,
}

impl BatchLog {
    pub fn begin(&mut self, start: Position, first_sequence: u64, first_account: u32, failures_end: usize) {
        self.in_flight = true;
        self.start = start;
        self.first_sequence = first_sequence;
        self.first_account = first_account;
        self.failures_end = failures_end;
        self.expired.clear();
        self.closed.clear();
        self.evidence.clear();
        if !self.evidence_keys.is_empty() {
            self.evidence_keys.clear();
        }
    }

    /// Records once what a result rests on.
    pub fn add_evidence(&mut self, record: ColdRecord) {
        if self.evidence_keys.insert(EvidenceKey::of(&record)) {
            self.evidence.push(record);
        }
    }

    pub fn digest(&self, results: &[CreateResult]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(results.as_bytes());
        for expired in &self.expired {
            hasher.update(expired.key.id.as_bytes());
        }
        hasher.finalize().into()
    }
}
