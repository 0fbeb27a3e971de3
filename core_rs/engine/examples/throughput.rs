//! How many transfers per second the engine applies and commits, on one core, in memory.
//!
//! ```text
//! cargo run --release -p pycore-engine --example throughput -- \
//!     --batch 8190 --accounts 10000 --transfers 8000000 --skew uniform --workload post
//! ```
//!
//! Options: `--batch N`, `--unit N` (events per request, default one request per batch), `--accounts N`,
//! `--transfers N`, `--skew uniform|zipf:EXPONENT|hot:SHARE`, `--workload post|two_phase`, `--open-holds N`
//! (two_phase), `--warm-up N` (transfers before the measurement; by default until memory is reused), `--seed N`,
//! `--name NAME`. Without options it runs the whole table. Prints one JSON object per line.
//!
//! Timed: `cold_ids`, `apply` and `commit` of ready-made records. Not timed, but reported: encoding the journal body,
//! the projection, and the eviction of chunks, which keep memory flat as in production.

// A benchmark reports rates.
#![allow(clippy::float_arithmetic)]

use pycore_engine::{
    Account, CreateTransferStatus, Ledger, LedgerOptions, Operation, RECORD_SIZE, Transfer, Unit, journal,
    transfer_flags,
};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use zerocopy::IntoBytes;

const START_NS: u64 = 1_760_000_000_000_000_000;
/// The simulated clock moves as if this many transfers arrived per second.
const SIMULATED_RATE: u64 = 200_000;
const BATCH_MAX: usize = 8190;

#[derive(Clone, Copy, PartialEq)]
enum Skew {
    Uniform,
    Zipf(f64),
    Hot(f64),
}

#[derive(Clone, Copy, PartialEq)]
enum Workload {
    Post,
    TwoPhase,
}

#[derive(Clone)]
struct Parameters {
    name: String,
    batch: usize,
    unit: usize,
    accounts: u64,
    transfers: u64,
    skew: (String, Skew),
    workload: Workload,
    open_holds: u64,
    warm_up: u64,
    seed: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            name: String::new(),
            batch: BATCH_MAX,
            unit: 0,
            accounts: 10_000,
            transfers: 4_000_000,
            skew: ("uniform".into(), Skew::Uniform),
            workload: Workload::Post,
            open_holds: 0,
            // Three chunks: from then on the window lives in memory that was used before, as it does in a server
            // that has run for a minute. Before, it measures how fast the operating system hands out pages.
            warm_up: 3 << 20,
            seed: 1,
        }
    }
}

/// SplitMix64: small, seeded, good enough to pick accounts.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Picks accounts by the skew asked for.
struct Picker {
    skew: Skew,
    accounts: u64,
    /// Zipf only: the cumulated weights.
    cumulated: Vec<f64>,
}

impl Picker {
    fn new(skew: Skew, accounts: u64) -> Self {
        let mut cumulated = Vec::new();
        if let Skew::Zipf(exponent) = skew {
            let mut sum = 0.0;
            for rank in 1..=accounts {
                sum += (rank as f64).powf(-exponent);
                cumulated.push(sum);
            }
        }
        Self { skew, accounts, cumulated }
    }

    fn pick(&self, random: &mut Random) -> u64 {
        match self.skew {
            Skew::Uniform | Skew::Hot(_) => random.below(self.accounts),
            Skew::Zipf(_) => {
                let target = random.fraction() * self.cumulated.last().expect("there are accounts");
                let rank = self.cumulated.partition_point(|&sum| sum < target) as u64;
                // Spread the ranks over the account array.
                rank.min(self.accounts - 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 | 1) % self.accounts
            }
        }
    }

    fn pair(&self, random: &mut Random) -> (u64, u64) {
        let mut debit = self.pick(random);
        if let Skew::Hot(share) = self.skew
            && random.fraction() < share
        {
            debit = 0;
        }
        let mut credit = self.pick(random);
        while credit == debit {
            credit = random.below(self.accounts);
        }
        (debit, credit)
    }
}

fn account_id(index: u64) -> u128 {
    // Spread as ids made by clients are.
    u128::from(Random(index).next()) << 64 | u128::from(index + 1)
}

