//! What the SQL of strangers may do: read the relations, and nothing else.
//!
//! DuckDB's own parser says what a text is, as JSON; this walks through that JSON once, without recursion. Files and the network
//! are out of reach anyway, because external access is off for good, and so is everything that is no SELECT. What is left are
//! functions and views that tell paths and settings or change the process, our own bookkeeping, and texts that are small and
//! grow without limits while DuckDB prepares them, which no interrupt stops.

use std::collections::HashMap;

use super::scan::{Scan, Token};
use crate::error::{Error, ErrorKind, Result};

/// The longest text; longer lists of values go into parameters or a join.
const LENGTH: usize = 256 * 1024;
/// The most common table expressions: a chain of them is as deep as it is long.
const EXPRESSIONS: usize = 100;
/// The most SELECTs, tables and table functions.
const RELATIONS: usize = 500;
/// The most levels of what the parser has read, two or three for each level of the text: the time in which DuckDB plans nested lists
/// grows with the third power of their depth, and nothing interrupts it.
const LEVELS: usize = 1_200;
/// The most parts of select lists, once each name of an earlier column stands for its expression again.
const EXPANDED: u64 = 20_000;

/// Table functions that read nothing but their arguments and the names in the catalog. Of all others there are some that read
/// files, run SQL that nobody has checked, take memory addresses, or tell paths and settings.
pub(crate) const TABLE_FUNCTIONS: [&str; 19] = [
    "duckdb_columns",
    "duckdb_constraints",
    "duckdb_functions",
    "duckdb_indexes",
    "duckdb_keywords",
    "duckdb_schemas",
    "duckdb_tables",
    "duckdb_types",
    "duckdb_views",
    "generate_series",
    "json_each",
    "json_tree",
    "pg_timezone_names",
    "pragma_table_info",
    "pragma_version",
    "range",
    "repeat",
    "repeat_row",
    "unnest",
];

/// Functions that tell settings, change the session or the log, plan SQL that nobody has checked, only take time, or take the
/// square of a text's length for one value, within which DuckDB does not look for interrupts.
pub(crate) const FUNCTIONS: [&str; 16] = [
    "current_setting",
    "currval",
    "damerau_levenshtein",
    "editdist3",
    "getenv",
    "getvariable",
    "jaro_similarity",
    "jaro_winkler_similarity",
    "json_execute_serialized_sql",
    "json_serialize_plan",
    "levenshtein",
    "nextval",
    "pg_sleep",
    "setseed",
    "sleep_ms",
    "write_log",
];

/// Functions whose second argument is a pattern, by the names that the operators have: `like` and its kin, and `glob`.
const PATTERNS: [&str; 9] = [
    "~~",
    "!~~",
    "~~*",
    "!~~*",
    "~~~",
    "like_escape",
    "not_like_escape",
    "ilike_escape",
    "not_ilike_escape",
];
/// The longest pattern that is tried at every place of a text.
const PATTERN_LENGTH: usize = 1_000;

/// DuckDB's own views that tell paths, settings or what others ask.
pub(crate) const VIEWS: [&str; 6] = [
    "duckdb_databases",
    "duckdb_logs",
    "pg_database",
    "pg_prepared_statements",
    "pg_settings",
    "pragma_database_list",
];

/// Refuses texts that are longer than any parser should be asked to read.
pub(super) fn check_length(sql: &str) -> Result<()> {
    if sql.len() > LENGTH {
        return Err(refused(format!("the query is longer than {LENGTH} bytes")));
    }
    Ok(())
}

/// Checks a SELECT as DuckDB's parser has read it; `bound` returns the text that a parameter stands for.
pub(super) fn check<'a>(parsed: &str, bound: impl Fn(&str) -> Option<&'a str>) -> Result<()> {
    let mut walk = Walk::new(&bound);
    for token in Scan::new(parsed) {
        walk.take(token?)?;
    }
    Ok(())
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Query, message).during("query")
}

