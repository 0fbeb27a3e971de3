//! Replaying the journal.

use crate::batch::AppliedBatch;
use crate::cold::{ColdRecord, ColdRecords, HoldOutcome};
use crate::journal::{Body, BodyError, decode_body};
use crate::ledger::{Ledger, TIMESTAMP_END};
use crate::transfer::Transfer;
use std::fmt;

/// Why a journal body cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayError {
    /// The body cannot be read.
    Body(BodyError),
    /// The batch is not newer than the state, or its time is out of range.
    TimestampOutOfOrder,
    /// The batch has more events than `batch_events_max`.
    TooManyEvents,
    /// What the body says the database knew contradicts itself or this state.
    ColdRecordInvalid,
    /// The results are not the ones recorded: the state, the body or this program is not what it was.
    DigestMismatch,
}

impl fmt::Display for ReplayError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(error) => write!(formatter, "{error}"),
            Self::TimestampOutOfOrder => write!(formatter, "the batch is not newer than the ledger"),
            Self::TooManyEvents => write!(formatter, "the batch has too many events"),
            Self::ColdRecordInvalid => write!(formatter, "a cold record contradicts itself or the ledger"),
            Self::DigestMismatch => write!(formatter, "replaying the batch gives other results than were recorded"),
        }
    }
}

impl std::error::Error for ReplayError {}

impl From<BodyError> for ReplayError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl Ledger {
    /// Applies and commits a journal body.
    ///
    /// # Errors
    ///
    /// If the body is damaged or gives other results than `results_digest` says; the state is then as before. A ledger
    /// that disagrees with its journal must not start.
    ///
    /// # Panics
    ///
    /// If a batch is in flight.
    pub fn replay(&mut self, body: &[u8], results_digest: &[u8; 32]) -> Result<AppliedBatch, ReplayError> {
        let body = decode_body(body)?;
        self.check_body(&body)?;
        let batch = self.apply(&body.units(), body.timestamp, &body.cold);
        if batch.results_digest != *results_digest {
            self.rollback();
            return Err(ReplayError::DigestMismatch);
        }
        self.commit();
        Ok(batch)
    }

    /// Checks what applying the body would take for granted.
    fn check_body(&self, body: &Body) -> Result<(), ReplayError> {
        if body.timestamp <= self.position.last_timestamp || body.timestamp >= TIMESTAMP_END - (1 << 32) {
            return Err(ReplayError::TimestampOutOfOrder);
        }
        let events = body.units().iter().map(|unit| unit.len()).sum::<usize>();
        if events > self.options.batch_events_max as usize {
            return Err(ReplayError::TooManyEvents);
        }
        let cold = ColdRecords::new(&body.cold);
        let mut events = body.units().into_iter().filter(|unit| unit.operation.is_of_transfers());
        let is_valid = body.cold.iter().all(is_consistent)
            && (body.cold.is_empty()
                || events.all(|unit| (0..unit.len()).all(|index| self.is_answered(&unit.transfer(index), &cold))));
        if is_valid { Ok(()) } else { Err(ReplayError::ColdRecordInvalid) }
    }

    /// Returns whether the hold of an existing post or void is known where it will be needed.
    fn is_answered(&self, event: &Transfer, cold: &ColdRecords<'_>) -> bool {
        let Some(position) = cold.find(event.id).filter(|_| event.closes_hold()) else { return true };
        let (existing, _, pending) = cold.transfer(position);
        (existing.flags, existing.pending_id, existing.timeout) != (event.flags, event.pending_id, event.timeout)
            || pending.is_some()
            || self.known_transfer(event.pending_id, cold).is_some()
    }
}

/// Open holds are never cold; a hold has an outcome, another transfer has none; a closing names its hold.
fn is_consistent(record: &ColdRecord) -> bool {
    match record {
        ColdRecord::Failed { .. } | ColdRecord::Moment { .. } => true,
        ColdRecord::Transfer { record, outcome, pending } => {
            *outcome != HoldOutcome::Open
                && (*outcome == HoldOutcome::None) != record.is_hold()
                && pending.is_none_or(|pending| pending.id == record.pending_id)
        }
    }
}
