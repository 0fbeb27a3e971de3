//! Which hold expires next.

use std::collections::BTreeMap;

/// Width of a bucket: 2^30 nanoseconds, about a second, the unit of a timeout.
const BUCKET_BITS: u32 = 30;
/// A bucket with fewer stale entries is not worth compacting.
const STALE_MIN: usize = 64;

/// A hold that expires, ordered by when, then by creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExpiryKey {
    pub expires_at: u64,
    pub sequence: u64,
    pub id: u128,
}

#[derive(Default)]
struct Bucket {
    entries: Vec<ExpiryKey>,
    /// Entries before this one are done.
    head: usize,
    /// Entries from `head` on whose hold is open; the others are stale.
    live: usize,
    unsorted: bool,
}

/// Holds with a timeout by the second they expire in. Closing a hold leaves a stale entry; a bucket that is mostly stale
/// is compacted, so memory follows the open holds.
#[derive(Default)]
pub(crate) struct ExpiryQueue {
    buckets: BTreeMap<u64, Bucket>,
}

impl ExpiryQueue {
    pub fn push(&mut self, key: ExpiryKey) {
        let bucket = self.buckets.entry(key.expires_at >> BUCKET_BITS).or_default();
        bucket.unsorted |= bucket.entries.last().is_some_and(|last| *last > key);
        bucket.entries.push(key);
        bucket.live += 1;
    }

    /// Takes back the newest entry of its bucket.
    pub fn pop(&mut self, key: ExpiryKey) {
        let bucket_key = key.expires_at >> BUCKET_BITS;
        let bucket = self.buckets.get_mut(&bucket_key).expect("an open hold with a timeout is in a bucket");
        assert!(bucket.entries.pop() == Some(key), "holds are taken back newest first");
        bucket.live -= 1;
        if bucket.live == 0 {
            self.buckets.remove(&bucket_key);
        }
    }

    /// A hold was closed for good.
    pub fn close(&mut self, expires_at: u64, is_open: impl Fn(&ExpiryKey) -> bool) {
        let bucket_key = expires_at >> BUCKET_BITS;
        let bucket = self.buckets.get_mut(&bucket_key).expect("an open hold with a timeout is in a bucket");
        bucket.live -= 1;
        if bucket.live == 0 {
            self.buckets.remove(&bucket_key);
        } else if bucket.entries.len() > bucket.live * 2 + STALE_MIN {
            bucket.entries.drain(..bucket.head);
            bucket.head = 0;
            bucket.entries.retain(is_open);
            // More closings of this commit may follow: the count, not the list, is what they will lower.
            bucket.entries.shrink_to(bucket.entries.len() * 2);
        }
    }

    /// Takes out the open holds that are due at `timestamp`, in order, at most `limit`.
    pub fn take_due(&mut self, timestamp: u64, limit: usize, is_open: impl Fn(&ExpiryKey) -> bool) -> Vec<ExpiryKey> {
        let mut due = Vec::new();
        while let Some(mut entry) = self.buckets.first_entry() {
            if *entry.key() > timestamp >> BUCKET_BITS {
                break;
            }
            let bucket = entry.get_mut();
            bucket.sort();
            while let Some(key) = bucket.entries.get(bucket.head) {
                if key.expires_at > timestamp || due.len() == limit {
                    return due;
                }
                if is_open(key) {
                    due.push(*key);
                    bucket.live -= 1;
                }
                bucket.head += 1;
            }
            entry.remove();
        }
        due
    }

    /// Returns when the next open hold expires.
    pub fn next(&self, is_open: impl Fn(&ExpiryKey) -> bool) -> Option<u64> {
        self.buckets.values().find_map(|bucket| {
            let open = bucket.entries[bucket.head..].iter().filter(|key| is_open(key)).map(|key| key.expires_at);
            if bucket.unsorted { open.min() } else { open.take(1).next() }
        })
    }
}

impl Bucket {
    fn sort(&mut self) {
        if self.unsorted {
            self.entries.drain(..self.head);
            self.head = 0;
            // Stable sorts find the sorted runs that batches leave, so this is close to linear.
            self.entries.sort();
            self.unsorted = false;
        }
    }
}
