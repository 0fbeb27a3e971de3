//! Random batches, biased to the edges of numbers and to ids that collide.

use crate::account::{Account, account_flags};
use crate::event::{Operation, Unit};
use crate::journal::{decode_body, encode_body};
use crate::ledger::{Ledger, LedgerOptions};
use crate::testing::CheckedLedger;
use crate::transfer::{Transfer, transfer_flags};
use proptest::prelude::*;
use zerocopy::IntoBytes;

const START: u64 = 1_700_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Debug)]
enum Request {
    Accounts(Vec<Account>),
    Transfers(Vec<Transfer>),
}

#[derive(Clone, Debug)]
enum Step {
    /// Requests, and how much later than the step before.
    Batch(Vec<Request>, u64),
    Project,
    Evict,
    Recover(u64, usize),
}

impl Request {
    fn unit(&self) -> Unit<'_> {
        match self {
            Self::Accounts(records) => Unit { operation: Operation::CreateAccounts, records: records.as_bytes() },
            Self::Transfers(records) => Unit { operation: Operation::CreateTransfers, records: records.as_bytes() },
        }
    }
}

/// Ids of a few times, so that some are old, some have no time at all, and many meet again.
fn transfer_id() -> impl Strategy<Value = u128> {
    let time_ms = prop_oneof![4 => Just(0u64), 6 => 0..6u64, 1 => Just(200)].prop_map(|step| match step {
        0 => 0,
        step => START / 1_000_000 + step * 1_000,
    });
    prop_oneof![40 => (time_ms, 1..12u128).prop_map(|(time, low)| u128::from(time) << 80 | low), 1 => edge()]
}

fn edge() -> impl Strategy<Value = u128> {
    let powers = [0, 1, 32, 63, 64, 127].map(|exponent| 1u128 << exponent);
    (prop::sample::select(powers.to_vec()), 0..3u128).prop_map(|(power, less)| power.wrapping_sub(less))
}

fn amount() -> impl Strategy<Value = u128> {
    prop_oneof![6 => 0..20u128, 1 => edge(), 1 => edge().prop_map(|value| u128::MAX - value)]
}

fn account_id() -> impl Strategy<Value = u128> {
    prop_oneof![30 => 1..7u128, 1 => edge()]
}

/// Mostly 1.
fn one() -> impl Strategy<Value = u8> {
    prop_oneof![30 => Just(1u8), 1 => 0..3u8]
}

fn account() -> impl Strategy<Value = Account> {
    let flags = prop_oneof![
        6 => Just(0),
        2 => Just(account_flags::DEBITS_MUST_NOT_EXCEED_CREDITS),
        2 => Just(account_flags::CREDITS_MUST_NOT_EXCEED_DEBITS),
        2 => Just(account_flags::HISTORY),
        1 => Just(account_flags::LINKED),
        1 => 0..128u16,
    ];
    (account_id(), flags, one(), one()).prop_map(|(id, flags, ledger, code)| Account {
        id,
        ledger: ledger.into(),
        code: code.into(),
        flags,
        ..Account::default()
    })
}

fn moving() -> impl Strategy<Value = Transfer> {
    let flags = prop_oneof![
        6 => Just(0),
        8 => Just(transfer_flags::PENDING),
        1 => Just(transfer_flags::BALANCING_DEBIT),
        1 => Just(transfer_flags::BALANCING_CREDIT | transfer_flags::PENDING),
        1 => Just(transfer_flags::PENDING | transfer_flags::CLOSING_DEBIT),
        1 => Just(transfer_flags::PENDING | transfer_flags::CLOSING_CREDIT),
        1 => 0..1024u16,
    ];
    let ids = (transfer_id(), account_id(), account_id(), amount());
    (ids, flags, 0..4u32, one(), one(), 0..2u64).prop_map(
        |((id, debit, credit, amount), flags, timeout, ledger, code, data)| Transfer {
            id,
            debit_account_id: debit,
            credit_account_id: credit,
            amount,
            user_data_64: data,
            timeout: if flags & transfer_flags::PENDING == 0 { 0 } else { timeout },
            ledger: ledger.into(),
            code: code.into(),
            flags,
            ..Transfer::default()
        },
    )
}

