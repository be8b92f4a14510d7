//! Lists and mappings within a [`Block`], and the keys that nobody has asked for.

use super::node::{Block, Text, found};
use super::yaml::{Data, Entry, Node, Place};

impl<'a> Block<'a> {
    /// Reads a list of texts; with `or_one` a single text stands for a list of one. Empty items are dropped.
    pub(super) fn strings(&self, key: &str, or_one: bool) -> Option<Vec<String>> {
        let allowed = if or_one {
            "a text or a list of texts"
        } else {
            "a list of texts"
        };
        self.ledger.know(self.key(key), allowed);
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

    /// Reads a mapping of texts. `on_null` sees the key and the place of every null that is written out, and tells whether
    /// that is allowed.
    pub(super) fn pairs(&self, key: &str, mut on_null: impl FnMut(&str, &Place) -> bool) -> Vec<(String, Text)> {
        self.ledger.know(self.key(key), "a mapping of texts");
        let block = self.child(key);
        if block.entries.is_empty() {
            self.default(key, "{}");
        }
        let mut pairs = Vec::new();
        for entry in block.entries() {
            if matches!(entry.node.data, Data::Null { word: true }) && on_null(&entry.key, &entry.place) {
                continue;
            }
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
        self.ledger.know(self.key(key), "a mapping");
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
        self.ledger.know(self.key(key), "a list of mappings");
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
        Data::Null { .. } => true,
        Data::Scalar { text, .. } => text.trim().is_empty(),
        Data::List(_) | Data::Map(_) => false,
    }
}
