//! All accounts, in one dense array in creation order, with prior images for the batch in flight.

use crate::account::{Account, DOMAIN_CODES};
use crate::account_slot::{AccountSlot, AccountState, HighHalves, has_high_half};
use crate::id_index::{IdIndex, hash_id, slot_position};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// No account.
pub(crate) const NONE_ACCOUNT: u32 = u32::MAX;

const SEGMENT_BITS: u32 = 15;
const SEGMENT_LEN: usize = 1 << SEGMENT_BITS;
const SEGMENT_MASK: u32 = (1 << SEGMENT_BITS) - 1;

/// What no transfer reads or changes of an account.
struct AccountDetails {
    user_data_128: u128,
    timestamp: u64,
    user_data_64: u64,
    user_data_32: u32,
    code: u16,
}

/// The account array, its index, and the images of the batch in flight.
///
/// An account has an image if its slot says where and the image there says so too: nothing has to be reset between
/// batches.
pub(crate) struct Accounts {
    // Segments instead of one vector: growing never copies, so no batch ever waits for it.
    segments: Vec<Vec<AccountSlot>>,
    details: Vec<AccountDetails>,
    /// Of the accounts that are marked wide.
    high_halves: HashMap<u32, HighHalves, FixedState>,
    index: IdIndex,
    /// Counts batches.
    batch: u64,
    /// The first account created by the batch in flight.
    batch_first: u32,
    /// Slots of accounts that the batch in flight changes, as they were before.
    images: Vec<AccountSlot>,
    /// Of the images that are marked wide.
    image_high_halves: HashMap<u32, HighHalves, FixedState>,
    dirty: Vec<u32>,
    /// Entries of `dirty` from before the batch in flight.
    dirty_before_batch: usize,
}