fn closing() -> impl Strategy<Value = Transfer> {
    let amount = prop_oneof![4 => Just(None), 1 => amount().prop_map(Some)];
    let flags = prop_oneof![
        5 => Just(transfer_flags::POST_PENDING_TRANSFER),
        3 => Just(transfer_flags::VOID_PENDING_TRANSFER),
        1 => (4..512u16).prop_map(|flags| flags | transfer_flags::POST_PENDING_TRANSFER),
    ];
    let account = || prop_oneof![8 => Just(0u128), 1 => account_id()];
    (transfer_id(), transfer_id(), amount, flags, account(), 0..2u64).prop_map(
        |(id, pending_id, amount, flags, debit_account_id, user_data_64)| Transfer {
            id,
            pending_id,
            amount: amount.unwrap_or(if flags & transfer_flags::VOID_PENDING_TRANSFER == 0 { u128::MAX } else { 0 }),
            flags,
            debit_account_id,
            user_data_64,
            ..Transfer::default()
        },
    )
}

/// New accounts from about the moments at which transfers happened.
fn imported_accounts() -> impl Strategy<Value = Request> {
    let moment = (0..12u64, 0..8u64).prop_map(|(half, offset)| START + half * SECOND / 2 + offset);
    let account = (7..1000u128, moment).prop_map(|(id, timestamp)| Account {
        id,
        ledger: 1,
        code: 1,
        flags: account_flags::IMPORTED,
        timestamp,
        ..Account::default()
    });
    proptest::collection::vec(account, 1..4).prop_map(|mut accounts| {
        accounts.sort_unstable_by_key(|account| account.timestamp);
        Request::Accounts(accounts)
    })
}

fn request() -> impl Strategy<Value = Request> {
    let transfer = (prop_oneof![3 => moving(), 2 => closing()], 0..5u8).prop_map(|(mut transfer, link)| {
        transfer.flags |= if link == 0 { transfer_flags::LINKED } else { 0 };
        transfer
    });
    let transfers = proptest::collection::vec(transfer, 1..12);
    // A request in twelve is imported, with times about those handed out already.
    let imported = (0..12u8, proptest::collection::vec(0..20 * SECOND, 12));
    let transfers = (transfers, imported).prop_map(|(mut transfers, (dice, mut times))| {
        if dice == 0 {
            times.sort_unstable();
            for (transfer, time) in transfers.iter_mut().zip(times) {
                (transfer.flags, transfer.timestamp) = (transfer.flags | transfer_flags::IMPORTED, START + time);
            }
        }
        Request::Transfers(transfers)
    });
    let accounts = proptest::collection::vec(account(), 1..6).prop_map(Request::Accounts);
    prop_oneof![3 => accounts, 1 => imported_accounts(), 20 => transfers]
}

fn step() -> impl Strategy<Value = Step> {
    let later = prop_oneof![Just(0), Just(1), Just(SECOND - 3), Just(SECOND), Just(2 * SECOND)];
    prop_oneof![
        12 => (proptest::collection::vec(request(), 0..4), later).prop_map(|(units, later)| Step::Batch(units, later)),
        4 => Just(Step::Project),
        4 => Just(Step::Evict),
        1 => (0..40u64, 1..200usize).prop_map(|(first, piece)| Step::Recover(first, piece)),
    ]
}

fn first_accounts() -> Vec<Account> {
    let flags = [0, 0, account_flags::DEBITS_MUST_NOT_EXCEED_CREDITS, account_flags::CREDITS_MUST_NOT_EXCEED_DEBITS];
    let account = |(index, &flags)| Account { id: index as u128 + 1, ledger: 1, code: 1, flags, ..Account::default() };
    flags.iter().enumerate().map(account).collect()
}

