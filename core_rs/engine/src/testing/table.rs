//! Tables of events a bookkeeper can read.
//!
//! ```text
//! account 1                          | created
//! account 2 debits<=credits          | created
//!
//! transfer 10: 1 -> 2 100            | created | 1: 0+100 / 0+0, 2: 0+0 / 0+100
//! hold 11: 1 -> 2 20 timeout=5       | created | 1: 20+100 / 0+0
//!
//! post 12: 11                        | created | 1: 0+120 / 0+0
//! after 5s
//! ```
//!
//! A blank line ends a request; every request is a batch. `event | code | balances`, where balances are `account:
//! debits pending + debits posted / credits pending + credits posted` after the event. Accounts have ledger 1 and code
//! 1, transfers too, unless the row says otherwise (`ledger=2 code=0 flags=… timestamp=…`). `max` is 2^128 - 1.

use super::CheckedLedger;
use crate::account::{Account, account_flags};
use crate::accounts::Accounts;
use crate::event::{Operation, Unit};
use crate::ledger::LedgerOptions;
use crate::status::{CreateAccountStatus, CreateTransferStatus};
use crate::transfer::{Transfer, transfer_flags};
use std::collections::BTreeSet;
use zerocopy::IntoBytes;

/// When a table begins, in nanoseconds.
const START: u64 = 1_000_000_000_000;

/// Which result codes the tables reached.
#[derive(Default)]
pub(crate) struct StatusesSeen {
    pub accounts: BTreeSet<&'static str>,
    pub transfers: BTreeSet<&'static str>,
}

enum Event {
    Account(Account),
    Transfer(Transfer),
}

struct Row<'a> {
    line: &'a str,
    event: Event,
    expected: &'a str,
    balances: &'a str,
}

/// Runs a table; panics at the first row that is not so.
pub(crate) fn check_table(table: &str, seen: &mut StatusesSeen) {
    let mut ledger = CheckedLedger::new(LedgerOptions { chunk_size: 4, ..LedgerOptions::default() });
    let mut now = START;
    for request in table.split("\n\n") {
        let mut rows = Vec::new();
        for line in request.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.strip_prefix("after ") {
                Some(time) => now += duration(time),
                None => rows.push(parse_row(line, now)),
            }
        }
        check_request(&mut ledger, &rows, now, seen);
        now += 1_000;
    }
}

fn check_request(ledger: &mut CheckedLedger, rows: &[Row<'_>], now: u64, seen: &mut StatusesSeen) {
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| !row.balances.is_empty()) {
        let requests = requests(&rows[..=index]);
        ledger.in_flight(&units(&requests), now, |accounts| check_balances(accounts, row));
    }
    let batch = ledger.apply(&units(&requests(rows)), now);
    assert_eq!(batch.results.len(), rows.len());
    for (row, result) in rows.iter().zip(&batch.results) {
        let name = match row.event {
            Event::Account(account) => {
                ledger.watch_account(account.id);
                let name = CreateAccountStatus::from_code(result.status).unwrap().name();
                seen.accounts.insert(name);
                name
            }
            Event::Transfer(_) => {
                let name = CreateTransferStatus::from_code(result.status).unwrap().name();
                seen.transfers.insert(name);
                name
            }
        };
        assert_eq!(name, row.expected, "\nin the row: {}", row.line);
    }
    // Whatever the rows say must hold with any memory.
    ledger.project();
    ledger.evict();
    if batch.timestamp.is_multiple_of(3) {
        ledger.recover(batch.timestamp % 5, 7);
    }
}

/// Returns the rows as requests of one operation each.
fn requests(rows: &[Row<'_>]) -> Vec<(Operation, Vec<u8>)> {
    let mut requests: Vec<(Operation, Vec<u8>)> = Vec::new();
    for row in rows {
        let (operation, bytes) = match &row.event {
            Event::Account(account) => (Operation::CreateAccounts, account.as_bytes()),
            Event::Transfer(transfer) => (Operation::CreateTransfers, transfer.as_bytes()),
        };
        match requests.last_mut().filter(|(last, _)| *last == operation) {
            Some((_, records)) => records.extend_from_slice(bytes),
            None => requests.push((operation, bytes.to_vec())),
        }
    }
    requests
}

fn units(requests: &[(Operation, Vec<u8>)]) -> Vec<Unit<'_>> {
    requests.iter().map(|(operation, records)| Unit { operation: *operation, records }).collect()
}

fn check_balances(accounts: &Accounts, row: &Row<'_>) {
    for balance in row.balances.split(',').map(str::trim) {
        let (id, sides) = balance.split_once(':').unwrap();
        let numbers: Vec<u128> = sides.split(['+', '/']).map(|text| number(text.trim())).collect();
        let account = accounts.current(accounts.find(number(id)).unwrap());
        let actual = [account.debits_pending, account.debits_posted, account.credits_pending, account.credits_posted];
        assert_eq!(actual.as_slice(), numbers, "\nafter the row: {}", row.line);
    }
}

fn parse_row(line: &str, now: u64) -> Row<'_> {
    let mut columns = line.split('|').map(str::trim);
    let event = columns.next().unwrap();
    let expected = columns.next().unwrap_or_else(|| panic!("no expected code: {line}"));
    let balances = columns.next().unwrap_or_default();
    let (kind, rest) = event.split_once(' ').unwrap();
    let event = if kind == "account" { account(rest) } else { transfer(kind, rest, now) };
    Row { line, event, expected, balances }
}