/// Makes the records of a run.
struct Source {
    parameters: Parameters,
    random: Random,
    picker: Picker,
    now: u64,
    /// Two-phase: open holds in the order they will be closed.
    open: VecDeque<u128>,
    hold_next: bool,
}

impl Source {
    fn new(parameters: &Parameters) -> Self {
        Self {
            parameters: parameters.clone(),
            random: Random(parameters.seed),
            picker: Picker::new(parameters.skew.1, parameters.accounts),
            now: START_NS,
            open: VecDeque::new(),
            hold_next: true,
        }
    }

    fn id(&mut self) -> u128 {
        let time_ms = self.now / 1_000_000;
        let random = u128::from(self.random.next()) << 64 | u128::from(self.random.next());
        u128::from(time_ms) << 80 | random >> 48
    }

    fn transfer(&mut self) -> Transfer {
        let (debit, credit) = self.picker.pair(&mut self.random);
        Transfer {
            id: self.id(),
            debit_account_id: account_id(debit),
            credit_account_id: account_id(credit),
            amount: 1 + u128::from(self.random.below(100_000)),
            user_data_128: u128::from(self.random.next()),
            ledger: 156,
            code: 1,
            ..Transfer::default()
        }
    }

    fn hold(&mut self) -> Transfer {
        let mut hold = self.transfer();
        hold.flags = transfer_flags::PENDING;
        if self.random.below(10) == 0 {
            // One in ten is left to expire, after about as long as the others stay open.
            let open_s = self.parameters.open_holds / (SIMULATED_RATE / 2);
            hold.timeout = 1 + self.random.below(open_s * 2 + 1) as u32;
        } else {
            hold.timeout = 24 * 3600;
            self.open.push_back(hold.id);
        }
        hold
    }

    /// Closes a hold picked among the oldest: posts seven, voids two in nine.
    fn closing(&mut self) -> Transfer {
        let reach = (self.open.len() / 8).max(1) as u64;
        let picked = self.random.below(reach) as usize;
        self.open.swap(0, picked);
        let pending_id = self.open.pop_front().expect("there is an open hold");
        let is_void = self.random.below(9) >= 7;
        let id = self.id();
        let flags = if is_void { transfer_flags::VOID_PENDING_TRANSFER } else { transfer_flags::POST_PENDING_TRANSFER };
        Transfer { id, pending_id, amount: if is_void { 0 } else { u128::MAX }, flags, ..Transfer::default() }
    }

    fn event(&mut self) -> Transfer {
        match self.parameters.workload {
            Workload::Post => self.transfer(),
            Workload::TwoPhase => {
                let is_hold = self.hold_next || self.open.is_empty();
                self.hold_next = !is_hold;
                if is_hold { self.hold() } else { self.closing() }
            }
        }
    }

    /// Returns the batches of one timed group, as records and the time of each batch.
    fn group(&mut self, batches: usize, hold_only: bool) -> Vec<(u64, Vec<Transfer>)> {
        let batch = self.parameters.batch;
        (0..batches)
            .map(|_| {
                self.now += (batch as u64 * 1_000_000_000 / SIMULATED_RATE).max(1);
                let records = (0..batch).map(|_| if hold_only { self.hold() } else { self.event() }).collect();
                (self.now, records)
            })
            .collect()
    }
}

#[derive(Default)]
struct Measured {
    applied: Duration,
    /// Nanoseconds per transfer of every timed group.
    groups: Vec<f64>,
    transfers: u64,
    expired: u64,
    encoded: Duration,
    encoded_bytes: u64,
    encoded_transfers: u64,
    projected: Duration,
    projected_rows: u64,
    evicted_max: Duration,
}

fn create_accounts(ledger: &mut Ledger, count: u64) {
    let mut index = 0;
    while index < count {
        let end = (index + BATCH_MAX as u64).min(count);
        let accounts: Vec<Account> = (index..end)
            .map(|index| Account { id: account_id(index), ledger: 156, code: 1, ..Account::default() })
            .collect();
        let unit = Unit { operation: Operation::CreateAccounts, records: accounts.as_bytes() };
        ledger.apply(&[unit], START_NS - (1 << 50) + index * 1_000_000, &[]);
        ledger.commit();
        index = end;
    }
    let _ = ledger.take_projection();
}

