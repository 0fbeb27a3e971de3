//! The text of rules: read line by line, every mistake told with its place. `docs/routing.md` has the grammar.

use super::catalogue::Catalogue;
use super::rules::{Action, Comparison, Condition, NameCondition, RULES_MAX, Rule, RuleSet};
use std::fmt;

const TEXT_BYTES_MAX: usize = 16_384;
const NAMES_MAX: usize = 32;
const CONDITIONS_MAX: usize = 16;
const WORD_LENGTH_MAX: usize = 32;

/// Why a text is no rules, and where. Lines and columns (characters) count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// What was expected or is wrong.
    pub message: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for RuleError {}

/// What a name stands for where the catalogue knows all that there are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    Channel,
    Method,
    Currency,
}

impl Catalogue {
    /// Returns the rules of a text. Channels, methods and currencies must be the catalogue's.
    pub fn parse_rules(&self, text: &str) -> Result<RuleSet, RuleError> {
        parse(text, |kind, name| {
            self.routes().iter().any(|route| match kind {
                NameKind::Channel => route.channel == name,
                NameKind::Method => route.method == name,
                NameKind::Currency => route.terms_in(name).is_some(),
            })
        })
    }
}

/// Returns the rules of a text; `is_known` tells whether a name is one of its kind.
pub(super) fn parse(text: &str, is_known: impl Fn(NameKind, &str) -> bool) -> Result<RuleSet, RuleError> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the text has {} bytes; the most is {TEXT_BYTES_MAX}", text.len());
        return Err(RuleError { line: 1, column: 1, message });
    }
    let mut rules = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let mut words = Words::new(line, number);
        if words.peek()?.is_end() {
            continue;
        }
        if rules.len() == RULES_MAX {
            return Err(words.error(format!("there are at most {RULES_MAX} rules")));
        }
        rules.push(rule(&mut words, &is_known)?);
    }
    Ok(RuleSet { rules })
}

/// `[ "when" condition { "and" condition } ] action name { "," name }`
fn rule(words: &mut Words<'_>, is_known: &impl Fn(NameKind, &str) -> bool) -> Result<Rule, RuleError> {
    let (mut conditions, mut methods) = (Vec::new(), Vec::new());
    let mut unnamed_currency = None;
    if words.take("when")? {
        loop {
            if conditions.len() + methods.len() == CONDITIONS_MAX {
                return Err(words.error(format!("a rule has at most {CONDITIONS_MAX} conditions")));
            }
            match words.word("a condition: amount, currency, method, bank, label or hour")? {
                "amount" => {
                    unnamed_currency =
                        Some(words.error_at_last("an amount needs `currency is …` in the same rule".into()));
                    conditions.push(Condition::Amount(words.comparison()?, words.number("an amount in minor units")?));
                }
                "hour" => conditions.push(hours(words)?),
                "currency" => {
                    conditions.push(Condition::Currency(names_in(words, Some(NameKind::Currency), is_known)?))
                }
                "method" => methods.push(names_in(words, Some(NameKind::Method), is_known)?),
                "bank" => conditions.push(Condition::Bank(names_in(words, None, is_known)?)),
                "label" => conditions.push(Condition::Label(names_in(words, None, is_known)?)),
                other => return Err(words.error_at_last(format!("`{other}` is no condition"))),
            }
            if !words.take("and")? {
                break;
            }
        }
    }
    let names_currency = |condition: &Condition| matches!(condition, Condition::Currency(names) if names.is);
    if let Some(error) = unnamed_currency
        && !conditions.iter().any(names_currency)
    {
        return Err(error);
    }
    let action = match words.word("`when`, `prefer`, `avoid` or `only`")? {
        "prefer" => Action::Prefer,
        "avoid" => Action::Avoid,
        "only" => Action::Only,
        other => return Err(words.error_at_last(format!("`{other}` is none of `and`, `prefer`, `avoid`, `only`"))),
    };
    let channels = names(words, ",", Some(NameKind::Channel), is_known)?;
    words.end()?;
    Ok(Rule { line: words.line, conditions, methods, action, channels })
}

/// `"from" hour "to" hour`
fn hours(words: &mut Words<'_>) -> Result<Condition, RuleError> {
    words.expect("from")?;
    let from = words.number_below("an hour from 0 to 23", 24)?;
    words.expect("to")?;
    let to = words.number_below("an hour from 0 to 24", 25)?;
    if from == to {
        return Err(words.error_at_last("no hour lies between them".into()));
    }
    Ok(Condition::Hour(from, to))
}

/// `"is" [ "not" ] name { "or" name }`
fn names_in(
    words: &mut Words<'_>,
    kind: Option<NameKind>,
    is_known: &impl Fn(NameKind, &str) -> bool,
) -> Result<NameCondition, RuleError> {
    words.expect("is")?;
    let is = !words.take("not")?;
    Ok(NameCondition { is, names: names(words, "or", kind, is_known)? })
}

