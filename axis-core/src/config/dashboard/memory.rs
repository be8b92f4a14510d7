//! `memory.yaml`: what the columns of the decision memory mean.

use std::collections::BTreeMap;

use crate::config::node::Block;
use crate::config::yaml::Data;
use crate::config::{HardStops, MemoryFields};

/// Each role and its column.
const ROLES: [(&str, &str); 23] = [
    ("id", "id"),
    ("name", "rule_name"),
    ("action", "action"),
    ("category", "risk_category"),
    ("group_by", "risk_factor"),
    ("product", "product_type"),
    ("quality", "decision_quality"),
    ("threshold_type", "threshold_type"),
    ("threshold_value", "threshold"),
    ("description", "outcome_description"),
    ("mitigants", "mitigants"),
    ("status", "ingestion_status"),
    ("batch", "batch_id"),
    ("agent", "agent_name"),
    ("created_at", "created_at"),
    ("confidence", "confidence"),
    ("compound_trigger", "compound_trigger"),
    ("source", "source"),
    ("source_type", "source_type"),
    ("historical_exceptions", "historical_exceptions"),
    ("data_fields", "data_fields"),
    ("ingestion_error", "ingestion_error"),
    ("ingested_at", "ingested_at"),
];
const REQUIRED: [&str; 5] = ["id", "name", "action", "batch", "status"];
const LISTS: [&str; 2] = ["mitigants", "data_fields"];
const FILTERS: [&str; 5] = ["action", "product", "category", "threshold_type", "status"];
const QUALITIES: [(&str, &str); 3] = [
    ("aligned", "aligned"),
    ("divergent", "divergent"),
    ("partial", "partial"),
];

/// Reads the block; an empty one gives the defaults.
pub(super) fn read(block: &Block<'_>) -> MemoryFields {
    let fields = MemoryFields {
        field_roles: words(&block.child("field_roles"), &ROLES),
        required_roles: roles(block, "required_roles", &REQUIRED),
        labels: texts(block, "labels"),
        list_fields: roles(block, "list_fields", &LISTS),
        filter_roles: roles(block, "filter_roles", &FILTERS),
        hard_stops: hard_stops(&block.child("hard_stops")),
        quality_values: words(&block.child("quality_values"), &QUALITIES),
        soft_threshold_value: block
            .string_or("soft_threshold_value", "soft")
            .unwrap_or_else(|| "soft".to_owned()),
        action_colors: texts(block, "action_colors"),
        contradictory_pairs: pairs(block),
    };
    block.finish();
    fields
}

/// Reads a text for each of these keys.
fn words(block: &Block<'_>, defaults: &[(&str, &str)]) -> BTreeMap<String, String> {
    let read = |(key, default): &(&str, &str)| {
        let text = block.string_or(key, default);
        ((*key).to_owned(), text.unwrap_or_else(|| (*default).to_owned()))
    };
    let words = defaults.iter().map(read).collect();
    block.finish();
    words
}

fn texts(block: &Block<'_>, key: &str) -> BTreeMap<String, String> {
    let pairs = block.pairs(key, |_, _| false).into_iter();
    pairs.map(|(key, text)| (key, text.value)).collect()
}

/// Reads a list of roles; one that does not exist is a mistake.
fn roles(block: &Block<'_>, key: &str, default: &[&str]) -> Vec<String> {
    let Some(given) = block.strings(key, false) else {
        block.default(key, &format!("[{}]", default.join(", ")));
        return default.iter().map(|role| (*role).to_owned()).collect();
    };
    let is_role = |role: &String| {
        let is_known = ROLES.iter().any(|(known, _)| known == role);
        if !is_known {
            let place = block.entry(key).map_or(&block.place, |entry| &entry.place);
            block.bad(key, place, format!("{role:?}"), "a list of the keys of `field_roles`");
        }
        is_known
    };
    given.into_iter().filter(is_role).collect()
}

fn hard_stops(block: &Block<'_>) -> HardStops {
    let stops = HardStops {
        action_value: block
            .string_or("action_value", "decline")
            .unwrap_or_else(|| "decline".to_owned()),
        require_empty_mitigants: block.bool("require_empty_mitigants", true),
    };
    block.finish();
    stops
}

/// Reads a list of pairs.
fn pairs(block: &Block<'_>) -> Vec<Vec<String>> {
    const KEY: &str = "contradictory_pairs";
    const ALLOWED: &str = "a list of pairs of texts";
    block.ledger.know(block.key(KEY), ALLOWED);
    let Some(entry) = block.entry(KEY) else {
        block.default(KEY, "[]");
        return Vec::new();
    };
    let Data::List(items) = &entry.node.data else {
        block.bad(KEY, &entry.place, crate::config::node::found(&entry.node.data), ALLOWED);
        return Vec::new();
    };
    let mut pairs = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let key = format!("{KEY}[{index}]");
        match &item.data {
            Data::List(words) if words.len() == 2 => {
                let words = words.iter().filter_map(|word| block.scalar(&key, word, "a text"));
                let pair: Vec<String> = words.map(|text| text.value).collect();
                if pair.len() == 2 {
                    pairs.push(pair);
                }
            }
            _ => block.bad(&key, &item.place, "no pair", ALLOWED),
        }
    }
    let shown: Vec<String> = pairs.iter().map(|pair| format!("[{}]", pair.join(", "))).collect();
    block
        .ledger
        .set(block.key(KEY), format!("[{}]", shown.join(", ")), Some(&entry.place));
    pairs
}