fn units_of(records: &[Transfer], unit: usize) -> Vec<Unit<'_>> {
    let size = if unit == 0 { records.len() } else { unit } * RECORD_SIZE;
    let units = records.as_bytes().chunks(size);
    units.map(|records| Unit { operation: Operation::CreateTransfers, records }).collect()
}

fn apply_group(ledger: &mut Ledger, group: &[(u64, Vec<Transfer>)], unit: usize, measured: &mut Measured) {
    let units: Vec<_> = group.iter().map(|(now, records)| (*now, units_of(records, unit))).collect();
    let mut last = None;
    let started = Instant::now();
    for (now, units) in &units {
        let cold = ledger.cold_ids(units);
        // Late ids would be looked up in the database; here nothing old is ever sent twice.
        std::hint::black_box(&cold);
        let batch = ledger.apply(units, *now, &[]);
        measured.transfers += batch.results.len() as u64;
        measured.expired += u64::from(batch.expired);
        ledger.commit();
        last = Some(batch);
    }
    let elapsed = started.elapsed();
    measured.applied += elapsed;
    let group_transfers = group.iter().map(|(_, records)| records.len()).sum::<usize>();
    measured.groups.push(elapsed.as_nanos() as f64 / group_transfers as f64);
    let (batch, units) = (last.expect("a group has a batch"), &units.last().expect("a group has a batch").1);
    let failed = batch.results.iter().find(|result| result.status != CreateTransferStatus::Created.code());
    assert!(failed.is_none(), "every transfer of a benchmark succeeds: {failed:?}");
    let started = Instant::now();
    let body = journal::encode_body(units, &batch);
    measured.encoded += started.elapsed();
    measured.encoded_bytes += body.len() as u64;
    measured.encoded_transfers += batch.results.len() as u64;
}

/// Projects, and evicts every chunk but the newest full one.
fn keep_memory_flat(ledger: &mut Ledger, chunk_size: u64, measured: &mut Measured) {
    let started = Instant::now();
    if let Some(projection) = ledger.take_projection() {
        let (mut first, end) = (projection.first_sequence, projection.sequence_next);
        measured.projected_rows += end - first;
        while first < end {
            let next = end.min(first + BATCH_MAX as u64);
            std::hint::black_box(ledger.transfer_rows(first..next));
            first = next;
        }
    }
    measured.projected += started.elapsed();
    while ledger.window_first_sequence() + 2 * chunk_size <= ledger.sequence_next() {
        let started = Instant::now();
        ledger.evict_chunk(ledger.window_first_sequence() / chunk_size);
        measured.evicted_max = measured.evicted_max.max(started.elapsed());
    }
}