fn names(
    words: &mut Words<'_>,
    separator: &str,
    kind: Option<NameKind>,
    is_known: &impl Fn(NameKind, &str) -> bool,
) -> Result<Vec<String>, RuleError> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let expected = match kind {
            Some(NameKind::Channel) => "a channel",
            Some(NameKind::Method) => "a method",
            Some(NameKind::Currency) => "a currency",
            None => "a name",
        };
        let name = words.word(expected)?;
        if kind.is_some_and(|kind| !is_known(kind, name)) {
            return Err(words.error_at_last(format!("`{name}` is not {expected} of the catalogue")));
        }
        if names.iter().any(|other| other == name) {
            return Err(words.error_at_last(format!("`{name}` is named twice")));
        }
        if names.len() == NAMES_MAX {
            return Err(words.error_at_last(format!("a list has at most {NAMES_MAX} names")));
        }
        names.push(name.into());
        if !words.take(separator)? {
            return Ok(names);
        }
    }
}

/// A line, word by word.
struct Words<'a> {
    text: &'a str,
    line: u32,
    /// Byte positions of what comes next and of what was taken last.
    position: usize,
    last: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Sign(&'a str),
    End,
}

impl Token<'_> {
    fn is_end(self) -> bool {
        self == Self::End
    }

    fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Sign(text) => text,
            Self::End => "",
        }
    }
}

impl<'a> Words<'a> {
    fn new(text: &'a str, line: u32) -> Self {
        Self { text, line, position: 0, last: 0 }
    }

