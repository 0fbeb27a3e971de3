//! Random catalogues, histories, rules and payments, against rules that are told in one line each.

use super::*;
use proptest::prelude::*;

const CHANNELS: [&str; 4] = ["wechat", "alipay", "unionpay", "balance"];
const METHODS: [&str; 3] = ["qr", "app", "quick"];
const CURRENCIES: [&str; 2] = ["CNY", "USD"];
const BANKS: [Option<&str>; 3] = [None, Some("icbc"), Some("ccb")];
const NOW: u64 = 1_700_000_000_000_000_000;

fn price() -> impl Strategy<Value = Price> {
    let max_minor = prop_oneof![Just(u64::MAX), 50..500u64];
    (0..=10_000u32, 0..50u64, 0..50u64, max_minor).prop_map(|(basis_points, fixed_minor, min_minor, max_minor)| Price {
        basis_points,
        fixed_minor,
        min_minor,
        max_minor,
    })
}

fn route() -> impl Strategy<Value = Route> {
    let names = (prop::sample::select(&CHANNELS), prop::sample::select(&METHODS), prop::sample::select(&BANKS));
    let limits = (0..1_000u64, 0..1_000_000u64);
    (names, prop::sample::select(&CURRENCIES), limits, price()).prop_map(
        |((channel, method, bank), currency, (amount_min, above), price)| Route {
            channel: channel.into(),
            method: method.into(),
            bank: bank.map(Into::into),
            on_us: channel == "balance",
            terms: vec![Terms { currency: currency.into(), amount_min, amount_max: amount_min + above, price }],
        },
    )
}

fn catalogue() -> impl Strategy<Value = Catalogue> {
    proptest::collection::vec(route(), 0..12).prop_map(|mut routes| {
        let key = |route: &Route| (route.channel.clone(), route.method.clone(), route.bank.clone());
        routes.sort_by_key(key);
        routes.dedup_by_key(|route| key(route));
        Catalogue::new(routes).expect("no route twice")
    })
}

/// Outcomes by route, and how much later than the one before.
fn history() -> impl Strategy<Value = Vec<(usize, u8, u64)>> {
    proptest::collection::vec((0..12usize, 1..5u8, 0..20_000_000_000u64), 0..200)
}

fn list(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::subsequence(names, 1..=2).prop_map(|names| names.join(" or "))
}

fn condition() -> impl Strategy<Value = String> {
    prop_oneof![
        (prop::sample::select(vec!["<", "<=", ">", ">="]), any::<u64>())
            .prop_map(|(sign, amount)| format!("amount {sign} {amount} and currency is CNY")),
        (0..24u8, 1..24u8).prop_map(|(from, hours)| format!("hour from {from} to {}", (from + hours) % 24)),
        list(&METHODS).prop_map(|names| format!("method is {names}")),
        list(&CURRENCIES).prop_map(|names| format!("currency is not {names}")),
        list(&["icbc", "ccb"]).prop_map(|names| format!("bank is {names}")),
        list(&["vip", "new"]).prop_map(|names| format!("label is not {names}")),
    ]
}

/// Rules by the grammar; with channels that a catalogue may lack.
fn rules() -> impl Strategy<Value = String> {
    let action = prop::sample::select(vec!["prefer", "avoid", "only"]);
    let channels = proptest::sample::subsequence(&CHANNELS, 1..=3).prop_map(|names| names.join(", "));
    let when = proptest::option::of(condition()).prop_map(|condition| match condition {
        Some(condition) => format!("when {condition} "),
        None => String::new(),
    });
    let rule = (when, action, channels).prop_map(|(when, action, channels)| format!("{when}{action} {channels}\n"));
    proptest::collection::vec(rule, 0..5).prop_map(|rules| rules.concat())
}

fn learned(catalogue: Catalogue, exploration_ppm: u32, history: &[(usize, u8, u64)]) -> (Router, u64) {
    let options = RouterOptions { exploration_ppm, ..RouterOptions::default() };
    let mut router = Router::new(catalogue, options).expect("good options");
    let (mut now, routes) = (NOW, router.catalogue().routes().len());
    for &(route, outcome, later) in history.iter().filter(|(route, ..)| *route < routes) {
        now += later;
        router.begin(route, now);
        router.record(route, Outcome::from_code(outcome).expect("an outcome"), now);
    }
    (router, now)
}

