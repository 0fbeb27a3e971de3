//! Which digits can be a card's: the networks' ranges and a few issuers, as dated tables.

use std::sync::LazyLock;

/// What an undivided number is, by its beginning and length alone. Its check digit is another matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing that a network gives out.
    NoCard,
    /// In a range that other things are numbered in as well, and more often.
    Doubtful,
    /// A card.
    Certain,
}

static NETWORKS: LazyLock<Vec<Range>> = LazyLock::new(|| {
    rows(include_str!("../data/card_networks.csv"))
        .map(|[first, last, digits, undivided, _]| Range::new(first, last, digits, standing_named(undivided)))
        .collect()
});
static ISSUERS: LazyLock<Vec<Range>> = LazyLock::new(|| {
    rows(include_str!("../data/card_issuers.csv"))
        .map(|[beginning, digits, _]| Range::new(beginning, beginning, digits, Standing::Certain))
        .collect()
});

/// Numbers of one length, from one beginning to another of as many digits.
struct Range {
    first: u64,
    last: u64,
    beginning_length: usize,
    length: usize,
    standing: Standing,
}

impl Range {
    fn new(first: &str, last: &str, length: &str, standing: Standing) -> Self {
        let number = |text: &str| text.parse().expect("the table holds digits");
        Self {
            first: number(first),
            last: number(last),
            beginning_length: first.len(),
            length: length.parse().expect("the table holds lengths"),
            standing,
        }
    }

    fn holds(&self, digits: &[u8]) -> bool {
        digits.len() == self.length && {
            let number = digits[..self.beginning_length].iter().fold(0, |sum, digit| sum * 10 + u64::from(*digit));
            (self.first..=self.last).contains(&number)
        }
    }
}

/// Returns the standing of digits (0 to 9 each).
pub(crate) fn standing(digits: &[u8]) -> Standing {
    let of = |ranges: &[Range]| ranges.iter().find(|range| range.holds(digits)).map(|range| range.standing);
    of(&ISSUERS).or_else(|| of(&NETWORKS)).unwrap_or(Standing::NoCard)
}

fn standing_named(name: &str) -> Standing {
    match name {
        "certain" => Standing::Certain,
        "doubtful" => Standing::Doubtful,
        _ => panic!("the table of networks knows certain and doubtful"),
    }
}

/// Returns the rows below the heading, without remarks.
fn rows<const COLUMNS: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; COLUMNS]> {
    table.lines().filter(|line| !line.starts_with('#')).skip(1).map(|line| {
        let row: Vec<_> = line.split(',').collect();
        row.try_into().expect("every row has a value in each column")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Standing {
        standing(&text.bytes().map(|byte| byte - b'0').collect::<Vec<_>>())
    }

    #[test]
    fn a_beginning_counts_at_the_lengths_its_network_gives_out() {
        for (text, expected) in [
            ("4222222222222", Standing::Certain),
            ("42222222222222", Standing::NoCard),
            ("411111111111111", Standing::NoCard),
            ("4111111111111111", Standing::Certain),
            ("4111111111111111110", Standing::Doubtful),
            ("4367420000000000000", Standing::Certain),
            ("5555555555554444", Standing::Certain),
            ("5655555555554444", Standing::Doubtful),
            ("2220990000000000", Standing::NoCard),
            ("2221010000000000", Standing::Doubtful),
            ("2720990000000000", Standing::Doubtful),
            ("2721000000000000", Standing::NoCard),
            ("2223003122003222", Standing::Certain),
            ("378282246310005", Standing::Certain),
            ("3782822463100050", Standing::NoCard),
            ("6200000000000000", Standing::Certain),
            ("62000000000000000", Standing::Certain),
            ("6200000000000000000", Standing::Certain),
            ("620000000000000", Standing::NoCard),
            ("3528000000000000", Standing::Certain),
            ("3527000000000000", Standing::NoCard),
            ("6901028075763", Standing::NoCard),
            ("9787110000083", Standing::NoCard),
            ("6921234567890131375", Standing::NoCard),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
