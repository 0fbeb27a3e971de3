//! What a router decides, case by case.

use super::*;

const SECOND: u64 = 1_000_000_000;
/// Noon in Shanghai.
const NOON: u64 = 1_700_020_800 * SECOND;

fn price(basis_points: u32) -> Price {
    Price { basis_points, ..Price::default() }
}

fn route(channel: &str, method: &str, basis_points: u32) -> Route {
    let terms = Terms { currency: "CNY".into(), amount_min: 100, amount_max: 1_000_000, price: price(basis_points) };
    Route { channel: channel.into(), method: method.into(), bank: None, on_us: false, terms: vec![terms] }
}

/// Never explores, so that what is expected is certain.
const STEADY: RouterOptions = RouterOptions {
    half_life_ns: 600 * SECOND,
    prior_succeeded: 9,
    prior_failed: 1,
    failures_max: 3,
    cool_down_ns: 30 * SECOND,
    cool_down_ns_max: 600 * SECOND,
    exploration_ppm: 0,
    utc_offset_s: 8 * 3600,
};

fn router(routes: Vec<Route>) -> Router {
    Router::new(Catalogue::new(routes).unwrap(), STEADY).unwrap()
}

fn shop() -> Router {
    let balance = Route { on_us: true, ..route("balance", "balance", 0) };
    let own = Route { bank: Some("icbc".into()), ..route("unionpay", "quick", 20) };
    router(vec![
        route("wechat", "qr", 60),
        route("alipay", "qr", 55),
        balance,
        route("unionpay", "quick", 38),
        own,
        route("alipay", "quick", 58),
    ])
}

const REQUEST: RouteRequest<'static> = RouteRequest {
    methods: &["qr", "quick", "balance"],
    bank: None,
    currency: "CNY",
    amount_minor: 10_000,
    value_minor: 10_000,
};

fn policy(router: &Router, rules: &str) -> MerchantPolicy {
    MerchantPolicy { rules: router.catalogue().parse_rules(rules).unwrap(), ..MerchantPolicy::default() }
}

fn kept(decision: &Decision) -> Vec<usize> {
    decision.kept().iter().map(|found| found.route).collect()
}

fn reason(decision: &Decision, route: usize) -> Reason {
    decision.considered.iter().find(|found| found.route == route).unwrap().reason
}

fn record(router: &mut Router, route: usize, outcome: Outcome, times: usize, now: u64) {
    (0..times).for_each(|_| router.record(route, outcome, now));
}

#[test]
fn our_own_balance_comes_first_and_then_what_costs_least() {
    let router = shop();
    let decision = router.decide(&REQUEST, &MerchantPolicy::default(), NOON, 1);
    assert_eq!(kept(&decision), [2, 3, 1, 5, 0]);
    assert_eq!(decision.considered.len(), 6);
    assert_eq!(reason(&decision, 2), Reason::OnUs);
    assert_eq!(reason(&decision, 4), Reason::BankNotServed);
    let first = decision.kept()[1];
    assert_eq!((first.cost_minor, first.success_ppm), (38, 900_000));
    assert_eq!(first.score, 10_000 * 900_000 - 38 * 1_000_000);
}

