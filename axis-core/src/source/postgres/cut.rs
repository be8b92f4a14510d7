//! Cuts a query into parts for several sessions: by a column's values, or by a table's blocks.

use tokio_postgres::{Client, SimpleQueryRow};

use super::ranges::{Comparison, Leaf, choose, read_blocks, share_blocks, uuid_bounds};
use super::session::simple;
use super::sqlstate;
use crate::error::Result;
use crate::source::ident::literal;
use crate::source::{Parts, SourceColumn, Weight};

/// The first server that reads a range of blocks without reading all others.
const RANGES_OF_BLOCKS: u32 = 140_000;
/// Parts of a plan whose rows may be others each time, or are not of the snapshot.
const UNSTEADY: [&str; 8] = [
    "Limit",
    "WindowAgg",
    "Unique",
    "Sample Scan",
    "Foreign Scan",
    "Function Scan",
    "Table Function Scan",
    "Custom Scan",
];

/// Functions whose answer is another one in another session, or a moment later, although they are not volatile.
const OF_THE_SESSION: [&str; 14] = [
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "clock_timestamp",
    "timeofday",
    "age",
    "pg_backend_pid",
    "inet_client_port",
    "txid_current",
    "txid_current_if_assigned",
    "txid_current_snapshot",
    "pg_current_xact_id",
    "pg_current_xact_id_if_assigned",
    "pg_current_snapshot",
];
/// The same, without a parenthesis.
const OF_THE_CLOCK: [&str; 5] = [
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "LOCALTIME",
    "LOCALTIMESTAMP",
];
/// Words of a literal that become a time when the query is parsed, so that no plan shows them.
const OF_THE_PARSER: [&str; 4] = ["now", "today", "tomorrow", "yesterday"];

/// Asks the planner how much a query returns, and whether it returns the same rows each time.
pub(super) async fn weigh(client: &Client, query: &str) -> Result<Weight> {
    let rows = simple(client, &format!("explain (verbose, format json) {query}")).await?;
    let text: String = rows.iter().filter_map(|row| row.get(0)).collect::<Vec<_>>().join("\n");
    let plan = serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default();
    let plan = &plan[0]["Plan"];
    let number = |key: &str| plan[key].as_f64().unwrap_or(0.0);
    let (rows, width) = (number("Plan Rows"), number("Plan Width"));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Estimates; the casts end at the limits.
    let (rows, bytes) = (rows as u64, (rows * width) as u64);
    let mut seen = Seen {
        unsteady: names_a_moment(query),
        ..Seen::default()
    };
    seen.visit(plan);
    Ok(Weight {
        rows,
        bytes,
        repeatable: !seen.unsteady && !any_volatile(client, &seen.functions).await?,
    })
}

/// What a plan is made of.
#[derive(Debug, Default)]
struct Seen {
    unsteady: bool,
    /// Names of functions, and perhaps other words before a parenthesis.
    functions: Vec<String>,
}

impl Seen {
    fn visit(&mut self, value: &serde_json::Value) {
        match value {
            serde_json::Value::Object(members) => {
                for (key, value) in members {
                    let kind = value.as_str().filter(|_| key == "Node Type");
                    self.unsteady |= kind.is_some_and(|kind| UNSTEADY.contains(&kind));
                    self.visit(value);
                }
            }
            serde_json::Value::Array(values) => values.iter().for_each(|value| self.visit(value)),
            serde_json::Value::String(text) => {
                self.unsteady |= words(text).any(|word| OF_THE_CLOCK.contains(&word));
                for name in called(text) {
                    self.unsteady |= OF_THE_SESSION.contains(&name.as_str());
                    self.functions.push(name);
                }
            }
            _ => {}
        }
    }
}