proptest! {
    #[test]
    fn a_lower_success_rate_is_accepted_exactly_while_the_saving_over_the_value_exceeds_it(
        prices in proptest::collection::vec(price(), 2),
        history in history(),
        amount_minor in 1..1_000_000u64,
        value_minor in prop_oneof![0..1_000u64, any::<u64>()],
    ) {
        let routes = prices.iter().zip(["wechat", "alipay"]).map(|(&price, channel)| Route {
            channel: channel.into(),
            method: "qr".into(),
            bank: None,
            on_us: false,
            terms: vec![Terms { currency: "CNY".into(), amount_min: 0, amount_max: u64::MAX, price }],
        });
        let history: Vec<_> = history.into_iter().map(|(route, outcome, later)| (route % 2, outcome, later)).collect();
        let (router, now) = learned(Catalogue::new(routes.collect()).unwrap(), 0, &history);
        let request = RouteRequest { methods: &["qr"], bank: None, currency: "CNY", amount_minor, value_minor };
        let decision = router.decide(&request, &MerchantPolicy::default(), now, 0);
        let [first, second] = decision.kept() else { return Ok(()) }; // one of them cools down
        let rate = |route: usize| i128::from(router.standing(route, now).success_ppm);
        let cost = |route: usize| i128::from(prices[route].cost_minor(amount_minor));
        // saving / value against the loss of success, multiplied out.
        let saving = (cost(second.route) - cost(first.route)) * i128::from(MILLION);
        let loss = (rate(second.route) - rate(first.route)) * i128::from(value_minor);
        prop_assert!(saving >= loss);
        prop_assert!(saving > loss || first.route < second.route);
    }

    #[test]
    fn decisions_are_complete_repeatable_and_within_the_limits(
        catalogue in catalogue(),
        history in history(),
        text in rules(),
        methods in proptest::sample::subsequence(&METHODS, 1..=3),
        bank in prop::sample::select(&BANKS),
        currency in prop::sample::select(&CURRENCIES),
        amount_minor in 0..1_000_000u64,
        down in 0..12usize,
        exploration_ppm in prop::sample::select(vec![0, MILLION / 2, MILLION]),
        seed in any::<u64>(),
    ) {
        let (mut router, now) = learned(catalogue, exploration_ppm, &history);
        let routes = router.catalogue().routes().to_vec();
        if down < routes.len() {
            router.set_up(down, false);
        }
        // A text that names what the catalogue lacks is refused; then there are no rules.
        let rules = router.catalogue().parse_rules(&text).unwrap_or_default();
        let policy = MerchantPolicy { denied: vec!["unionpay".into()], rules, ..MerchantPolicy::default() };
        let request = RouteRequest { methods: &methods, bank, currency, amount_minor, value_minor: amount_minor };
        let decision = router.decide(&request, &policy, now, seed);
        prop_assert_eq!(&decision, &router.decide(&request, &policy, now, seed));
        prop_assert!(exploration_ppm != MILLION || decision.explored);

        let mut seen: Vec<_> = decision.considered.iter().map(|found| found.route).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..routes.len()).collect::<Vec<_>>());
        let is_kept = |reason: Reason| (reason as u8) < 32;
        prop_assert!(decision.kept().iter().all(|found| is_kept(found.reason)));
        prop_assert!(decision.considered[decision.kept().len()..].iter().all(|found| !is_kept(found.reason)));
        for found in decision.kept() {
            let route = &routes[found.route];
            let terms = &route.terms[0];
            prop_assert!(found.route != down && route.channel != "unionpay" && terms.currency == currency);
            prop_assert!((terms.amount_min..=terms.amount_max).contains(&amount_minor));
            prop_assert!(methods.contains(&route.method.as_str()));
            prop_assert!(route.bank.is_none() || route.bank.as_deref() == bank);
            prop_assert!(found.success_ppm <= MILLION);
        }
    }

    #[test]
    fn rules_by_the_grammar_are_read(text in rules()) {
        let lines = text.lines().count();
        let everything = parse_rules::parse(&text, |_, _| true);
        prop_assert_eq!(everything.map(|rules| rules.len()), Ok(lines));
    }

    #[test]
    fn any_text_is_rules_or_a_mistake_at_a_place_in_it(
        text in prop_oneof!["(when|amount|hour|<|and|is|or|only|a|9|,|#|\n| ){0,30}", "\\PC{0,60}", any::<String>()],
    ) {
        if let Err(error) = parse_rules::parse(&text, |_, _| true) {
            let line = text.lines().nth(error.line as usize - 1).expect("a line of the text");
            prop_assert!((1..=line.chars().count() + 1).contains(&(error.column as usize)));
        }
    }
}
