//! Typed access to one mapping of a file, or to the variables that stand in for it.
//!
//! Every accessor takes a key, checks the value, records the [`Setting`](super::Setting), and falls back to the default
//! after it has recorded an error. What no accessor has asked for is an unknown key.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

use super::ledger::Ledger;
use super::substitute;
use super::yaml::{Data, Entry, Node, Place};

/// One mapping.
pub(super) struct Block<'a> {
    pub(super) ledger: &'a Ledger<'a>,
    /// The dotted key of the mapping itself.
    pub(super) path: String,
    /// Where the mapping begins.
    pub(super) place: Place,
    entries: Vec<Entry>,
    known: RefCell<BTreeSet<String>>,
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

    /// Creates the text that a variable holds; variables are not substituted.
    pub(super) fn from_variable(value: &str, place: Place) -> Self {
        Self {
            value: value.to_owned(),
            shown: value.to_owned(),
            place,
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
        self.entries
            .iter()
            .find(|entry| entry.key == key && !matches!(entry.node.data, Data::Null))
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
        self.text_as(key, "a text")
    }

    fn text_as(&self, key: &str, allowed: &str) -> Option<Text> {
        let entry = self.entry(key)?;
        self.scalar(key, &entry.node, allowed)
    }

    fn scalar(&self, key: &str, node: &Node, allowed: &str) -> Option<Text> {
        let Data::Scalar { text, plain } = &node.data else {
            if !matches!(node.data, Data::Null) {
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
                plain: *plain,
            },
            Place::File { .. } => match substitute::expand(text, |name| self.ledger.env.get(name)) {
                Ok(expanded) => Text {
                    value: expanded.value,
                    shown: expanded.shown,
                    place,
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
        let allowed = if least.is_finite() {
            format!("a number of at least {least}")
        } else {
            "a number".to_owned()
        };
        if let Some(text) = self.text_as(key, &allowed) {
            match text.value.trim().replace('_', "").parse::<f64>() {
                Ok(value) if value.is_finite() && value >= least => {
                    self.ledger.set(self.key(key), value.to_string(), Some(&text.place));
                    return value;
                }
                _ => self.bad(key, &text.place, text.found(), allowed),
            }
        }
        self.default(key, &default.to_string());
        default
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

    /// Reads a list of texts; with `or_one` a single text stands for a list of one. Empty items are dropped.
    pub(super) fn strings(&self, key: &str, or_one: bool) -> Option<Vec<String>> {
        let allowed = if or_one {
            "a text or a list of texts"
        } else {
            "a list of texts"
        };
        let Some(entry) = self.entry(key) else {
            self.default(key, "[]");
            return None;
        };
        let nodes = match &entry.node.data {
            Data::List(items) => items.as_slice(),
            Data::Scalar { .. } if or_one => std::slice::from_ref(&entry.node),
            other => {
                self.bad(key, &entry.place, found(other), allowed);
                return None;
            }
        };
        let mut values = Vec::new();
        let mut shown = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let item = format!("{key}[{index}]");
            match self.scalar(if or_one && nodes.len() == 1 { key } else { &item }, node, "a text") {
                Some(text) => {
                    shown.push(text.shown);
                    values.push(text.value.trim().to_owned());
                }
                None => {
                    if is_empty(node) {
                        self.odd(&item, &node.place, "is empty and left out");
                    }
                }
            }
        }
        self.ledger
            .set(self.key(key), format!("[{}]", shown.join(", ")), Some(&entry.place));
        Some(values)
    }

    /// Reads a mapping of texts.
    pub(super) fn pairs(&self, key: &str) -> Vec<(String, Text)> {
        let block = self.child(key);
        if block.entries.is_empty() {
            self.default(key, "{}");
        }
        let mut pairs = Vec::new();
        for entry in block.entries() {
            match block.scalar(&entry.key, &entry.node, "a text") {
                Some(text) => {
                    block.record(&entry.key, Some(&text), "");
                    pairs.push((entry.key.clone(), text));
                }
                None if is_empty(&entry.node) => block.bad(&entry.key, &entry.place, "empty", "a text"),
                None => {}
            }
        }
        pairs
    }

    /// Returns the mapping at a key; an empty one when there is none.
    pub(super) fn child(&self, key: &str) -> Block<'a> {
        let (place, entries) = match self.entry(key) {
            None => (self.place.clone(), Vec::new()),
            Some(entry) => match &entry.node.data {
                Data::Map(entries) => (entry.place.clone(), entries.clone()),
                other => {
                    self.bad(key, &entry.place, found(other), "a mapping");
                    (entry.place.clone(), Vec::new())
                }
            },
        };
        Self::new(self.ledger, self.key(key), place, entries)
    }

    /// Like [`child`](Self::child), and also takes this mapping's own entries that begin with one of the prefixes.
    pub(super) fn child_or_flat(&self, key: &str, prefixes: &[&str]) -> Block<'a> {
        let mut child = self.child(key);
        for entry in &self.entries {
            let Some(name) = prefixes.iter().find_map(|prefix| entry.key.strip_prefix(prefix)) else {
                continue;
            };
            self.known.borrow_mut().insert(entry.key.clone());
            if child.entries.iter().any(|known| known.key == name) {
                self.odd(
                    &entry.key,
                    &entry.place,
                    format!("has no effect beside `{}`", child.key(name)),
                );
            } else {
                child.entries.push(Entry {
                    key: name.to_owned(),
                    ..entry.clone()
                });
            }
        }
        child
    }

    /// Returns the mappings within the mapping at a key, by name; null stands for an empty one.
    pub(super) fn children(&self, key: &str) -> Vec<(String, Block<'a>)> {
        let outer = self.child(key);
        if outer.entries.is_empty() {
            self.default(key, "{}");
        }
        outer
            .entries()
            .iter()
            .map(|entry| (entry.key.clone(), outer.child(&entry.key)))
            .collect()
    }

    /// Returns the mappings of the list at a key; a bare text `x` stands for `{scalar_key: x}`.
    pub(super) fn items(&self, key: &str, scalar_key: Option<&str>) -> Vec<Block<'a>> {
        let Some(entry) = self.entry(key) else {
            self.default(key, "[]");
            return Vec::new();
        };
        let Data::List(items) = &entry.node.data else {
            self.bad(key, &entry.place, found(&entry.node.data), "a list of mappings");
            return Vec::new();
        };
        if items.is_empty() {
            self.ledger.set(self.key(key), "[]", Some(&entry.place));
        }
        let mut blocks = Vec::new();
        for (index, node) in items.iter().enumerate() {
            let path = format!("{}[{index}]", self.key(key));
            let entries = match (&node.data, scalar_key) {
                (Data::Map(entries), _) => entries.clone(),
                (Data::Scalar { .. }, Some(name)) => {
                    vec![Entry {
                        key: name.to_owned(),
                        place: node.place.clone(),
                        node: node.clone(),
                    }]
                }
                (other, _) => {
                    self.bad(&format!("{key}[{index}]"), &node.place, found(other), "a mapping");
                    continue;
                }
            };
            blocks.push(Self::new(self.ledger, path, node.place.clone(), entries));
        }
        blocks
    }

    /// Warns of every key that nobody has asked for.
    pub(super) fn finish(&self) {
        let known = self.known.borrow();
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.key)) {
            let hint = suggest(&entry.key, known.iter().map(String::as_str));
            let hint = hint.map_or_else(String::new, |name| format!(", did you mean `{name}`?"));
            self.ledger.warn(
                &entry.place,
                format!("`{}` is not a known key{hint}", self.key(&entry.key)),
            );
        }
    }
}

/// Describes a node for an error.
pub(super) fn found(data: &Data) -> &'static str {
    match data {
        Data::Null => "empty",
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

/// Returns the known name nearest to `name`, when it is near.
pub(super) fn suggest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let name = name.to_lowercase();
    known
        .map(|word| (strsim::jaro_winkler(&name, word), word))
        .filter(|(score, _)| *score >= 0.87)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

fn is_empty(node: &Node) -> bool {
    match &node.data {
        Data::Null => true,
        Data::Scalar { text, .. } => text.trim().is_empty(),
        Data::List(_) | Data::Map(_) => false,
    }
}
