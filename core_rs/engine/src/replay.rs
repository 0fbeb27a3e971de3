//! Replaying the journal.

use crate::batch::AppliedBatch;
use crate::cold::{ColdRecord, HoldOutcome};
use crate::id_index::hash_id;
use crate::journal::{Body, BodyError, decode_body};
use crate::ledger::{Ledger, TIMESTAMP_END};
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
    /// The body calls a hold open that this state does not hold open.
    HoldNotOpen,
    /// The results are not the ones recorded: the state, the body or this program is not what it was.
    DigestMismatch,
}

impl fmt::Display for ReplayError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(error) => write!(formatter, "{error}"),
            Self::TimestampOutOfOrder => write!(formatter, "the batch is not newer than the ledger"),
            Self::TooManyEvents => write!(formatter, "the batch has too many events"),
            Self::HoldNotOpen => write!(formatter, "the body calls a hold open that is not"),
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

    fn check_body(&self, body: &Body) -> Result<(), ReplayError> {
        if body.timestamp <= self.position.last_timestamp || body.timestamp >= TIMESTAMP_END - (1 << 32) {
            return Err(ReplayError::TimestampOutOfOrder);
        }
        let events = body.units().iter().map(|unit| unit.len()).sum::<usize>();
        if events > self.options.batch_events_max as usize {
            return Err(ReplayError::TooManyEvents);
        }
        for record in &body.cold {
            if let ColdRecord::Transfer { record, outcome: HoldOutcome::Open, .. } = record
                && self.find_in_memory(record.id, hash_id(record.id)).is_none()
            {
                return Err(ReplayError::HoldNotOpen);
            }
        }
        Ok(())
    }
}