/// Tells whether a query may have a literal such as `'now'`, or `'today 12:00'`.
fn names_a_moment(query: &str) -> bool {
    let (_, literals) = query.split_once('\'').unwrap_or_default();
    words(literals).any(|word| OF_THE_PARSER.iter().any(|moment| word.eq_ignore_ascii_case(moment)))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// Finds the names that stand before an opening parenthesis.
fn called(expression: &str) -> impl Iterator<Item = String> {
    expression.match_indices('(').filter_map(|(at, _)| {
        let before = &expression[..at];
        let name = match before.strip_suffix('"') {
            Some(quoted) => &quoted[quoted.rfind('"')? + 1..],
            None => {
                let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
                &before[before.trim_end_matches(plain).len()..]
            }
        };
        (!name.is_empty()).then(|| name.to_owned())
    })
}

/// Tells whether a function of one of these names may give another answer each time.
async fn any_volatile(client: &Client, names: &[String]) -> Result<bool> {
    if names.is_empty() {
        return Ok(false);
    }
    let list: Vec<String> = names.iter().map(|name| literal(name)).collect();
    let sql = format!(
        "select 1 from pg_proc where provolatile = 'v' and proname in ({}) limit 1",
        list.join(", ")
    );
    Ok(!simple(client, &sql).await?.is_empty())
}

/// Cuts by the values of a column, as the statistics share them out.
pub(super) async fn by_column(
    client: &Client,
    query: &str,
    columns: &[SourceColumn],
    name: &str,
    pieces: usize,
) -> Result<Parts> {
    let Some(index) = columns.iter().position(|column| column.column.name == name) else {
        return Ok(Parts::whole(format!("the query has no column `{name}`")));
    };
    let Some(comparison) = Comparison::of(&columns[index]) else {
        let ty = &columns[index].source_type;
        let message = format!(
            "`{name}` is carried as another type, or {ty} is no integer, timestamp, date, uuid or text that is compared by its bytes"
        );
        return Ok(Parts::whole(message));
    };
    let statement = client.prepare(query).await.map_err(sqlstate::explain)?;
    let origin = statement.columns().get(index);
    let Some((table, attribute)) = origin.and_then(|column| column.table_oid().zip(column.column_id())) else {
        return Ok(Parts::whole(format!(
            "`{name}` is an expression, not a column of a table"
        )));
    };
    if is_blurred(client, table, attribute).await? {
        return Ok(Parts::whole(format!(
            "the collation of `{name}` is nondeterministic: different texts are equal"
        )));
    }
    let mut bounds = choose(&histogram(client, &comparison, table, attribute).await?, pieces);
    let mut because = format!("statistics of `{name}`");
    if bounds.is_empty() && comparison.ty == "uuid" {
        bounds = uuid_bounds(pieces);
        because = format!("`{name}` has no statistics, and uuids are spread evenly");
    }
    if bounds.is_empty() {
        return Ok(Parts::whole(format!(
            "the server has no histogram of `{name}`; `analyze` makes one"
        )));
    }
    let queries = comparison.conditions(&bounds).into_iter();
    Ok(Parts {
        queries: queries
            .map(|condition| format!("select * from (\n{query}\n) as axis_part where {condition}"))
            .collect(),
        because,
    })
}

/// Tells whether a column's collation takes different texts for equal: a group of them would be in several ranges. Before
/// PostgreSQL 12 there is no such collation, and no column that says so.
async fn is_blurred(client: &Client, table: u32, attribute: i16) -> Result<bool> {
    let sql = format!(
        "select 1 from pg_attribute a join pg_collation l on l.oid = a.attcollation
         where a.attrelid = {table} and a.attnum = {attribute} and to_jsonb(l) ->> 'collisdeterministic' = 'false'"
    );
    Ok(!simple(client, &sql).await?.is_empty())
}

/// Reads the bounds of a column's histogram, each once, in the order in which the ranges compare them: `bound` alone would
/// mean the text that is returned.
async fn histogram(client: &Client, comparison: &Comparison, table: u32, attribute: i16) -> Result<Vec<String>> {
    let Comparison { ty, collation, .. } = comparison;
    let sql = format!(
        "select bound::text from (
           select distinct element::{ty}{collation} as bound from unnest((
             select s.histogram_bounds::text::text[] from pg_stats s
             join pg_namespace n on n.nspname = s.schemaname
             join pg_class c on c.relnamespace = n.oid and c.relname = s.tablename
             join pg_attribute a on a.attrelid = c.oid and a.attname = s.attname
             where c.oid = {table} and a.attnum = {attribute}
             order by s.inherited desc limit 1)) as element) as bounds
         order by bounds.bound"
    );
    let rows = simple(client, &sql).await?;
    Ok(rows.iter().filter_map(|row| row.get(0)).map(str::to_owned).collect())
}

