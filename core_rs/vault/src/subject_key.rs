//! The key of one person.

use std::fmt;

use zeroize::Zeroizing;

use crate::context::Context;
use crate::error::{OpenError, SealError};
use crate::key::Key;
use crate::randomness::Randomness;
use crate::sealed::{Header, PLAINTEXT_MAX};
use crate::wrapped_key::KeyState;

/// Why a person's data is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The service the data was given for.
    Service,
    /// A duty of law: also opens what is restricted.
    LegalDuty,
}

/// A person's key, unwrapped: keep it no longer than the work takes.
pub struct SubjectKey {
    key: Key,
    state: KeyState,
}

impl SubjectKey {
    pub(crate) fn new(key: Key, state: KeyState) -> Self {
        Self { key, state }
    }

    /// Returns what may be done with the key.
    pub fn state(&self) -> KeyState {
        self.state
    }

    /// Returns `plaintext` sealed with the person's key.
    pub fn seal(&self, plaintext: &[u8], context: &Context<'_>, random: &dyn Randomness) -> Result<Vec<u8>, SealError> {
        if self.state != KeyState::Active {
            return Err(SealError::Restricted);
        }
        if plaintext.len() > PLAINTEXT_MAX {
            return Err(SealError::TooLong);
        }
        Ok(self.key.seal(plaintext, &context.parts(), random))
    }

    /// Returns what was sealed with the person's key for this context, wiped when dropped.
    pub fn open(
        &self,
        sealed: &[u8],
        context: &Context<'_>,
        purpose: Purpose,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        if self.state != KeyState::Active && purpose != Purpose::LegalDuty {
            return Err(OpenError);
        }
        let (header, body) = Header::read(sealed).ok_or(OpenError)?;
        self.key.open(&header, body, &context.parts())
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SubjectKey({:?}, {:?})", self.state, self.key)
    }
}
