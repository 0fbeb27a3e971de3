//! All accounts, in one dense array in creation order, with prior images for the batch in flight.

use crate::account::{Account, account_flags};
use crate::id_index::{IdIndex, hash_id, slot_hash, slot_position};

/// No account, or no transfer.
pub(crate) const NONE_ACCOUNT: u32 = u32::MAX;
pub(crate) const NONE_SEQUENCE: u64 = u64::MAX;

const SEGMENT_BITS: u32 = 14;
const SEGMENT_LEN: usize = 1 << SEGMENT_BITS;
const SEGMENT_MASK: u32 = (1 << SEGMENT_BITS) - 1;

/// Bits of an image's position in [`AccountSlot::touched`]; the rest is the batch.
pub(crate) const POSITION_BITS: u32 = 20;
const POSITION_MASK: u64 = (1 << POSITION_BITS) - 1;
/// The position of an account that was created by the batch itself and has no prior image.
const POSITION_NEW: u64 = POSITION_MASK;

/// An account as the engine keeps it: what a transfer touches fits exactly two cache lines.
#[repr(C, align(128))]
#[derive(Clone)]
pub(crate) struct AccountSlot {
    pub id: u128,
    pub debits_pending: u128,
    pub debits_posted: u128,
    pub credits_pending: u128,
    pub credits_posted: u128,
    /// The newest transfer of this account; the head of its history list.
    pub last_sequence: u64,
    /// Which batch touched this account last, and where its prior image is.
    touched: u64,
    pub timestamp: u64,
    pub user_data_64: u64,
    pub user_data_32: u32,
    pub ledger: u32,
    pub code: u16,
    pub flags: u16,
    /// Not projected since it changed.
    dirty: bool,
}

const _: () = assert!(size_of::<AccountSlot>() == 128);

impl AccountSlot {
    pub fn has(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }

    pub fn close(&mut self) {
        self.flags |= account_flags::CLOSED;
    }

    pub fn reopen(&mut self) {
        self.flags &= !account_flags::CLOSED;
    }
}

/// What a batch can change of an account, as it was before the batch.
struct AccountImage {
    debits_pending: u128,
    debits_posted: u128,
    credits_pending: u128,
    credits_posted: u128,
    last_sequence: u64,
    account: u32,
    flags: u16,
}

/// The account array, its index, and the images of the batch in flight.
pub(crate) struct Accounts {
    // Segments instead of one vector: growing never copies, so no batch ever waits for it.
    segments: Vec<Vec<AccountSlot>>,
    user_data_128: Vec<u128>,
    index: IdIndex,
    batch: u64,
    batch_first: u32,
    images: Vec<AccountImage>,
    dirty: Vec<u32>,
    /// Entries of `dirty` from before the batch in flight.
    dirty_before_batch: usize,
}

