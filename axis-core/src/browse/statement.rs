//! Which text is one SELECT that may be run on a source. Pure.
//!
//! This is the first of several walls: the text then runs as a sub-select, in which the server takes no data-modifying CTE, no
//! INTO and no second statement, within a READ ONLY transaction that is rolled back. What those let through, functions with
//! effects outside of the transaction, is refused here by name; a role with few rights is what stops the rest.

use std::collections::HashSet;

use sqlparser::ast::{Query, SetExpr, Statement};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::{Error, ErrorKind, Result};
use crate::source::sql_text::clean_query;

/// Longer texts are not looked at.
const LONGEST: usize = 100_000;

/// Names, wherever they stand outside of quotes for texts, of functions and relations that reach files, other servers, other
/// sessions, settings or secrets, or that run SQL given as a text.
const REFUSED: &[&str] = &[
    "connectby",
    "crosstab",
    "currtid",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "lo_creat",
    "lo_create",
    "lo_export",
    "lo_from_bytea",
    "lo_import",
    "lo_open",
    "lo_put",
    "lo_truncate",
    "lo_truncate64",
    "lo_unlink",
    "lowrite",
    "nextval",
    "pg_authid",
    "pg_cancel_backend",
    "pg_config",
    "pg_current_logfile",
    "pg_export_snapshot",
    "pg_file_settings",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_import_system_collations",
    "pg_largeobject",
    "pg_notify",
    "pg_nextoid",
    "pg_promote",
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_settings",
    "pg_shadow",
    "pg_show_all_settings",
    "pg_stat_file",
    "pg_subscription",
    "pg_switch_wal",
    "pg_terminate_backend",
    "pg_user_mapping",
    "pg_user_mappings",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
    "set_config",
    "setval",
    "ts_rewrite",
    "ts_stat",
    "xpath_table",
];

/// The beginnings of such names.
const REFUSED_BEGINNINGS: &[&str] = &[
    "dblink",
    "database_to_xml",
    "schema_to_xml",
    "table_to_xml",
    "pg_advisory",
    "pg_backup",
    "pg_copy_",
    "pg_create_",
    "pg_drop_",
    "pg_file_",
    "pg_log_",
    "pg_logdir_",
    "pg_logical_",
    "pg_ls_",
    "pg_read_",
    "pg_replication_",
    "pg_start_backup",
    "pg_stat_reset",
    "pg_stop_backup",
    "pg_sync_replication",
    "pg_try_advisory",
    "pg_wal_replay",
];

/// A text that passed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// The text without what may stand behind the statement.
    pub(super) sql: String,
    /// Every word outside of texts and comments, as the server would spell it.
    pub(super) words: HashSet<String>,
}

/// Checks a text.
///
/// # Errors
/// `InvalidArgument` when it is no single SELECT, or names what is refused.
pub(super) fn check(text: &str) -> Result<Checked> {
    if text.len() > LONGEST {
        return Err(wrong(format!("the query is longer than {LONGEST} bytes")));
    }
    let query = clean_query(text).map_err(|error| wrong(error.message()))?;
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, &query)
        .tokenize()
        .map_err(|error| wrong(format!("the query cannot be read{}", place(error.location))))?;
    check_tokens(&tokens)?;
    let words = tokens.iter().filter_map(|token| match token {
        Token::Word(word) if word.quote_style.is_some() => Some(word.value.clone()),
        Token::Word(word) => Some(word.value.to_ascii_lowercase()),
        _ => None,
    });
    let words = words.collect();
    // What the parser does not know is left to the server, which has the last word on what is a SELECT anyway.
    match Parser::new(&dialect).with_tokens(tokens).parse_statements() {
        Ok(statements) => match statements.as_slice() {
            [Statement::Query(parsed)] => check_query(parsed)?,
            [_] => return Err(wrong("the text is no SELECT")),
            _ => return Err(wrong("the text must be exactly one SELECT")),
        },
        Err(_) => tracing::debug!("a query is left to the server's own parser"),
    }
    Ok(Checked { sql: query, words })
}

fn check_query(query: &Query) -> Result<()> {
    if !query.locks.is_empty() {
        return Err(wrong(
            "the query locks rows (`for update` or the like), and it may only read",
        ));
    }
    if let Some(with) = &query.with {
        for table in &with.cte_tables {
            check_query(&table.query)?;
        }
    }
    check_body(&query.body)
}

fn check_body(body: &SetExpr) -> Result<()> {
    match body {
        SetExpr::Select(select) if select.into.is_some() => {
            Err(wrong("the query creates a table (`into`), and it may only read"))
        }
        SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => Ok(()),
        SetExpr::Query(query) => check_query(query),
        SetExpr::SetOperation { left, right, .. } => check_body(left).and_then(|()| check_body(right)),
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
            Err(wrong("the query writes, and it may only read"))
        }
    }
}