    /// Returns what comes next, after blanks.
    fn peek(&mut self) -> Result<Token<'a>, RuleError> {
        let rest = self.text[self.position..].trim_start_matches([' ', '\t']);
        self.position = self.text.len() - rest.len();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        let word_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        match first {
            '#' => Ok(Token::End),
            ',' => Ok(Token::Sign(&rest[..1])),
            '<' | '>' => Ok(Token::Sign(&rest[..1 + usize::from(rest[1..].starts_with('='))])),
            _ if word_end > WORD_LENGTH_MAX => Err(self.error(format!("a word has at most {WORD_LENGTH_MAX} letters"))),
            _ if word_end > 0 => Ok(Token::Word(&rest[..word_end])),
            // Shown escaped: what cannot be seen must not hide in a message.
            other => Err(self.error(format!("`{}` cannot stand here", other.escape_default()))),
        }
    }

    fn advance(&mut self) -> Result<Token<'a>, RuleError> {
        let token = self.peek()?;
        self.last = self.position;
        self.position += token.text().len();
        Ok(token)
    }

    /// Takes the next word or sign if it is this one.
    fn take(&mut self, wanted: &str) -> Result<bool, RuleError> {
        let found = self.peek()?.text() == wanted;
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, wanted: &str) -> Result<(), RuleError> {
        if self.take(wanted)? { Ok(()) } else { Err(self.error(format!("expected `{wanted}`"))) }
    }

    fn word(&mut self, expected: &str) -> Result<&'a str, RuleError> {
        match self.peek()? {
            Token::Word(word) => {
                self.advance()?;
                Ok(word)
            }
            _ => Err(self.error(format!("expected {expected}"))),
        }
    }

    fn comparison(&mut self) -> Result<Comparison, RuleError> {
        let comparison = match self.peek()?.text() {
            "<" => Comparison::Below,
            "<=" => Comparison::AtMost,
            ">" => Comparison::Above,
            ">=" => Comparison::AtLeast,
            _ => return Err(self.error("expected `<`, `<=`, `>` or `>=`".into())),
        };
        self.advance()?;
        Ok(comparison)
    }

    fn number(&mut self, expected: &str) -> Result<u64, RuleError> {
        let word = self.word(expected)?;
        let is_plain = word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
        let number = word.parse().ok().filter(|_| is_plain);
        number.ok_or_else(|| self.error_at_last(format!("`{word}` is not {expected}")))
    }

    fn number_below(&mut self, expected: &str, end: u8) -> Result<u8, RuleError> {
        let number = self.number(expected)?;
        let small = u8::try_from(number).ok().filter(|&small| small < end);
        small.ok_or_else(|| self.error_at_last(format!("`{number}` is not {expected}")))
    }

    fn end(&mut self) -> Result<(), RuleError> {
        match self.peek()? {
            Token::End => Ok(()),
            other => Err(self.error(format!("`{}` stands after the rule's end", other.text()))),
        }
    }

    /// Returns a mistake at what comes next.
    fn error(&self, message: String) -> RuleError {
        self.error_at(self.position, message)
    }

    /// Returns a mistake at what was taken last.
    fn error_at_last(&self, message: String) -> RuleError {
        self.error_at(self.last, message)
    }

    fn error_at(&self, position: usize, message: String) -> RuleError {
        let column = u32::try_from(self.text[..position].chars().count()).expect("texts are short") + 1;
        RuleError { line: self.line, column, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_all(text: &str) -> Result<RuleSet, RuleError> {
        parse(text, |kind, name| match kind {
            NameKind::Channel => ["wechat", "alipay", "balance"].contains(&name),
            NameKind::Method => ["qr", "app"].contains(&name),
            NameKind::Currency => ["CNY", "USD"].contains(&name),
        })
    }

    #[test]
    fn rules_are_read_line_by_line() {
        let text = "# at night\r\n\r\n  when hour from 22 to 6 and label is not vip avoid wechat # a comment\n\
                    when amount>=50000 and currency is CNY only alipay ,balance\nprefer balance";
        let rules = parse_all(text).unwrap().rules;
        assert_eq!(rules.iter().map(|rule| rule.line).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(rules[0].conditions.len(), 2);
        assert_eq!(rules[1].conditions[0], Condition::Amount(Comparison::AtLeast, 50_000));
        assert_eq!(rules[1].channels, ["alipay", "balance"]);
        assert_eq!(rules[2].action, Action::Prefer);
        assert!(parse_all("\n \n# nothing").unwrap().is_empty());
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, line, column, message) in [
            ("prefer", 1, 7, "expected a channel"),
            ("prefer visa", 1, 8, "`visa` is not a channel of the catalogue"),
            ("prefer wechat,", 1, 15, "expected a channel"),
            ("prefer wechat wechat", 1, 15, "stands after the rule's end"),
            ("prefer wechat, wechat", 1, 16, "named twice"),
            ("\n\nplease wechat", 3, 1, "none of `and`, `prefer`"),
            ("when", 1, 5, "expected a condition"),
            ("when weather is good prefer wechat", 1, 6, "`weather` is no condition"),
            ("when bank icbc prefer wechat", 1, 11, "expected `is`"),
            ("when bank is icbc, ccb prefer wechat", 1, 18, "expected `when`, `prefer`"),
            ("when method is card prefer wechat", 1, 16, "`card` is not a method"),
            ("when currency is cny prefer wechat", 1, 18, "`cny` is not a currency"),
            ("when amount > 5 prefer wechat", 1, 6, "needs `currency is …`"),
            ("when amount > 5 and currency is not USD prefer wechat", 1, 6, "needs `currency is …`"),
            ("when amount 5 prefer wechat", 1, 13, "expected `<`"),
            ("when amount > 1.5 and currency is CNY prefer wechat", 1, 16, "`.` cannot stand here"),
            ("when amount > 05 and currency is CNY prefer wechat", 1, 15, "`05` is not an amount"),
            ("when amount > 18446744073709551616 prefer wechat", 1, 15, "is not an amount"),
            ("when amount > -1 prefer wechat", 1, 15, "`-` cannot stand here"),
            ("when hour from 24 to 3 prefer wechat", 1, 16, "`24` is not an hour from 0 to 23"),
            ("when hour from 3 to 25 prefer wechat", 1, 21, "`25` is not an hour from 0 to 24"),
            ("when hour from 3 to 3 prefer wechat", 1, 21, "no hour lies between"),
            ("prefer 微信", 1, 8, "`\\u{5fae}` cannot stand here"),
            ("prefer\u{a0}wechat", 1, 7, "`\\u{a0}` cannot stand here"),
            ("prefer wechat\u{0}", 1, 14, "`\\u{0}` cannot stand here"),
        ] {
            let error = parse_all(text).unwrap_err();
            assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
            assert!(error.message.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn texts_are_bounded() {
        let message = |text: &str| parse_all(text).unwrap_err().message;
        assert!(message(&"#".repeat(TEXT_BYTES_MAX + 1)).contains("bytes"));
        assert!(message(&"prefer wechat\n".repeat(RULES_MAX + 1)).contains("at most 64 rules"));
        assert!(message(&"x".repeat(WORD_LENGTH_MAX + 1)).contains("at most 32 letters"));
        let banks: Vec<String> = (0..=NAMES_MAX).map(|bank| format!("b{bank}")).collect();
        assert!(message(&format!("when bank is {} prefer wechat", banks.join(" or "))).contains("at most 32 names"));
        let conditions = vec!["bank is b"; CONDITIONS_MAX + 1].join(" and ");
        assert!(message(&format!("when {conditions} prefer wechat")).contains("at most 16 conditions"));
        assert_eq!(parse_all(&"prefer wechat\n".repeat(RULES_MAX)).unwrap().len(), RULES_MAX);
    }
}