/// An object or a list that is open.
#[derive(Debug, Default)]
struct Open {
    /// The key that it is the value of; a member of a list has none.
    key: String,
    /// The texts among its values that matter here.
    texts: HashMap<&'static str, String>,
    /// The columns of a select list.
    list: Option<Columns>,
    /// How many members of a list have ended.
    members: usize,
    /// The second argument of a function, or of its list of arguments.
    second: Option<Argument>,
}

/// An argument as the parser has read it.
#[derive(Clone, Debug)]
enum Argument {
    Literal(String),
    Parameter(String),
    Expression,
}

/// The keys whose texts matter.
const KEYS: [&str; 9] = [
    "alias",
    "function_name",
    "identifier",
    "materialized",
    "schema_name",
    "show_type",
    "table_name",
    "type",
    "value",
];

struct Walk<'a, 'b> {
    bound: &'b dyn Fn(&str) -> Option<&'a str>,
    open: Vec<Open>,
    key: Option<String>,
    expressions: usize,
    relations: usize,
    expanded: u64,
}

impl<'a, 'b> Walk<'a, 'b> {
    fn new(bound: &'b dyn Fn(&str) -> Option<&'a str>) -> Self {
        Self {
            bound,
            open: Vec::new(),
            key: None,
            expressions: 0,
            relations: 0,
            expanded: 0,
        }
    }