/// Looks for refused names, and for a bracket that would end the sub-select.
fn check_tokens(tokens: &[Token]) -> Result<()> {
    let mut open = 0_usize;
    let unbalanced = || wrong("the query has a bracket without its counterpart");
    let code: Vec<&Token> = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .collect();
    for (index, token) in code.iter().enumerate() {
        match token {
            Token::LParen => open += 1,
            Token::RParen => open = open.checked_sub(1).ok_or_else(unbalanced)?,
            Token::SemiColon => return Err(wrong("the text must be exactly one SELECT")),
            Token::Word(word) => {
                let name = word.value.to_ascii_lowercase();
                if is_refused(&name) {
                    let message = format!("`{name}` is not allowed here: it reaches beyond the tables of the database");
                    return Err(wrong(message));
                }
                let escaped = name == "u" && matches!(code.get(index + 1), Some(Token::Ampersand));
                let quoted = matches!(code.get(index + 2), Some(Token::Word(word)) if word.quote_style.is_some());
                if escaped && quoted {
                    return Err(wrong("names in the form U&\"...\" are not allowed here"));
                }
            }
            _ => {}
        }
    }
    if open == 0 { Ok(()) } else { Err(unbalanced()) }
}

fn is_refused(name: &str) -> bool {
    REFUSED.contains(&name) || REFUSED_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

fn place(location: sqlparser::tokenizer::Location) -> String {
    match (location.line, location.column) {
        (0, _) | (_, 0) => String::new(),
        (line, column) => format!(" at line {line}, column {column}"),
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_reads_is_let_through() {
        for (text, clean) in [
            ("select 1;", "select 1"),
            (
                "-- why\nselect ';' as a, '100%' as b -- end",
                "-- why\nselect ';' as a, '100%' as b",
            ),
            (
                "/* a /* b */ c */ select * from t limit 5;;",
                "/* a /* b */ c */ select * from t limit 5",
            ),
            (
                "with a as (select 1) select * from a",
                "with a as (select 1) select * from a",
            ),
            ("values (1, 'delete')", "values (1, 'delete')"),
            ("table t", "table t"),
            ("(select 1) union all (select 2)", "(select 1) union all (select 2)"),
            ("select $$;drop table t$$", "select $$;drop table t$$"),
            ("select E'\\'; delete from t; --'", "select E'\\'; delete from t; --'"),
            ("select 'pg_read_file' as \"drop\"", "select 'pg_read_file' as \"drop\""),
            (
                "select \"update\", lo_price from t",
                "select \"update\", lo_price from t",
            ),
            ("select u & b from t", "select u & b from t"),
            (
                "select count(*) filter (where x) over w from t window w as (order by y)",
                "select count(*) filter (where x) over w from t window w as (order by y)",
            ),
            (
                "select a from t tablesample system (1)",
                "select a from t tablesample system (1)",
            ),
        ] {
            assert_eq!(check(text).map(|checked| checked.sql).as_deref(), Ok(clean), "{text}");
        }
    }

    #[test]
    fn what_does_more_is_refused() {
        for text in [
            "",
            ";",
            "select 1; select 2",
            "select 1; drop table t",
            "insert into t values (1)",
            "/* */ delete from t",
            "-- x\nupdate t set a = 1",
            "with gone as (delete from t returning *) select * from gone",
            "with a as (select 1), b as (insert into t values (1) returning *) select * from b",
            "with t as (select 1) insert into x select * from t",
            "with t as (select 1) update x set a = 1",
            "select * into x from t",
            "select 1 union select 2 into x",
            "select * from t for update",
            "select * from t for share",
            "do $$ begin end $$",
            "set transaction read write",
            "copy t to '/tmp/x'",
            "copy (select 1) to program 'id'",
            "call p()",
            "explain analyze select 1",
            "begin",
            "commit",
            "listen x",
            "lock table t",
            "truncate t",
            "create table x as select 1",
            "prepare p as select 1",
            "execute p",
            "declare c cursor for select 1",
            "refresh materialized view m",
            "grant all on t to public",
            "vacuum",
            "select set_config('transaction_read_only', 'off', false)",
            "select pg_catalog . /* x */ set_config('a', 'b', true)",
            "select \"set_config\"('a', 'b', true)",
            "select pg_read_file('/etc/passwd')",
            "select ('/etc/passwd'::text).pg_read_file",
            "select PG_READ_BINARY_FILE('x')",
            "select * from pg_ls_dir('.')",
            "select lo_import('/etc/passwd')",
            "select dblink_exec('host=x', 'drop table t')",
            "select pg_terminate_backend(1)",
            "select pg_advisory_lock(1)",
            "select query_to_xml('delete from t', true, true, '')",
            "select * from pg_authid",
            "select U&\"pg_re\\0061d_file\"('/etc/passwd')",
            "select u&\"!0070g_shadow\" uescape '!'",
            "select 1) as a, (select 2",
            "select 1) as a union all select * from (select 2",
            "select (1",
            "select 'a",
            "select \"a",
            "select '\0'",
        ] {
            let error = check(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
        }
        assert!(check(&format!("select '{}'", "x".repeat(LONGEST))).is_err());
        // Depth is for the server to refuse.
        let deep = format!("select {}1{}", "(".repeat(20_000), ")".repeat(20_000));
        assert_eq!(check(&deep).unwrap().sql, deep);
    }
}