fn account(text: &str) -> Event {
    let (id, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut account = Account { id: number(id), ledger: 1, code: 1, ..Account::default() };
    for word in rest.split_whitespace() {
        let field = word.split_once('=').filter(|(key, _)| !key.ends_with('<'));
        let (key, value) = field.map_or((word, 0), |(key, value)| (key, number(value)));
        match key {
            "linked" => account.flags |= account_flags::LINKED,
            "debits<=credits" => account.flags |= account_flags::DEBITS_MUST_NOT_EXCEED_CREDITS,
            "credits<=debits" => account.flags |= account_flags::CREDITS_MUST_NOT_EXCEED_DEBITS,
            "history" => account.flags |= account_flags::HISTORY,
            "imported" => account.flags |= account_flags::IMPORTED,
            "closed" => account.flags |= account_flags::CLOSED,
            "flags" => account.flags = value as u16,
            "debits_pending" => account.debits_pending = value,
            "debits_posted" => account.debits_posted = value,
            "credits_pending" => account.credits_pending = value,
            "credits_posted" => account.credits_posted = value,
            "data128" => account.user_data_128 = value,
            "data64" => account.user_data_64 = value as u64,
            "data32" => account.user_data_32 = value as u32,
            "reserved" => account.reserved = value as u32,
            "ledger" => account.ledger = value as u32,
            "code" => account.code = value as u16,
            "timestamp" => account.timestamp = value as u64,
            _ => panic!("{word} means nothing for an account"),
        }
    }
    Event::Account(account)
}

fn transfer(kind: &str, text: &str, now: u64) -> Event {
    let (id, rest) = text.split_once(':').unwrap();
    let mut transfer = Transfer { id: number(id), ..Transfer::default() };
    let mut words = rest.split_whitespace();
    if matches!(kind, "post" | "void") {
        let post = kind == "post";
        transfer.flags =
            if post { transfer_flags::POST_PENDING_TRANSFER } else { transfer_flags::VOID_PENDING_TRANSFER };
        transfer.amount = if post { u128::MAX } else { 0 };
        transfer.pending_id = number(words.next().unwrap());
    } else {
        transfer.flags = if kind == "hold" { transfer_flags::PENDING } else { 0 };
        (transfer.ledger, transfer.code) = (1, 1);
        transfer.debit_account_id = number(words.next().unwrap());
        assert_eq!(words.next(), Some("->"));
        transfer.credit_account_id = number(words.next().unwrap());
        transfer.amount = number(words.next().unwrap());
    }
    for word in words {
        set_transfer_field(&mut transfer, word, now);
    }
    Event::Transfer(transfer)
}

fn set_transfer_field(transfer: &mut Transfer, word: &str, now: u64) {
    let (key, value) = word.split_once('=').map_or((word, 0), |(key, value)| (key, number(value)));
    match key {
        "linked" => transfer.flags |= transfer_flags::LINKED,
        "pending" => transfer.flags |= transfer_flags::PENDING,
        "and_post" => transfer.flags |= transfer_flags::POST_PENDING_TRANSFER,
        "and_void" => transfer.flags |= transfer_flags::VOID_PENDING_TRANSFER,
        "balancing_debit" => transfer.flags |= transfer_flags::BALANCING_DEBIT,
        "balancing_credit" => transfer.flags |= transfer_flags::BALANCING_CREDIT,
        "closing_debit" => transfer.flags |= transfer_flags::CLOSING_DEBIT,
        "closing_credit" => transfer.flags |= transfer_flags::CLOSING_CREDIT,
        "imported" => transfer.flags |= transfer_flags::IMPORTED,
        "flags" => transfer.flags = value as u16,
        "id_ahead_ms" => transfer.id |= (u128::from(now / 1_000_000) + value) << 80,
        "debit" => transfer.debit_account_id = value,
        "credit" => transfer.credit_account_id = value,
        "amount" => transfer.amount = value,
        "pending_id" => transfer.pending_id = value,
        "data128" => transfer.user_data_128 = value,
        "data64" => transfer.user_data_64 = value as u64,
        "data32" => transfer.user_data_32 = value as u32,
        "timeout" => transfer.timeout = value as u32,
        "ledger" => transfer.ledger = value as u32,
        "code" => transfer.code = value as u16,
        "timestamp" => transfer.timestamp = value as u64,
        _ => panic!("{word} means nothing for a transfer"),
    }
}

/// Reads `123`, `max`, `max-5`, `2^64`, `2^64-1`.
fn number(text: &str) -> u128 {
    let text = text.trim();
    let (base, less) = text.split_once('-').unwrap_or((text, "0"));
    let base = match base.strip_prefix("2^") {
        Some(exponent) => 1u128 << exponent.parse::<u32>().unwrap(),
        None if base == "max" => u128::MAX,
        None => base.replace('_', "").parse().unwrap_or_else(|_| panic!("not a number: {text}")),
    };
    base - less.parse::<u128>().unwrap()
}

fn duration(text: &str) -> u64 {
    let unit = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let count: u64 = text[..text.len() - unit.len()].parse().unwrap();
    count
        * match unit {
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "ns" => 1,
            _ => panic!("not a duration: {text}"),
        }
}