    fn take(&mut self, token: Token) -> Result<()> {
        match token {
            Token::Key(key) => self.key = Some(key),
            Token::Text(text) => {
                let key = self.key.take();
                self.text(key, text);
            }
            Token::Other => self.key = None,
            Token::Begin => {
                let key = self.key.take().unwrap_or_default();
                let list = (key == "select_list").then(Columns::default);
                self.open.push(Open {
                    key,
                    list,
                    ..Open::default()
                });
                if self.open.len() > LEVELS {
                    return Err(refused("the query is nested too deeply"));
                }
            }
            Token::End => {
                if let Some(closed) = self.open.pop() {
                    self.close(&closed)?;
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, key: Option<String>, text: String) {
        let Some(open) = self.open.last_mut() else { return };
        match key {
            Some(key) => {
                if let Some(known) = KEYS.iter().find(|known| **known == key) {
                    open.texts.insert(*known, text);
                }
            }
            // The only lists of texts that matter: the name of a column, one part of it a member.
            None if open.key == "column_names" => {
                let name = text.to_lowercase();
                for list in self.open.iter_mut().filter_map(|open| open.list.as_mut()) {
                    list.size += list.sizes.get(&name).copied().unwrap_or_default();
                }
            }
            None => {}
        }
    }

    fn close(&mut self, closed: &Open) -> Result<()> {
        let text = |key: &str| closed.texts.get(key).map_or("", String::as_str);
        if let Some(name) = closed.texts.get("function_name") {
            function(name, closed.key == "function")?;
            self.pattern(name, closed.second.as_ref())?;
        }
        self.hand_up(closed);
        match text("type") {
            "BASE_TABLE" => table(text("schema_name"), text("table_name"))?,
            "SHOW_REF" => show(text("show_type"), text("table_name"))?,
            _ => {}
        }
        if matches!(
            text("type"),
            "BASE_TABLE" | "TABLE_FUNCTION" | "SELECT_NODE" | "EXPRESSION_LIST"
        ) {
            self.relations += 1;
        }
        match text("materialized") {
            "" => {}
            "CTE_MATERIALIZE_NEVER" => return Err(refused("`not materialized` is not available to queries")),
            _ => self.expressions += 1,
        }
        if self.relations > RELATIONS {
            return Err(refused(format!("the query reads more than {RELATIONS} relations")));
        }
        if self.expressions > EXPRESSIONS {
            return Err(refused(format!(
                "the query has more than {EXPRESSIONS} common table expressions"
            )));
        }
        for list in self.open.iter_mut().filter_map(|open| open.list.as_mut()) {
            list.size += 1;
        }
        // A member of a select list ends, and what follows may call it by its name.
        if let Some(list) = self.open.last_mut().and_then(|open| open.list.as_mut()) {
            self.expanded += list.member(text("alias"));
            if self.expanded > EXPANDED {
                return Err(refused(
                    "the columns of the query are made from each other too many times",
                ));
            }
        }
        Ok(())
    }
}

impl Walk<'_, '_> {
    /// Tells what is around a value that ends what it needs to know of it: a literal its text, a function its second argument.
    fn hand_up(&mut self, closed: &Open) {
        let Some(around) = self.open.last_mut() else { return };
        let text = |key: &str| closed.texts.get(key).cloned();
        match (closed.key.as_str(), around.key.as_str()) {
            ("value", _) => around.texts.extend(text("value").map(|text| ("value", text))),
            ("children", _) => around.second.clone_from(&closed.second),
            ("", "children") => {
                around.members += 1;
                if around.members == 2 {
                    let argument = match text("type").as_deref() {
                        Some("VALUE_CONSTANT") => text("value").map(Argument::Literal),
                        Some("VALUE_PARAMETER") => text("identifier").map(Argument::Parameter),
                        _ => None,
                    };
                    around.second = Some(argument.unwrap_or(Argument::Expression));
                }
            }
            _ => {}
        }
    }

    /// Refuses patterns that DuckDB would try in a number of ways that grows with a power of the text's length: within one value
    /// it does not look for interrupts. Without `_`, and with regard to case, it finds the parts of a literal one after the other.
    fn pattern(&self, name: &str, second: Option<&Argument>) -> Result<()> {
        let name = name.to_lowercase();
        if !PATTERNS.contains(&name.as_str()) {
            return Ok(());
        }
        let text = match second {
            Some(Argument::Literal(text)) if matches!(name.as_str(), "~~" | "!~~") && !text.contains('_') => {
                return Ok(());
            }
            Some(Argument::Literal(text)) => text,
            // What is no text matches nothing.
            Some(Argument::Parameter(name)) => (self.bound)(name).unwrap_or_default(),
            _ => {
                return Err(refused(
                    "the pattern of `like`, `ilike` and `glob` has to be a text or a parameter; `contains` takes any expression",
                ));
            }
        };
        let wild = if name == "~~~" { '*' } else { '%' };
        // What a wildcard at the end stands for is not looked at.
        let tried = text.split(wild).skip(1).filter(|part| !part.is_empty()).count();
        if tried > 1 || text.len() > PATTERN_LENGTH {
            return Err(refused(
                "a pattern with `_`, without regard to case, of `glob` or in a parameter may have one wildcard for any number of \
                 characters besides one at its end, and 1000 bytes; `like` with a text without `_`, or `regexp_matches`, may have more",
            ));
        }
        Ok(())
    }
}

/// The columns of one select list: DuckDB puts the expression in the place of each name of an earlier one, so that few words
/// can stand for any number of them.
#[derive(Debug, Default)]
struct Columns {
    sizes: HashMap<String, u64>,
    /// The size of the member that is open.
    size: u64,
}

impl Columns {
    /// Ends a member and returns its size.
    fn member(&mut self, alias: &str) -> u64 {
        let size = std::mem::take(&mut self.size).min(EXPANDED + 1);
        if !alias.is_empty() {
            self.sizes.insert(alias.to_lowercase(), size);
        }
        size
    }
}

fn function(name: &str, makes_rows: bool) -> Result<()> {
    let name = name.to_lowercase();
    let allowed = if makes_rows {
        TABLE_FUNCTIONS.contains(&name.as_str())
    } else {
        !FUNCTIONS.contains(&name.as_str())
    };
    if allowed {
        return Ok(());
    }
    Err(refused(format!("the function `{name}` is not available to queries")))
}

fn table(schema: &str, name: &str) -> Result<()> {
    let (schema, lower) = (schema.to_lowercase(), name.to_lowercase());
    if schema.starts_with("_axis") || lower.starts_with("_axis") || VIEWS.contains(&lower.as_str()) {
        return Err(refused(format!("the relation `{name}` is not available to queries")));
    }
    Ok(())
}

fn show(kind: &str, name: &str) -> Result<()> {
    if matches!(kind, "DESCRIBE" | "SUMMARY") || name.trim_matches('"') == "tables" {
        return Ok(());
    }
    Err(refused("of what can be shown only tables are available to queries"))
}