#[test]
fn every_filter_says_why() {
    let mut router = shop();
    let decide = |router: &Router, request: RouteRequest<'_>, policy: &MerchantPolicy| {
        reason(&router.decide(&request, policy, NOON, 1), 3)
    };
    let anyone = MerchantPolicy::default();
    assert_eq!(decide(&router, RouteRequest { methods: &["qr"], ..REQUEST }, &anyone), Reason::MethodNotOffered);
    assert_eq!(decide(&router, RouteRequest { bank: Some("icbc"), ..REQUEST }, &anyone), Reason::BankHasOwnRoute);
    assert_eq!(decide(&router, RouteRequest { bank: Some("ccb"), ..REQUEST }, &anyone), Reason::ScoredByValue);
    assert_eq!(decide(&router, RouteRequest { currency: "USD", ..REQUEST }, &anyone), Reason::CurrencyNotTaken);
    for (amount_minor, expected) in [
        (0, Reason::AmountBelowLimit),
        (99, Reason::AmountBelowLimit),
        (100, Reason::ScoredByValue),
        (1_000_000, Reason::ScoredByValue),
        (1_000_001, Reason::AmountAboveLimit),
        (u64::MAX, Reason::AmountAboveLimit),
    ] {
        assert_eq!(decide(&router, RouteRequest { amount_minor, ..REQUEST }, &anyone), expected, "{amount_minor}");
    }
    let denied = MerchantPolicy { denied: vec!["unionpay".into()], ..MerchantPolicy::default() };
    assert_eq!(decide(&router, REQUEST, &denied), Reason::DeniedToMerchant);
    let others = MerchantPolicy { allowed: Some(vec!["wechat".into()]), ..MerchantPolicy::default() };
    assert_eq!(decide(&router, REQUEST, &others), Reason::NotAllowedToMerchant);
    let both = MerchantPolicy { allowed: Some(vec!["unionpay".into()]), ..denied };
    assert_eq!(decide(&router, REQUEST, &both), Reason::DeniedToMerchant, "denied wins over allowed");
    let excluded = policy(&router, "only wechat");
    assert_eq!(decide(&router, REQUEST, &excluded), Reason::ExcludedByRule);
    router.set_up(3, false);
    assert_eq!(decide(&router, REQUEST, &anyone), Reason::Down);
    router.set_up(3, true);
    assert_eq!(decide(&router, REQUEST, &anyone), Reason::ScoredByValue);
}

#[test]
fn rules_come_before_balance_and_score() {
    let router = shop();
    let decide = |rules: &str, now: u64| kept(&router.decide(&REQUEST, &policy(&router, rules), now, 1));
    assert_eq!(decide("prefer wechat", NOON), [0, 2, 3, 1, 5]);
    assert_eq!(decide("avoid balance, unionpay", NOON), [1, 5, 0, 2, 3]);
    assert_eq!(decide("only alipay", NOON), [1, 5]);
    assert_eq!(decide("when method is qr only alipay", NOON), [2, 3, 1, 5]);
    assert_eq!(decide("when hour from 12 to 13 only wechat", NOON), [0]);
    assert_eq!(decide("when hour from 12 to 13 only wechat", NOON - SECOND), [2, 3, 1, 5, 0]);
    let decision = router.decide(&REQUEST, &policy(&router, "# first\nprefer wechat"), NOON, 1);
    assert_eq!((decision.kept()[0].reason, decision.kept()[0].rule_line), (Reason::PreferredByRule, 2));
}

#[test]
fn a_lower_success_rate_only_while_the_saving_is_worth_it() {
    // With 100 successes of 100 against 90 of 100 the rates are 109/110 and 99/110 = 90.9 percentage points apart...
    let mut router = router(vec![route("dear", "qr", 60), route("cheap", "qr", 38)]);
    record(&mut router, 0, Outcome::Succeeded, 100, NOON);
    for step in 0..100 {
        let outcome = if step % 10 == 0 { Outcome::Failed } else { Outcome::Succeeded };
        router.record(1, outcome, NOON);
    }
    let (dear, cheap) = (router.standing(0, NOON).success_ppm, router.standing(1, NOON).success_ppm);
    assert_eq!((dear, cheap), (990_909, 900_000));
    // ...and the costs of 10,000 are 60 and 38: 22 apart. So the border is a value of 22 / 0.090909 = 242.
    let first = |value_minor| {
        kept(&router.decide(&RouteRequest { value_minor, ..REQUEST }, &MerchantPolicy::default(), NOON, 1))[0]
    };
    assert_eq!(first(243), 0);
    assert_eq!(first(241), 1);
    assert_eq!(first(0), 1, "what is worth nothing goes where it costs least");
}

