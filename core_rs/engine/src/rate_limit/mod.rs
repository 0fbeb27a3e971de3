//! Rate limits: so many units in a window for each key, by GCRA (ITU-T I.371, the virtual scheduling algorithm).
//!
//! A key's whole state is one time: when its bucket would be full again. Time is an argument and best comes from a
//! clock that never steps back. Several limits are checked at once, all or nothing:
//!
//! ```
//! use pycore_engine::rate_limit::{Limit, Quota, RateLimiter, Refusal};
//! use std::num::NonZeroU32;
//!
//! let second = 1_000_000_000;
//! let per_key = Quota::new(10, second, 2).unwrap(); // ten a second, two at once
//! let per_merchant = Quota::new(1000, second, 1000).unwrap();
//! let limits = [Limit { key: 7, quota: per_key }, Limit { key: 8, quota: per_merchant }];
//!
//! let mut limiter = RateLimiter::new(1_000, 42);
//! assert_eq!(limiter.check(&limits, NonZeroU32::MIN, 0), Ok(()));
//! assert_eq!(limiter.check(&limits, NonZeroU32::MIN, 0), Ok(()));
//! assert_eq!(
//!     limiter.check(&limits, NonZeroU32::MIN, 0),
//!     Err(Refusal::Limited { limit: 0, retry_after_ns: second / 10 })
//! );
//! ```
//!
//! # What happens to a key when there is no room
//!
//! The number of keys is bounded. A key whose bucket is full again is like one never seen, so forgetting it changes
//! nothing, and only such idle keys are ever forgotten. A key that is still paying off what it used keeps its place:
//! otherwise whoever can show many keys would push their own used-up key out and start afresh. Where all places are
//! taken by active keys, a new key is refused: the limiter fails closed, and only for those who came last.

mod limiter;
#[cfg(test)]
mod property_tests;
mod quota;

pub use limiter::{LIMITS_MAX, Limit, RateLimiter, Refusal};
pub use quota::Quota;