fn run(parameters: &Parameters) {
    let options = LedgerOptions { accounts_capacity: parameters.accounts as usize, ..LedgerOptions::default() };
    let mut ledger = Ledger::new(options);
    create_accounts(&mut ledger, parameters.accounts);
    let mut source = Source::new(parameters);
    let mut measured = Measured::default();
    let batches = (2 * BATCH_MAX).div_ceil(parameters.batch);
    while (source.open.len() as u64) < parameters.open_holds {
        let group = source.group(batches, true);
        apply_group(&mut ledger, &group, parameters.unit, &mut measured);
        keep_memory_flat(&mut ledger, options.chunk_size, &mut measured);
    }
    while ledger.sequence_next() < parameters.warm_up {
        let group = source.group(batches, false);
        apply_group(&mut ledger, &group, parameters.unit, &mut measured);
        keep_memory_flat(&mut ledger, options.chunk_size, &mut measured);
    }
    measured = Measured::default();
    while measured.transfers < parameters.transfers {
        let group = source.group(batches, false);
        apply_group(&mut ledger, &group, parameters.unit, &mut measured);
        keep_memory_flat(&mut ledger, options.chunk_size, &mut measured);
    }
    ledger.check_invariants().expect("the books balance");
    print(parameters, &measured, &ledger);
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

fn per_second(count: u64, time: Duration) -> u64 {
    (count as f64 / time.as_secs_f64().max(1e-9)) as u64
}

fn print(parameters: &Parameters, measured: &Measured, ledger: &Ledger) {
    let workload = if parameters.workload == Workload::Post { "post" } else { "two_phase" };
    let name = if parameters.name.is_empty() {
        let skew = parameters.skew.0.replace([':', '.'], "_");
        format!("engine_{workload}_{}_{}_{skew}", parameters.batch, parameters.accounts)
    } else {
        parameters.name.clone()
    };
    let rates = format!(
        "\"ns_per_transfer\": {:.1}, \"ns_per_transfer_p10\": {:.1}, \"ns_per_transfer_p50\": {:.1}, \
         \"ns_per_batch\": {:.0}, \"journal_encode_per_s\": {}, \"journal_bytes_per_transfer\": {:.1}, \
         \"projection_rows_per_s\": {}, \"evict_ms_max\": {:.2}",
        measured.applied.as_nanos() as f64 / measured.transfers as f64,
        quantile(&measured.groups, 0.1),
        quantile(&measured.groups, 0.5),
        measured.applied.as_nanos() as f64 * parameters.batch as f64 / measured.transfers as f64,
        per_second(measured.encoded_transfers, measured.encoded),
        measured.encoded_bytes as f64 / measured.encoded_transfers as f64,
        per_second(measured.projected_rows, measured.projected),
        measured.evicted_max.as_secs_f64() * 1e3,
    );
    println!(
        "{{\"name\": \"{name}\", \"value\": {}, \"unit\": \"transfers/s\", \"parameters\": {{\
         \"workload\": \"{workload}\", \"batch\": {}, \"unit_events\": {}, \"accounts\": {}, \"skew\": \"{}\", \
         \"open_holds\": {}, \"transfers\": {}, \"expired\": {}, {rates}}}}}",
        per_second(measured.transfers, measured.applied),
        parameters.batch,
        if parameters.unit == 0 { parameters.batch } else { parameters.unit },
        parameters.accounts,
        parameters.skew.0,
        ledger.open_holds_len(),
        measured.transfers,
        measured.expired,
    );
}

fn parse_skew(text: &str) -> (String, Skew) {
    let number = || text.split_once(':').and_then(|(_, number)| number.parse().ok()).expect("a number after the colon");
    let skew = match text.split(':').next() {
        Some("uniform") => Skew::Uniform,
        Some("zipf") => Skew::Zipf(number()),
        Some("hot") => Skew::Hot(number()),
        _ => panic!("--skew is uniform, zipf:EXPONENT or hot:SHARE"),
    };
    (text.into(), skew)
}

fn parse(arguments: &[String]) -> Parameters {
    let mut parameters = Parameters::default();
    for pair in arguments.chunks(2) {
        let [option, value] = pair else { panic!("{} needs a value", pair[0]) };
        let number = || value.replace('_', "").parse::<u64>().expect("a whole number");
        match option.as_str() {
            "--name" => parameters.name = value.clone(),
            "--batch" => parameters.batch = number() as usize,
            "--unit" => parameters.unit = number() as usize,
            "--accounts" => parameters.accounts = number(),
            "--transfers" => parameters.transfers = number(),
            "--skew" => parameters.skew = parse_skew(value),
            "--workload" => {
                parameters.workload = match value.as_str() {
                    "post" => Workload::Post,
                    "two_phase" => Workload::TwoPhase,
                    _ => panic!("--workload is post or two_phase"),
                }
            }
            "--open-holds" => parameters.open_holds = number(),
            "--warm-up" => parameters.warm_up = number(),
            "--seed" => parameters.seed = number(),
            _ => panic!("{option} is not an option; see the top of throughput.rs"),
        }
    }
    parameters
}

fn run_table() {
    let base = Parameters::default();
    for batch in [1, 8, 64, 512, 4096, BATCH_MAX] {
        run(&Parameters { batch, ..base.clone() });
    }
    for accounts in [1_000, 100_000, 1_000_000, 10_000_000] {
        run(&Parameters { accounts, ..base.clone() });
    }
    for skew in ["zipf:1.0", "zipf:1.5", "zipf:2.0", "hot:0.5", "hot:1.0"] {
        run(&Parameters { skew: parse_skew(skew), ..base.clone() });
    }
    run(&Parameters { unit: 1, ..base.clone() });
    for open_holds in [10_000, 1_000_000] {
        run(&Parameters { workload: Workload::TwoPhase, open_holds, ..base.clone() });
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() { run_table() } else { run(&parse(&arguments)) }
}
