//! Typed access to one mapping of a file, or to the variables that stand in for it.
//!
//! Every accessor takes a key, checks the value, records the [`Setting`](super::Setting), and falls back to the default
//! after it has recorded an error. What no accessor has asked for is an unknown key.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

use super::ledger::{Ledger, TEXT};
use super::substitute;
use super::yaml::{Data, Entry, Node, Place};

/// One mapping.
pub(super) struct Block<'a> {
    pub(super) ledger: &'a Ledger<'a>,
    /// The dotted key of the mapping itself.
    pub(super) path: String,
    /// Where the mapping begins.
    pub(super) place: Place,
    pub(super) entries: Vec<Entry>,
    /// Every key that was asked for.
    pub(super) known: RefCell<BTreeSet<String>>,
}

/// One scalar after substitution.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// The value.
    pub(super) value: String,
    /// The value as it may be shown.
    pub(super) shown: String,
    /// Where it was written.
    pub(super) place: Place,
    /// What is written there, before substitution.
    written: String,
    plain: bool,
}

impl Text {
    /// Describes the value for an error.
    pub(super) fn found(&self) -> String {
        if self.plain && (self.shown.parse::<f64>().is_ok() || matches!(&*self.shown, "true" | "false")) {
            return self.shown.clone();
        }
        match self.shown.char_indices().nth(40) {
            Some((end, _)) => format!("{:?}", format!("{}...", &self.shown[..end])),
            None => format!("{:?}", self.shown),
        }
    }

    /// Tells whether a secret is written out in a file: it is part of the text as it was before variables were replaced.
    pub(super) fn is_literal(&self, secret: &str) -> bool {
        matches!(self.place, Place::File { .. }) && self.written.contains(secret)
    }

    /// Creates the text that a variable holds; variables are not substituted.
    pub(super) fn from_variable(value: &str, place: Place) -> Self {
        Self {
            value: value.to_owned(),
            shown: value.to_owned(),
            place,
            written: value.to_owned(),
            plain: true,
        }
    }

    /// Splits into the value and its place.
    pub(super) fn into_parts(self) -> (String, Place) {
        (self.value, self.place)
    }
}

impl<'a> Block<'a> {
    pub(super) fn new(ledger: &'a Ledger<'a>, path: impl Into<String>, place: Place, entries: Vec<Entry>) -> Self {
        Self {
            ledger,
            path: path.into(),
            place,
            entries,
            known: RefCell::default(),
        }
    }

    /// Returns the dotted key.
    pub(super) fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// Returns what an error or a warning calls the value at `place`: its key, or the variable.
    pub(super) fn subject(&self, key: &str, place: &Place) -> String {
        match place {
            Place::File { .. } => format!("`{}`", self.key(key)),
            Place::Env { name, .. } => format!("`{name}`"),
        }
    }

    /// Records that the value of a key is wrong: what was found, and what is allowed.
    pub(super) fn bad(&self, key: &str, place: &Place, found: impl Display, allowed: impl Display) {
        self.ledger.fail(
            place,
            format!("{} is {found}, allowed is {allowed}", self.subject(key, place)),
        );
    }

    /// Records that the value of a key is wrong, in words of its own.
    pub(super) fn wrong(&self, key: &str, place: &Place, what: impl Display) {
        self.ledger.fail(place, format!("{} {what}", self.subject(key, place)));
    }

    /// Records that the value of a key is odd.
    pub(super) fn odd(&self, key: &str, place: &Place, what: impl Display) {
        self.ledger.warn(place, format!("{} {what}", self.subject(key, place)));
    }

