//! An account as transfers see it: one cache line.

/// What a transfer can change of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountState {
    pub debits_pending: u128,
    pub debits_posted: u128,
    pub credits_pending: u128,
    pub credits_posted: u128,
    /// The low half of the sequence of its newest transfer; see [`Window::newest`](crate::window::Window::newest).
    pub last_sequence: u32,
    pub flags: u16,
}

impl AccountState {
    pub fn has(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }

    /// Returns the balances in the order of the record.
    #[inline(always)]
    fn balances(&self) -> [u128; 4] {
        [self.debits_pending, self.debits_posted, self.credits_pending, self.credits_posted]
    }
}

/// The upper halves of the balances of an account where one of them passes 64 bits.
pub(crate) type HighHalves = [u64; 4];

/// Returns whether there is an upper half. Word by word: comparing whole arrays would have to wait until the words just
/// written have left the processor's store buffer.
#[inline(always)]
pub(crate) fn has_high_half(high_halves: &HighHalves) -> bool {
    high_halves[0] | high_halves[1] | high_halves[2] | high_halves[3] != 0
}

/// What every transfer of an account reads and writes, exactly one cache line: with millions of accounts a transfer
/// waits for memory more than for anything else. The upper halves of large balances and the fields no transfer needs
/// are elsewhere.
#[repr(C, align(64))]
#[derive(Clone)]
pub(crate) struct AccountSlot {
    pub id: u128,
    low_halves: [u64; 4],
    last_sequence: u32,
    /// Where the prior image is, if there is one; see [`Accounts`](crate::accounts::Accounts). In the image, the
    /// account.
    image: u32,
    pub ledger: u32,
    pub flags: u16,
    /// [`DIRTY`](Self::DIRTY), [`WIDE`](Self::WIDE), [`DOMAINS`](Self::DOMAINS), and the low bits of the batch that made the prior image.
    marks: u16,
}

const _: () = assert!(size_of::<AccountSlot>() == 64);

impl AccountSlot {
    /// Not projected since it changed.
    pub const DIRTY: u16 = 1;
    /// Some balance has an upper half.
    pub const WIDE: u16 = 2;
    /// It belongs to a domain: its code is one of [`DOMAIN_CODES`](crate::DOMAIN_CODES).
    pub const DOMAINS: u16 = 4;
    const BATCH_SHIFT: u32 = 3;

    /// Returns a slot without balances.
    pub fn new(id: u128, ledger: u32) -> Self {
        Self { id, low_halves: [0; 4], last_sequence: 0, image: u32::MAX, ledger, flags: 0, marks: 0 }
    }

    #[inline(always)]
    pub fn is_wide(&self) -> bool {
        self.has_mark(Self::WIDE)
    }

    #[inline(always)]
    pub fn has_mark(&self, mark: u16) -> bool {
        self.marks & mark != 0
    }

    pub fn set_mark(&mut self, mark: u16) {
        self.marks |= mark;
    }

    pub fn clear_mark(&mut self, mark: u16) {
        self.marks &= !mark;
    }

    /// Returns where the prior image is if the batch made one. The batch is told apart by its low bits only, so the
    /// image itself has the last word; without them nearly every change would have to look there.
    #[inline(always)]
    pub fn image(&self, batch: u64) -> Option<usize> {
        (self.marks >> Self::BATCH_SHIFT == batch as u16 & (u16::MAX >> Self::BATCH_SHIFT))
            .then_some(self.image as usize)
    }

    /// Returns the slot as it is, to be kept as the image of an account, and notes where it is kept.
    #[inline(always)]
    pub fn take_image(&mut self, account: u32, batch: u64, position: usize) -> Self {
        let image = Self { image: account, ..self.clone() };
        self.image = position as u32;
        self.marks = (batch as u16) << Self::BATCH_SHIFT | self.marks & (Self::DIRTY | Self::WIDE | Self::DOMAINS);
        image
    }

    /// Returns which account this is the image of.
    #[inline(always)]
    pub fn imaged_account(&self) -> u32 {
        self.image
    }

    /// Returns the state, given the upper halves of the balances.
    #[inline(always)]
    pub fn state(&self, high_halves: HighHalves) -> AccountState {
        let balance = |index: usize| u128::from(high_halves[index]) << 64 | u128::from(self.low_halves[index]);
        AccountState {
            debits_pending: balance(0),
            debits_posted: balance(1),
            credits_pending: balance(2),
            credits_posted: balance(3),
            last_sequence: self.last_sequence,
            flags: self.flags,
        }
    }

    /// Takes a state over; returns the upper halves of its balances.
    #[inline(always)]
    pub fn set_state(&mut self, state: &AccountState) -> HighHalves {
        let balances = state.balances();
        self.low_halves = balances.map(|balance| balance as u64);
        self.last_sequence = state.last_sequence;
        self.flags = state.flags;
        balances.map(|balance| (balance >> 64) as u64)
    }
}
