//! Which hold expires next.

use std::collections::BTreeMap;

/// Width of a bucket: 2^30 nanoseconds, about a second, the unit of a timeout.
const BUCKET_BITS: u32 = 30;
/// A bucket with fewer closed entries is not worth compacting.
const CLOSED_MIN: usize = 64;

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
    /// Entries from `head` on whose hold is open.
    live: usize,
    /// Sequences of the entries whose hold was closed.
    closed: Vec<u64>,
    unsorted: bool,
}

/// Holds with a timeout by the second they expire in. Closing a hold only notes its sequence; a bucket in which most
/// are closed is compacted, so memory follows the open holds and no hold has to be looked at again for it.
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
    pub fn close(&mut self, expires_at: u64, sequence: u64) {
        let bucket_key = expires_at >> BUCKET_BITS;
        let bucket = self.buckets.get_mut(&bucket_key).expect("an open hold with a timeout is in a bucket");
        bucket.live -= 1;
        bucket.closed.push(sequence);
        if bucket.live == 0 {
            self.buckets.remove(&bucket_key);
        } else if bucket.closed.len() > bucket.live + CLOSED_MIN {
            bucket.compact();
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

    /// Drops the entries of closed holds.
    fn compact(&mut self) {
        self.closed.sort_unstable();
        self.entries.drain(..self.head);
        self.head = 0;
        let closed = &self.closed;
        // Entries mostly come in the order of their sequence: then the place among the closed only moves on.
        let mut place = 0;
        self.entries.retain(|key| {
            if closed[..place].last().is_some_and(|&passed| passed >= key.sequence) {
                place = 0;
            }
            if closed.get(place).is_some_and(|&next| next < key.sequence) {
                place += closed[place..].partition_point(|&sequence| sequence < key.sequence);
            }
            closed.get(place) != Some(&key.sequence)
        });
        self.closed = Vec::new();
        self.entries.shrink_to(self.entries.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(expires_at: u64, sequence: u64) -> ExpiryKey {
        ExpiryKey { expires_at, sequence, id: sequence.into() }
    }

    #[test]
    fn holds_fall_due_by_time_then_by_creation_and_not_before() {
        let mut queue = ExpiryQueue::default();
        for (expires_at, sequence) in [(50, 1), (40, 2), (40, 3), (1 << 31, 4), (40, 5), (41, 6)] {
            queue.push(key(expires_at, sequence));
        }
        assert_eq!(queue.next(|_| true), Some(40));
        assert_eq!(queue.take_due(39, 10, |_| true), []);
        assert_eq!(queue.take_due(40, 2, |key| key.sequence != 3), [key(40, 2), key(40, 5)]);
        assert_eq!(queue.next(|_| true), Some(41));
        assert_eq!(queue.take_due(1 << 31, 10, |_| true), [key(41, 6), key(50, 1), key(1 << 31, 4)]);
        assert_eq!(queue.next(|_| true), None);
    }

    #[test]
    fn memory_follows_the_open_holds() {
        let mut queue = ExpiryQueue::default();
        for sequence in 0..10_000 {
            // Two timeouts in turn, so that the order of expiry is not the order of creation.
            queue.push(key(1_000 + sequence * 2 + (sequence % 2) * 500, sequence));
        }
        for sequence in (0..10_000).filter(|sequence| sequence % 100 != 0) {
            queue.close(1_000 + sequence * 2 + (sequence % 2) * 500, sequence);
        }
        let bucket = &queue.buckets[&0];
        assert_eq!(bucket.live, 100);
        assert!(bucket.entries.len() <= 2 * 100 + CLOSED_MIN + 1, "{} entries", bucket.entries.len());
        assert!(bucket.closed.len() <= 100 + CLOSED_MIN);
        let is_open = |key: &ExpiryKey| key.sequence.is_multiple_of(100);
        let due = queue.take_due(1 << 29, usize::MAX, is_open);
        assert_eq!(due.len(), 100);
        assert!(due.is_sorted());
    }
}