impl Accounts {
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            segments: Vec::with_capacity(capacity / SEGMENT_LEN + 1),
            user_data_128: Vec::with_capacity(capacity),
            index: IdIndex::with_capacity(capacity),
            batch: 0,
            batch_first: 0,
            images: Vec::new(),
            dirty: Vec::new(),
            dirty_before_batch: 0,
        }
    }

    pub fn len(&self) -> u32 {
        self.user_data_128.len() as u32
    }

    #[inline]
    pub fn get(&self, account: u32) -> &AccountSlot {
        &self.segments[(account >> SEGMENT_BITS) as usize][(account & SEGMENT_MASK) as usize]
    }

    #[inline]
    pub fn get_mut(&mut self, account: u32) -> &mut AccountSlot {
        &mut self.segments[(account >> SEGMENT_BITS) as usize][(account & SEGMENT_MASK) as usize]
    }

    /// Returns the account of an id, in flight or not.
    #[inline]
    pub fn find(&self, id: u128) -> Option<u32> {
        self.index.find(hash_id(id), |account| self.get(account).id == id)
    }

    /// Returns the first slot of the index to look at for an id with this hash.
    #[inline]
    pub fn peek(&self, hash: u32) -> u64 {
        self.index.peek(hash)
    }

    /// Finishes a lookup that began with [`Self::peek`].
    #[inline]
    pub fn find_from(&self, slot: u64, hash: u32, id: u128) -> u32 {
        if slot == 0 {
            return NONE_ACCOUNT;
        }
        if slot_hash(slot) == hash && self.get(slot_position(slot)).id == id {
            return slot_position(slot);
        }
        self.index.find(hash, |account| self.get(account).id == id).unwrap_or(NONE_ACCOUNT)
    }

    /// Adds an account created by the batch in flight.
    pub fn create(&mut self, account: &Account) {
        let position = self.append(account);
        let touched = self.batch << POSITION_BITS | POSITION_NEW;
        let slot = self.get_mut(position);
        slot.touched = touched;
        slot.dirty = true;
        self.dirty.push(position);
    }

    /// Adds an account that is already projected.
    pub fn append(&mut self, account: &Account) -> u32 {
        let position = self.len();
        assert!(position < NONE_ACCOUNT - 1, "more accounts than an index can number");
        if position & SEGMENT_MASK == 0 {
            self.segments.push(Vec::with_capacity(SEGMENT_LEN));
        }
        self.segments.last_mut().expect("a segment was just made").push(AccountSlot {
            id: account.id,
            debits_pending: account.debits_pending,
            debits_posted: account.debits_posted,
            credits_pending: account.credits_pending,
            credits_posted: account.credits_posted,
            last_sequence: NONE_SEQUENCE,
            touched: 0,
            timestamp: account.timestamp,
            user_data_64: account.user_data_64,
            user_data_32: account.user_data_32,
            ledger: account.ledger,
            code: account.code,
            flags: account.flags,
            dirty: false,
        });
        self.user_data_128.push(account.user_data_128);
        self.index.insert(hash_id(account.id), position);
        position
    }

    /// Forgets the accounts from `len` on: they never were.
    pub fn truncate(&mut self, len: u32) {
        while self.len() > len {
            let position = self.len() - 1;
            let id = self.get(position).id;
            self.index.remove(hash_id(id), position);
            self.user_data_128.pop();
            let segment = self.segments.last_mut().expect("an account lives in a segment");
            segment.pop();
            if segment.is_empty() {
                self.segments.pop();
            }
            if self.dirty.last() == Some(&position) {
                self.dirty.pop();
            }
        }
    }

    /// Returns an account the batch is about to change, after keeping its prior image, once.
    #[inline]
    pub fn change(&mut self, account: u32) -> &mut AccountSlot {
        let slot = &mut self.segments[(account >> SEGMENT_BITS) as usize][(account & SEGMENT_MASK) as usize];
        if slot.touched >> POSITION_BITS != self.batch {
            slot.touched = self.batch << POSITION_BITS | self.images.len() as u64;
            self.images.push(AccountImage {
                debits_pending: slot.debits_pending,
                debits_posted: slot.debits_posted,
                credits_pending: slot.credits_pending,
                credits_posted: slot.credits_posted,
                last_sequence: slot.last_sequence,
                account,
                flags: slot.flags,
            });
            if !std::mem::replace(&mut slot.dirty, true) {
                self.dirty.push(account);
            }
        }
        slot
    }

    pub fn begin_batch(&mut self) {
        self.batch += 1;
        self.batch_first = self.len();
        self.images.clear();
        self.dirty_before_batch = self.dirty.len();
    }

    pub fn commit_batch(&mut self) {
        self.batch += 1;
        self.batch_first = self.len();
        self.images.clear();
        self.dirty_before_batch = self.dirty.len();
    }

    /// Ends a batch whose events were all undone, and proves that the undo was exact.
    pub fn end_rollback(&mut self) {
        self.truncate(self.batch_first);
        for position in 0..self.images.len() {
            let account = self.images[position].account;
            assert!(self.image_equals(position, account), "rollback restores every account it touched");
        }
        while self.dirty.len() > self.dirty_before_batch {
            let account = self.dirty.pop().expect("longer than before the batch");
            if account < self.len() {
                self.get_mut(account).dirty = false;
            }
        }
        self.batch += 1;
        self.images.clear();
    }

    fn image_equals(&self, position: usize, account: u32) -> bool {
        let (image, slot) = (&self.images[position], self.get(account));
        image.debits_pending == slot.debits_pending
            && image.debits_posted == slot.debits_posted
            && image.credits_pending == slot.credits_pending
            && image.credits_posted == slot.credits_posted
            && image.last_sequence == slot.last_sequence
            && image.flags == slot.flags
    }

    /// Returns the number of accounts that are durable.
    pub fn committed_len(&self) -> u32 {
        self.batch_first
    }

    /// Returns an account as of the last commit; it must be one of the first [`Self::committed_len`].
    pub fn committed(&self, account: u32) -> Account {
        let slot = self.get(account);
        let mut record = Account {
            id: slot.id,
            debits_pending: slot.debits_pending,
            debits_posted: slot.debits_posted,
            credits_pending: slot.credits_pending,
            credits_posted: slot.credits_posted,
            user_data_128: self.user_data_128[account as usize],
            user_data_64: slot.user_data_64,
            user_data_32: slot.user_data_32,
            reserved: 0,
            ledger: slot.ledger,
            code: slot.code,
            flags: slot.flags,
            timestamp: slot.timestamp,
        };
        if let Some(image) = self.image(slot) {
            record.debits_pending = image.debits_pending;
            record.debits_posted = image.debits_posted;
            record.credits_pending = image.credits_pending;
            record.credits_posted = image.credits_posted;
            record.flags = image.flags;
        }
        record
    }

    /// Returns an account that was just loaded.
    pub fn loaded(&self, account: u32) -> Account {
        self.committed(account)
    }

    /// Returns the newest committed transfer of an account.
    pub fn committed_last_sequence(&self, account: u32) -> u64 {
        let slot = self.get(account);
        self.image(slot).map_or(slot.last_sequence, |image| image.last_sequence)
    }

    fn image(&self, slot: &AccountSlot) -> Option<&AccountImage> {
        let position = slot.touched & POSITION_MASK;
        if slot.touched >> POSITION_BITS != self.batch || position == POSITION_NEW {
            return None;
        }
        self.images.get(position as usize)
    }

    /// Returns the account's own field that no transfer needs.
    pub fn user_data_128(&self, account: u32) -> u128 {
        self.user_data_128[account as usize]
    }

    /// Returns the committed accounts that changed since the last call. What the batch in flight touched stays dirty.
    pub fn take_dirty(&mut self) -> Vec<u32> {
        let in_flight: Vec<u32> =
            self.images.iter().map(|image| image.account).chain(self.batch_first..self.len()).collect();
        let mut taken = std::mem::replace(&mut self.dirty, in_flight);
        taken.truncate(self.dirty_before_batch);
        self.dirty_before_batch = 0;
        for &account in &taken {
            self.get_mut(account).dirty = false;
        }
        for position in 0..self.dirty.len() {
            let account = self.dirty[position];
            self.get_mut(account).dirty = true;
        }
        taken
    }

    /// Returns whether some account was created at exactly this time. Creation times grow with the position.
    pub fn has_timestamp(&self, timestamp: u64) -> bool {
        let mut low = 0;
        let mut high = self.len();
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).timestamp < timestamp {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low < self.len() && self.get(low).timestamp == timestamp
    }

    /// Returns when the newest account was created; 0 if there is none.
    pub fn last_timestamp(&self) -> u64 {
        if self.len() == 0 { 0 } else { self.get(self.len() - 1).timestamp }
    }

    /// Returns the entries of the index, which must equal the accounts.
    pub fn index_len(&self) -> usize {
        self.index.len()
    }
}
