//! A copy of a store that is whole by itself, and what it holds.

use std::path::Path;

use duckdb::Connection;

use super::job::Job;
use super::manifest::Facts;
use super::{DatasetBackup, TableBackup};
use crate::error::{Error, ErrorKind, Result};
use crate::source::ident::ident;
use crate::store::fault::store as fault;
use crate::store::{Access, engine_version, has_log, open_copy, read_catalog, settle};

/// Takes in the log of a fresh copy and says what is in it.
pub(super) fn settled(path: &Path, job: &Job) -> Result<Facts> {
    let connection = open_copy(path, Access::Write, true)?;
    let facts = job.run(&connection, |connection| {
        settle(connection)?;
        facts(connection)
    })?;
    drop(connection);
    if has_log(path) {
        return Err(Error::new(ErrorKind::Store, "the copy of the store cannot be completed").during("backup.settle"));
    }
    Ok(facts)
}

/// Opens a file that was restored and says what is in it.
pub(super) fn looked_at(path: &Path, job: &Job) -> Result<Facts> {
    let connection = open_copy(path, Access::Read, false)?;
    job.run(&connection, facts)
}

pub(super) fn facts(connection: &Connection) -> Result<Facts> {
    let catalog = read_catalog(connection)?;
    let datasets = catalog.datasets.into_iter().map(|(name, record)| {
        let state = DatasetBackup {
            generation: record.generation,
            revision: record.revision,
        };
        (name, state)
    });
    Ok(Facts {
        duckdb_version: engine_version(connection)?,
        datasets: datasets.collect(),
        tables: tables(connection)?,
        views: views(connection)?,
    })
}

fn tables(connection: &Connection) -> Result<Vec<TableBackup>> {
    let fault = fault("backup.tables");
    let sql = "select schema_name, table_name from duckdb_tables() where not internal and not temporary
               and database_name = current_database() order by all";
    let mut statement = connection.prepare(sql).map_err(&fault)?;
    let names = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let names: Vec<(String, String)> = names.and_then(Iterator::collect).map_err(&fault)?;
    let counted = names.into_iter().map(|(schema, name)| {
        let sql = format!("select count(*) from {}.{}", ident(&schema), ident(&name));
        let rows: i64 = connection.query_row(&sql, [], |row| row.get(0)).map_err(&fault)?;
        Ok(TableBackup {
            rows: rows.cast_unsigned(),
            file: None,
            create: None,
            schema,
            name,
        })
    });
    counted.collect()
}

fn views(connection: &Connection) -> Result<Vec<String>> {
    let fault = fault("backup.views");
    let sql = "select sql from duckdb_views() where not internal and not temporary order by view_oid";
    let mut statement = connection.prepare(sql).map_err(&fault)?;
    let views = statement.query_map([], |row| row.get(0));
    views.and_then(Iterator::collect).map_err(&fault)
}