impl Accounts {
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            segments: Vec::with_capacity(capacity / SEGMENT_LEN + 1),
            details: Vec::with_capacity(capacity),
            high_halves: HashMap::default(),
            index: IdIndex::with_capacity(capacity),
            batch: 0,
            batch_first: 0,
            images: Vec::new(),
            image_high_halves: HashMap::default(),
            dirty: Vec::new(),
            dirty_before_batch: 0,
        }
    }

    pub fn len(&self) -> u32 {
        self.details.len() as u32
    }

    #[inline(always)]
    pub fn slot(&self, account: u32) -> &AccountSlot {
        &self.segments[(account >> SEGMENT_BITS) as usize][(account & SEGMENT_MASK) as usize]
    }

    /// Returns what transfers change of an account.
    #[inline(always)]
    pub fn state(&self, account: u32) -> AccountState {
        self.state_of(self.slot(account), account)
    }

    /// As [`Self::state`], given the account's slot.
    #[inline(always)]
    pub fn state_of(&self, slot: &AccountSlot, account: u32) -> AccountState {
        slot.state(if slot.is_wide() { self.wide(account) } else { HighHalves::default() })
    }

    #[cold]
    fn wide(&self, account: u32) -> HighHalves {
        self.high_halves[&account]
    }

    /// Returns the account of an id, in flight or not.
    #[inline]
    pub fn find(&self, id: u128) -> Option<u32> {
        self.index.find(hash_id(id), |account| self.slot(account).id == id)
    }

    /// Returns the first slot of the index to look at for an id with this hash.
    #[inline(always)]
    pub fn peek(&self, hash: u32) -> u64 {
        self.index.peek(hash)
    }

    /// Finishes a lookup that began with [`Self::peek`].
    #[inline(always)]
    pub fn find_from(&self, slot: u64, id: u128) -> u32 {
        if slot != 0 && self.slot(slot_position(slot)).id == id {
            return slot_position(slot);
        }
        self.find_again(slot, id)
    }

    #[cold]
    fn find_again(&self, slot: u64, id: u128) -> u32 {
        if slot == 0 { NONE_ACCOUNT } else { self.find(id).unwrap_or(NONE_ACCOUNT) }
    }

    /// Adds an account created by the batch in flight.
    pub fn create(&mut self, account: &Account) {
        let position = self.append(account);
        self.slot_mut(position).set_mark(AccountSlot::DIRTY);
        self.dirty.push(position);
    }

    /// Adds an account that is already projected.
    pub fn append(&mut self, account: &Account) -> u32 {
        let position = self.len();
        assert!(position < NONE_ACCOUNT - 1, "more accounts than an index can number");
        if position & SEGMENT_MASK == 0 {
            self.segments.push(Vec::with_capacity(SEGMENT_LEN));
        }
        let segment = self.segments.last_mut().expect("a segment was just made");
        let mut slot = AccountSlot::new(account.id, account.ledger);
        if DOMAIN_CODES.contains(&account.code) {
            slot.set_mark(AccountSlot::DOMAINS);
        }
        segment.push(slot);
        self.details.push(AccountDetails {
            user_data_128: account.user_data_128,
            timestamp: account.timestamp,
            user_data_64: account.user_data_64,
            user_data_32: account.user_data_32,
            code: account.code,
        });
        self.index.insert(hash_id(account.id), position);
        let state = AccountState {
            debits_pending: account.debits_pending,
            debits_posted: account.debits_posted,
            credits_pending: account.credits_pending,
            credits_posted: account.credits_posted,
            last_sequence: 0,
            flags: account.flags,
        };
        let high_halves = self.slot_mut(position).set_state(&state);
        if has_high_half(&high_halves) {
            self.set_wide(position, high_halves);
        }
        position
    }

    /// Forgets the accounts from `len` on: they never were.
    pub fn truncate(&mut self, len: u32) {
        while self.len() > len {
            let position = self.len() - 1;
            self.index.remove(hash_id(self.slot(position).id), position);
            self.high_halves.remove(&position);
            self.details.pop();
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

    /// Gives an account a new state in the batch in flight, after keeping its prior image, once.
    #[inline(always)]
    pub fn set_state(&mut self, account: u32, after: &AccountState) {
        let slot = &mut self.segments[(account >> SEGMENT_BITS) as usize][(account & SEGMENT_MASK) as usize];
        let image = slot.image(self.batch).and_then(|position| self.images.get(position));
        if image.is_none_or(|image| image.imaged_account() != account) && account < self.batch_first {
            self.images.push(slot.take_image(account, self.batch, self.images.len()));
            if slot.is_wide() {
                self.image_high_halves.insert(account, self.high_halves[&account]);
            }
            if !slot.has_mark(AccountSlot::DIRTY) {
                slot.set_mark(AccountSlot::DIRTY);
                self.dirty.push(account);
            }
        }
        let was_wide = slot.is_wide();
        let high_halves = slot.set_state(after);
        if was_wide || has_high_half(&high_halves) {
            self.set_wide(account, high_halves);
        }
    }

    /// Changes an account in the batch in flight.
    pub fn change(&mut self, account: u32, edit: impl FnOnce(&mut AccountState)) {
        let mut state = self.state(account);
        edit(&mut state);
        self.set_state(account, &state);
    }

    #[cold]
    fn set_wide(&mut self, account: u32, high_halves: HighHalves) {
        let slot = self.slot_mut(account);
        if !has_high_half(&high_halves) {
            slot.clear_mark(AccountSlot::WIDE);
            self.high_halves.remove(&account);
        } else {
            slot.set_mark(AccountSlot::WIDE);
            self.high_halves.insert(account, high_halves);
        }
    }

    /// Sets the newest transfer of an account that is being loaded; returns the one before.
    pub fn load_last_sequence(&mut self, account: u32, sequence: u64) -> u32 {
        let mut state = self.state(account);
        let previous = std::mem::replace(&mut state.last_sequence, sequence as u32);
        self.slot_mut(account).set_state(&state);
        previous
    }

    fn slot_mut(&mut self, account: u32) -> &mut AccountSlot {
        &mut self.segments[(account >> SEGMENT_BITS) as usize][(account & SEGMENT_MASK) as usize]
    }

    pub fn begin_batch(&mut self) {
        self.batch += 1;
        self.batch_first = self.len();
        self.dirty_before_batch = self.dirty.len();
    }

    pub fn commit_batch(&mut self) {
        self.forget_images();
        self.begin_batch();
    }

    /// Ends a batch whose events were all undone, and proves that the undo was exact.
    pub fn end_rollback(&mut self) {
        self.truncate(self.batch_first);
        for image in &self.images {
            let account = image.imaged_account();
            assert!(self.state(account) == self.imaged_state(image), "rollback restores every account it touched");
        }
        self.forget_images();
        while self.dirty.len() > self.dirty_before_batch {
            let account = self.dirty.pop().expect("longer than before the batch");
            if account < self.len() {
                self.slot_mut(account).clear_mark(AccountSlot::DIRTY);
            }
        }
    }

    /// Returns the number of accounts that are durable.
    pub fn committed_len(&self) -> u32 {
        self.batch_first
    }

    /// Returns an account as of the last commit; it must be one of the first [`Self::committed_len`].
    pub fn committed(&self, account: u32) -> Account {
        let (details, state) = (&self.details[account as usize], self.committed_state(account));
        Account {
            id: self.slot(account).id,
            debits_pending: state.debits_pending,
            debits_posted: state.debits_posted,
            credits_pending: state.credits_pending,
            credits_posted: state.credits_posted,
            user_data_128: details.user_data_128,
            user_data_64: details.user_data_64,
            user_data_32: details.user_data_32,
            reserved: 0,
            ledger: self.slot(account).ledger,
            code: details.code,
            flags: state.flags,
            timestamp: details.timestamp,
        }
    }

    /// Returns what transfers change of an account, as of the last commit.
    pub fn committed_state(&self, account: u32) -> AccountState {
        let image = self.slot(account).image(self.batch).and_then(|position| self.images.get(position));
        match image {
            Some(image) if image.imaged_account() == account => self.imaged_state(image),
            _ => self.state(account),
        }
    }

    fn imaged_state(&self, image: &AccountSlot) -> AccountState {
        let is_wide = image.is_wide();
        image.state(if is_wide { self.image_high_halves[&image.imaged_account()] } else { HighHalves::default() })
    }

    fn forget_images(&mut self) {
        self.images.clear();
        if !self.image_high_halves.is_empty() {
            self.image_high_halves.clear();
        }
    }

    /// Returns an account as it is, in flight or not.
    pub fn current(&self, account: u32) -> Account {
        let state = self.state(account);
        Account {
            debits_pending: state.debits_pending,
            debits_posted: state.debits_posted,
            credits_pending: state.credits_pending,
            credits_posted: state.credits_posted,
            flags: state.flags,
            ..self.committed(account)
        }
    }

    /// Returns the committed accounts that changed since the last call. What the batch in flight touched stays dirty.
    pub fn take_dirty(&mut self) -> Vec<u32> {
        let in_flight: Vec<u32> =
            self.images.iter().map(AccountSlot::imaged_account).chain(self.batch_first..self.len()).collect();
        let mut taken = std::mem::replace(&mut self.dirty, in_flight);
        taken.truncate(self.dirty_before_batch);
        self.dirty_before_batch = 0;
        for &account in &taken {
            self.slot_mut(account).clear_mark(AccountSlot::DIRTY);
        }
        for position in 0..self.dirty.len() {
            let account = self.dirty[position];
            self.slot_mut(account).set_mark(AccountSlot::DIRTY);
        }
        taken
    }

    /// Returns whether some account was created at exactly this time. Creation times grow with the position.
    pub fn has_timestamp(&self, timestamp: u64) -> bool {
        self.details.binary_search_by_key(&timestamp, |details| details.timestamp).is_ok()
    }

    /// Returns when the newest account was created; 0 if there is none.
    pub fn last_timestamp(&self) -> u64 {
        self.details.last().map_or(0, |details| details.timestamp)
    }

    /// Returns the entries of the index, which must equal the accounts.
    pub fn index_len(&self) -> usize {
        self.index.len()
    }
}