#[test]
fn a_route_that_fails_in_a_row_is_set_aside_probed_and_let_in_again() {
    let mut router = router(vec![route("wechat", "qr", 38), route("alipay", "qr", 60)]);
    let anyone = MerchantPolicy::default();
    record(&mut router, 0, Outcome::Succeeded, 1_000, NOON);
    record(&mut router, 0, Outcome::Unknown, 3, NOON);
    let decision = router.decide(&REQUEST, &anyone, NOON, 1);
    assert_eq!((kept(&decision), reason(&decision, 0)), (vec![1], Reason::CoolingDown));
    assert!(router.standing(0, NOON).is_set_aside);

    let later = NOON + 30 * SECOND;
    let decision = router.decide(&REQUEST, &anyone, later, 1);
    assert_eq!((kept(&decision), reason(&decision, 0)), (vec![0, 1], Reason::Probe));
    router.begin(0, later);
    let decision = router.decide(&REQUEST, &anyone, later, 1);
    assert_eq!((kept(&decision), reason(&decision, 0)), (vec![1], Reason::ProbeUnderWay));
    router.record(0, Outcome::Refused, later);
    assert_eq!(reason(&router.decide(&REQUEST, &anyone, later, 1), 0), Reason::ScoredByValue, "it answered");
}

#[test]
fn a_route_that_cools_down_is_the_last_resort() {
    let mut router = router(vec![route("wechat", "qr", 60), route("alipay", "qr", 38), route("other", "app", 1)]);
    record(&mut router, 0, Outcome::Failed, 3, NOON);
    record(&mut router, 1, Outcome::Failed, 3, NOON);
    let decision = router.decide(&REQUEST, &MerchantPolicy::default(), NOON, 1);
    assert_eq!(kept(&decision), [1, 0]);
    assert_eq!(reason(&decision, 0), Reason::LastResort);
    // But what is down, or not allowed, is not kept for anything.
    router.set_up(0, false);
    let decision = router.decide(&REQUEST, &policy(&router, "only wechat"), NOON, 1);
    assert!(decision.kept().is_empty());
}

#[test]
fn a_refusal_of_the_payer_says_nothing_about_the_channel() {
    let mut router = router(vec![route("wechat", "qr", 60)]);
    record(&mut router, 0, Outcome::Refused, 100, NOON);
    assert_eq!(router.standing(0, NOON), Standing { success_ppm: 900_000, is_up: true, is_set_aside: false });
    for _ in 0..50 {
        record(&mut router, 0, Outcome::Failed, 2, NOON);
        router.record(0, Outcome::Refused, NOON);
    }
    assert!(!router.standing(0, NOON).is_set_aside, "it answered in between");
}

#[test]
fn exploring_finds_what_is_better_and_exploiting_does_not_waver() {
    let routes = || vec![route("wechat", "qr", 38), route("alipay", "qr", 38)];
    let exploring = RouterOptions { exploration_ppm: MILLION / 4, ..STEADY };
    let mut router = Router::new(Catalogue::new(routes()).unwrap(), exploring).unwrap();
    record(&mut router, 0, Outcome::Succeeded, 20, NOON);
    let (mut explored, mut other) = (0, 0);
    for seed in 0..4_000 {
        let decision = router.decide(&REQUEST, &MerchantPolicy::default(), NOON, seed);
        let is_other = kept(&decision)[0] == 1;
        assert!(decision.explored || !is_other, "the better known rate wins where nothing is explored");
        explored += usize::from(decision.explored);
        other += usize::from(is_other);
    }
    assert!((900..1_100).contains(&explored), "{explored}");
    assert!(other > 50, "{other} of {explored} explorations tried the less known one");
}

#[test]
fn options_that_make_no_router() {
    let mistake = |options| Router::new(Catalogue::new(Vec::new()).unwrap(), options).err().unwrap().to_string();
    assert!(mistake(RouterOptions { half_life_ns: 0, ..STEADY }).contains("half_life_ns"));
    assert!(mistake(RouterOptions { prior_failed: 0, ..STEADY }).contains("prior"));
    assert!(mistake(RouterOptions { failures_max: 0, ..STEADY }).contains("failures_max"));
    assert!(mistake(RouterOptions { cool_down_ns_max: 0, ..STEADY }).contains("cool_down_ns"));
    assert!(mistake(RouterOptions { exploration_ppm: MILLION + 1, ..STEADY }).contains("exploration_ppm"));
    assert!(mistake(RouterOptions { utc_offset_s: 86_400, ..STEADY }).contains("utc_offset_s"));
}

#[test]
fn nothing_to_choose_from() {
    let router = router(Vec::new());
    let decision = router.decide(&REQUEST, &MerchantPolicy::default(), NOON, 1);
    assert!(decision.kept().is_empty() && decision.considered.is_empty());
}