proptest! {
    // PROPTEST_CASES asks for more.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(400)))]

    /// A ledger that projects, forgets and recovers at random moments answers exactly like one that remembers all.
    #[test]
    fn forgetting_changes_nothing(steps in proptest::collection::vec(step(), 1..40)) {
        let mut forgetting = CheckedLedger::new(LedgerOptions { chunk_size: 4, ..LedgerOptions::default() });
        let mut remembering = Ledger::new(LedgerOptions::default());
        let first = Request::Accounts(first_accounts());
        forgetting.apply(&[first.unit()], START);
        remembering.apply(&[first.unit()], START, &[]);
        remembering.commit();
        let mut now = START;
        for step in &steps {
            match step {
                Step::Batch(requests, later) => {
                    now += later;
                    let units: Vec<Unit<'_>> = requests.iter().map(Request::unit).collect();
                    let forgot = forgetting.apply(&units, now);
                    let remembered = remembering.apply(&units, now, &[]);
                    remembering.commit();
                    prop_assert_eq!(&forgot.results, &remembered.results);
                    prop_assert_eq!(forgot.results_digest, remembered.results_digest);
                    prop_assert_eq!(forgetting.ledger.state_hash(), remembering.state_hash());
                    prop_assert_eq!(forgetting.ledger.next_expiry(), remembering.next_expiry());
                }
                Step::Project => forgetting.project(),
                Step::Evict => forgetting.evict(),
                Step::Recover(first, piece) => forgetting.recover(*first, *piece),
            }
        }
    }

    /// Eviction and projection may fall between any two calls of a batch's life, also when the next batch has asked its
    /// questions already and when a batch is applied again with the answers it had.
    #[test]
    fn eviction_may_fall_anywhere(
        steps in proptest::collection::vec((proptest::collection::vec(request(), 1..3), any::<u8>()), 1..25),
    ) {
        let mut evicting = CheckedLedger::new(LedgerOptions { chunk_size: 4, ..LedgerOptions::default() });
        let mut remembering = Ledger::new(LedgerOptions::default());
        let first = Request::Accounts(first_accounts());
        evicting.apply(&[first.unit()], START);
        remembering.apply(&[first.unit()], START, &[]);
        remembering.commit();
        let units: Vec<Vec<Unit<'_>>> =
            steps.iter().map(|(requests, _)| requests.iter().map(Request::unit).collect()).collect();
        let mut cold = None;
        for (step, (_, moments)) in steps.iter().enumerate() {
            let now = START + step as u64 * SECOND / 2;
            let expected = remembering.apply(&units[step], now, &[]);
            remembering.commit();
            let next = units.get(step + 1).map(Vec::as_slice);
            let (batch, next_cold) = evicting.apply_pipelined(&units[step], now, cold, next, *moments);
            cold = next_cold;
            prop_assert_eq!(&batch.results, &expected.results);
            prop_assert_eq!(evicting.ledger.state_hash(), remembering.state_hash());
            evicting.ledger.check_invariants().unwrap();
        }
    }

    /// Whatever the bytes, reading a body says what is wrong; it never panics.
    #[test]
    fn any_bytes_can_be_decoded(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode_body(&bytes);
        let mut body = b"PJRN\x01\0".to_vec();
        body.extend_from_slice(&bytes);
        let _ = decode_body(&body);
    }

    /// Every changed byte of a body is either found or gives a body that can be replayed or refused without a panic.
    #[test]
    fn damaged_bodies_never_panic(
        requests in proptest::collection::vec(request(), 1..4),
        changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..4),
        cut in any::<u16>(),
    ) {
        let mut ledger = Ledger::new(LedgerOptions::default());
        let first = Request::Accounts(first_accounts());
        ledger.apply(&[first.unit()], START, &[]);
        ledger.commit();
        let units: Vec<Unit<'_>> = requests.iter().map(Request::unit).collect();
        let batch = ledger.apply(&units, START + SECOND, &[]);
        ledger.rollback();
        let mut body = encode_body(&units, &batch);
        let before = ledger.state_hash();
        prop_assert!(ledger.replay(&body[..usize::from(cut) % body.len()], &batch.results_digest).is_err());
        for (position, value) in changes {
            let position = usize::from(position) % body.len();
            body[position] ^= value;
        }
        if ledger.replay(&body, &batch.results_digest).is_err() {
            prop_assert_eq!(ledger.state_hash(), before, "what is refused changes nothing");
        }
        ledger.check_invariants().unwrap();
    }
}