    /// Returns the entry of a key, unless it is null.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.known.borrow_mut().insert(key.to_owned());
        self.ledger.know(self.key(key), "");
        self.entries
            .iter()
            .find(|entry| entry.key == key && !matches!(entry.node.data, Data::Null { .. }))
    }

    /// Returns every entry, null or not, and takes all of them for known.
    pub(super) fn entries(&self) -> &[Entry] {
        self.known
            .borrow_mut()
            .extend(self.entries.iter().map(|entry| entry.key.clone()));
        &self.entries
    }

    /// Reads a scalar without recording a setting; an empty one counts as absent.
    pub(super) fn text(&self, key: &str) -> Option<Text> {
        self.text_as(key, TEXT)
    }

    /// The same; `allowed` says more exactly what may stand there.
    pub(super) fn text_as(&self, key: &str, allowed: &str) -> Option<Text> {
        self.ledger.know(self.key(key), allowed);
        let entry = self.entry(key)?;
        self.scalar(key, &entry.node, allowed)
    }

    pub(super) fn scalar(&self, key: &str, node: &Node, allowed: &str) -> Option<Text> {
        let Data::Scalar { text, plain } = &node.data else {
            if !matches!(node.data, Data::Null { .. }) {
                self.bad(key, &node.place, found(&node.data), allowed);
            }
            return None;
        };
        let place = node.place.clone();
        let text = match &place {
            Place::Env { .. } => Text {
                value: text.clone(),
                shown: text.clone(),
                place,
                written: text.clone(),
                plain: *plain,
            },
            Place::File { .. } => match substitute::expand(text, |name| self.ledger.env.get(name)) {
                Ok(expanded) => Text {
                    value: expanded.value,
                    shown: expanded.shown,
                    place,
                    written: text.clone(),
                    plain: *plain,
                },
                Err(trouble) => {
                    self.wrong(key, &place, trouble);
                    return None;
                }
            },
        };
        (!text.value.trim().is_empty()).then_some(text)
    }

    /// Reads a text.
    pub(super) fn string(&self, key: &str) -> Option<String> {
        self.string_or(key, "none")
    }

    /// Reads a text; `default` is only shown.
    pub(super) fn string_or(&self, key: &str, default: &str) -> Option<String> {
        let text = self.text(key);
        self.record(key, text.as_ref(), default);
        text.map(|text| text.value)
    }

    /// Records the setting of a key that was read with [`text`](Self::text).
    pub(super) fn record(&self, key: &str, text: Option<&Text>, default: &str) {
        match text {
            Some(text) => self.ledger.set(self.key(key), &text.shown, Some(&text.place)),
            None => self.ledger.set(self.key(key), default, None),
        }
    }

    /// Reads a truth value.
    pub(super) fn bool(&self, key: &str, default: bool) -> bool {
        self.ledger.know(self.key(key), "true or false");
        let Some(entry) = self.entry(key) else {
            self.record(key, None, &default.to_string());
            return default;
        };
        let text = self.scalar(key, &entry.node, "true or false");
        let value = text
            .as_ref()
            .map(|text| match text.value.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Ok(true),
                "false" | "no" | "off" => Ok(false),
                "1" if matches!(text.place, Place::Env { .. }) => Ok(true),
                "0" if matches!(text.place, Place::Env { .. }) => Ok(false),
                _ => Err(text),
            });
        match value {
            Some(Ok(value)) => {
                self.ledger
                    .set(self.key(key), value.to_string(), text.as_ref().map(|text| &text.place));
                value
            }
            Some(Err(text)) => {
                self.bad(key, &text.place, text.found(), "true or false");
                default
            }
            None => {
                self.record(key, None, &default.to_string());
                default
            }
        }
    }

    /// Reads an integer; `unit` follows the bounds in errors, such as `seconds`.
    pub(super) fn integer(&self, key: &str, range: RangeInclusive<u64>, unit: &str) -> Option<u64> {
        let space = if unit.is_empty() { "" } else { " " };
        let allowed = match (*range.start(), *range.end()) {
            (from, u64::MAX) => format!("an integer of at least {from}{space}{unit}"),
            (from, to) => format!("an integer from {from} to {to}{space}{unit}"),
        };
        let text = self.text_as(key, &allowed)?;
        let digits = text.value.trim().replace('_', "");
        match digits.strip_prefix('+').unwrap_or(&digits).parse::<u64>() {
            Ok(value) if range.contains(&value) => {
                self.ledger.set(self.key(key), value.to_string(), Some(&text.place));
                Some(value)
            }
            _ => {
                self.bad(key, &text.place, text.found(), allowed);
                None
            }
        }
    }

    /// Reads an integer with a default.
    pub(super) fn integer_or(&self, key: &str, range: RangeInclusive<u64>, unit: &str, default: u64) -> u64 {
        self.integer(key, range, unit).unwrap_or_else(|| {
            self.default(key, &default.to_string());
            default
        })
    }

    /// Reads an integer that may be left out; `default` is only shown.
    pub(super) fn optional_integer(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
        unit: &str,
        default: &str,
    ) -> Option<u64> {
        let value = self.integer(key, range, unit);
        if value.is_none() {
            self.default(key, default);
        }
        value
    }

    /// Records that a key has its default.
    pub(super) fn default(&self, key: &str, shown: &str) {
        self.record(key, None, shown);
    }

    /// Reads a finite number that is at least `least`.
    pub(super) fn number(&self, key: &str, least: f64, default: f64) -> f64 {
        self.given_number(key, least).unwrap_or_else(|| {
            self.default(key, &default.to_string());
            default
        })
    }

    /// Reads a finite number that may be left out.
    pub(super) fn optional_number(&self, key: &str) -> Option<f64> {
        let number = self.given_number(key, f64::NEG_INFINITY);
        if number.is_none() {
            self.default(key, "none");
        }
        number
    }

    fn given_number(&self, key: &str, least: f64) -> Option<f64> {
        let allowed = if least.is_finite() {
            format!("a number of at least {least}")
        } else {
            "a number".to_owned()
        };
        if let Some(text) = self.text_as(key, &allowed) {
            match text.value.trim().replace('_', "").parse::<f64>() {
                Ok(value) if value.is_finite() && value >= least => {
                    self.ledger.set(self.key(key), value.to_string(), Some(&text.place));
                    return Some(value);
                }
                _ => self.bad(key, &text.place, text.found(), allowed),
            }
        }
        None
    }

    /// Reads one of several words, without regard to case; `default` is only shown.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)], default: &str) -> Option<T> {
        let allowed = either(choices.iter().map(|(word, _)| *word));
        if let Some(text) = self.text_as(key, &allowed) {
            if let Some((word, value)) = choices
                .iter()
                .find(|(word, _)| word.eq_ignore_ascii_case(text.value.trim()))
            {
                self.ledger.set(self.key(key), *word, Some(&text.place));
                return Some(*value);
            }
            self.bad(key, &text.place, text.found(), allowed);
        }
        self.default(key, default);
        None
    }
}

/// Describes a node for an error.
pub(super) fn found(data: &Data) -> &'static str {
    match data {
        Data::Null { .. } => "empty",
        Data::Scalar { .. } => "a text",
        Data::List(_) => "a list",
        Data::Map(_) => "a mapping",
    }
}

/// Lists words: `a, b or c`.
pub(super) fn either<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.collect();
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}