/// Cuts `select * from relation` by blocks, leaf by leaf.
pub(super) async fn by_blocks(client: &Client, query: &str, columns: &[SourceColumn], pieces: usize) -> Result<Parts> {
    let version = simple(client, "select current_setting('server_version_num')").await?;
    let version = version.first().and_then(|row| row.get(0)?.parse::<u32>().ok());
    if version.is_none_or(|version| version < RANGES_OF_BLOCKS) {
        return Ok(Parts::whole("the server is older than PostgreSQL 14"));
    }
    let statement = client.prepare(query).await.map_err(sqlstate::explain)?;
    let mut origins = statement.columns().iter().map(tokio_postgres::Column::table_oid);
    let Some(table) = origins.next().flatten() else {
        return Ok(Parts::whole("the relation is no table"));
    };
    if origins.any(|origin| origin != Some(table)) {
        return Ok(Parts::whole("the query reads more than one relation"));
    }
    let rows = simple(client, &TREE.replace("RELATION", &table.to_string())).await?;
    if let Some(because) = rows.iter().find_map(|row| row.get(2)) {
        return Ok(Parts::whole(because));
    }
    let leaf = |row: &SimpleQueryRow| {
        Some(Leaf {
            name: row.get(0)?.to_owned(),
            blocks: row.get(1)?.parse().ok()?,
        })
    };
    let Some(leaves) = rows.iter().map(leaf).collect::<Option<Vec<_>>>() else {
        return Ok(Parts::whole("a table of the tree was dropped"));
    };
    let shared = share_blocks(&leaves, pieces);
    if shared.len() < 2 {
        return Ok(Parts::whole("there are too few blocks"));
    }
    Ok(Parts {
        queries: shared
            .iter()
            .map(|piece| read_blocks(&leaves, piece, columns))
            .collect(),
        because: if leaves.len() == 1 {
            "the size of the table".to_owned()
        } else {
            format!("the sizes of {} tables", leaves.len())
        },
    })
}

/// Lists the tables that hold a relation's rows: name, blocks, and why it must be read whole.
///
/// * A role that may read the parent need not be allowed to read a leaf, and the parent's row security does not act on leaves.
/// * Only heap tables have blocks that hold their own rows; TimescaleDB keeps compressed rows elsewhere.
/// * What is being detached belongs to some snapshots and not to others.
const TREE: &str = "\
with recursive tree(oid, detaching) as (
  select RELATION::oid, false
  union
  select i.inhrelid, t.detaching or i.inhdetachpending from pg_inherits i join tree t on i.inhparent = t.oid
)
select format('%I.%I', n.nspname, c.relname), pg_relation_size(c.oid) / current_setting('block_size')::bigint,
  case
    when c.relkind = 'v' then 'the relation is a view'
    when c.relkind = 'f' then 'a part of it is a foreign table'
    when c.relkind not in ('r', 'm', 'p') then 'the relation is no table'
    when t.detaching then 'a partition is being detached'
    when c.relkind <> 'p' and am.amname is distinct from 'heap' then 'a table of it has another access method than heap'
    when c.oid <> RELATION and not (has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select'))
      then 'a part of it may only be read through its parent'
    when not has_table_privilege(c.oid, 'select') then 'the role may read its columns, but not where its rows lie'
    when (select count(*) from tree) > 1 and (row_security_active(c.oid) or row_security_active(RELATION))
      then 'row security acts on it'
    when (select count(*) from tree) > 1 and exists (select from pg_extension where extname = 'timescaledb')
      then 'TimescaleDB may keep rows of it elsewhere'
  end
from tree t join pg_class c on c.oid = t.oid join pg_namespace n on n.oid = c.relnamespace left join pg_am am on am.oid = c.relam
where c.relkind <> 'p'
order by c.oid
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_before_parentheses_are_found() {
        let found = |text: &str| called(text).collect::<Vec<_>>();
        assert_eq!(
            found("((a.x + random()) > s.f(1)) and public.\"my Func\"(2)"),
            ["random", "f", "my Func"]
        );
        assert_eq!(found("(a = 1)"), [""; 0]);
    }

    #[test]
    fn what_depends_on_the_session_or_the_moment_is_unsteady() {
        let unsteady = |text: &str| {
            let mut seen = Seen::default();
            seen.visit(&serde_json::json!({ "Node Type": "Seq Scan", "Filter": text }));
            seen.unsteady
        };
        for text in [
            "(at <= now())",
            "(day < CURRENT_DATE)",
            "(age((at)::timestamp) > x)",
            "(n = pg_backend_pid())",
        ] {
            assert!(unsteady(text), "{text}");
        }
        assert!(!unsteady(
            "((age > 3) AND (now IS NULL) AND (lower(current_date_) = 'x'))"
        ));
        assert!(names_a_moment("select 'it', at < timestamptz ' Now '") && names_a_moment("select date 'today 12:00'"));
        assert!(!names_a_moment("select now from t where a = 'nowhere'"));
    }
}
