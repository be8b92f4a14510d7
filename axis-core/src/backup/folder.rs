//! A backup as a folder: a Parquet file a table, the manifest, and its checksum.
//!
//! What Parquet carries as it is, is written so; every other type is written as DuckDB's text, which casts back to the same value.
//! The tables are made by their own SQL, so that all types are those of before.

use std::fs::File;
use std::io;
use std::path::Path;

use duckdb::Connection;

use super::job::Job;
use super::manifest::{self, damaged};
use super::partial::Partial;
use super::{BackupFormat, BackupManifest, BackupStage, FileBackup, TableBackup, digest};
use crate::error::{Error, ErrorKind, Result};
use crate::source::ident::{ident, literal};
use crate::store::fault::store as fault;
use crate::store::{Access, open_copy};

/// Types whose values come back from Parquet as they were.
const NATIVE: [&str; 17] = [
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
    "VARCHAR",
    "BLOB",
    "UUID",
    "DATE",
    "TIME",
    "TIMESTAMP",
];

/// Tells whether there is nothing in a folder; false for files.
pub(super) fn is_empty(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

/// Writes every table of a copy. Returns the bytes of all files.
pub(super) fn write(
    mut manifest: BackupManifest,
    copy: &Path,
    path: &Path,
    partial: Partial,
    job: &Job,
) -> Result<(u64, BackupManifest)> {
    let folder = partial.path();
    crate::private::create_folder(folder).map_err(digest::unwritable)?;
    let connection = open_copy(copy, Access::Read, true)?;
    let total = manifest.tables.len() as u64;
    for (index, table) in manifest.tables.iter_mut().enumerate() {
        let name = file_name(table, index);
        job.run(&connection, |connection| {
            table.create = Some(create_sql(connection, table)?);
            export(connection, table, &folder.join(&name))
        })?;
        manifest.files.push(sealed(folder, &name, job)?);
        table.file = Some(name);
        job.told(BackupStage::Writing, index as u64 + 1, total);
    }
    let (text, sum) = manifest.write()?;
    let mut bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    for (name, text) in [(manifest::NAME, text), (manifest::SUM, sum)] {
        std::fs::write(folder.join(name), &text).map_err(digest::unwritable)?;
        sealed(folder, name, job)?;
        bytes += text.len() as u64;
    }
    partial.keep(path)?;
    Ok((bytes, manifest))
}

/// Makes sure that a file is on disk, and says what is in it.
fn sealed(folder: &Path, name: &str, job: &Job) -> Result<FileBackup> {
    let path = folder.join(name);
    File::open(&path)
        .and_then(|file| file.sync_all())
        .map_err(digest::unwritable)?;
    let (bytes, sha256) = digest::of_file(&path, job, |_| {})?;
    Ok(FileBackup {
        name: name.to_owned(),
        bytes,
        sha256,
    })
}

/// A name that every file system takes.
fn file_name(table: &TableBackup, index: usize) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if table.name.chars().all(plain) && table.name.len() <= 100 {
        format!("{}.{}.parquet", table.schema, table.name)
    } else {
        format!("{}.table-{index}.parquet", table.schema)
    }
}

fn create_sql(connection: &Connection, table: &TableBackup) -> Result<String> {
    let sql = "select sql from duckdb_tables() where schema_name = ? and table_name = ?";
    connection
        .query_row(sql, [&table.schema, &table.name], |row| row.get(0))
        .map_err(fault("backup.parquet"))
}

fn export(connection: &Connection, table: &TableBackup, path: &Path) -> Result<()> {
    let fault = fault("backup.parquet");
    let sql = "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ?
               order by column_index";
    let mut statement = connection.prepare(sql).map_err(&fault)?;
    let columns = statement.query_map([&table.schema, &table.name], |row| {
        let (name, ty): (String, String) = (row.get(0)?, row.get(1)?);
        let name = ident(&name);
        Ok(if is_native(&ty) {
            name
        } else {
            format!("{name}::varchar as {name}")
        })
    });
    let columns: Vec<String> = columns.and_then(Iterator::collect).map_err(&fault)?;
    let sql = format!(
        "copy (select {} from {}.{}) to {} (format parquet, compression zstd)",
        columns.join(", "),
        ident(&table.schema),
        ident(&table.name),
        literal(&path.to_string_lossy())
    );
    connection.execute_batch(&sql).map_err(&fault)
}

fn is_native(ty: &str) -> bool {
    let element = ty.strip_suffix("[]").unwrap_or(ty);
    NATIVE.contains(&element) || element.starts_with("DECIMAL(") || element == "TIMESTAMP WITH TIME ZONE"
}

/// Reads the manifest alone.
pub(super) fn manifest_of(path: &Path) -> Result<BackupManifest> {
    let read = |name: &str| {
        std::fs::read(path.join(name)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::new(ErrorKind::Store, "the folder is no backup, or a part of it is missing")
                    .during("backup.read")
                    .with("missing", name)
            }
            _ => digest::unreadable(error),
        })
    };
    let manifest = BackupManifest::read(&read(manifest::NAME)?, &read(manifest::SUM)?)?;
    if manifest.format == BackupFormat::Parquet {
        Ok(manifest)
    } else {
        Err(damaged("its manifest is of one file"))
    }
}

/// Compares the checksums of all files.
pub(super) fn check(path: &Path, job: &Job) -> Result<BackupManifest> {
    let manifest = manifest_of(path)?;
    let total = manifest.files.len() as u64;
    for (index, known) in manifest.files.iter().enumerate() {
        if known.name.contains(['/', '\\']) {
            return Err(damaged("its manifest names a file outside of the folder"));
        }
        let file = path.join(&known.name);
        if !file.is_file() {
            return Err(damaged("a file is missing").with("file", &known.name));
        }
        let (bytes, sha256) = digest::of_file(&file, job, |_| {})?;
        known.check(bytes, &sha256)?;
        job.told(BackupStage::Checking, index as u64 + 1, total);
    }
    Ok(manifest)
}

/// Makes a store from files that were checked; `replaces` says whether there is one already.
pub(super) fn load(manifest: &BackupManifest, path: &Path, store: &Path, replaces: bool, job: &Job) -> Result<()> {
    let fault = fault("backup.load");
    let folder = std::path::absolute(path).map_err(digest::unreadable)?;
    let connection = open_copy(store, Access::Write, false)?;
    if replaces {
        // It gets the rights of the old store at the end.
        crate::private::restrict(store).map_err(digest::unwritable)?;
    }
    // The manifest's SQL reaches nothing else.
    let confine = format!(
        "set allowed_directories = [{}]; set enable_external_access = false; create schema if not exists _axis",
        literal(&folder.to_string_lossy())
    );
    connection.execute_batch(&confine).map_err(&fault)?;
    let total = manifest.tables.len() as u64;
    for (index, table) in manifest.tables.iter().enumerate() {
        let missing = || damaged("its manifest does not say how a table is made").with("table", &table.name);
        let create = table.create.as_deref().ok_or_else(missing)?;
        let file = table.file.as_deref().ok_or_else(missing)?;
        // Only what was checked is read.
        manifest.file(file)?;
        let insert = format!(
            "insert into {}.{} select * from read_parquet({})",
            ident(&table.schema),
            ident(&table.name),
            literal(&folder.join(file).to_string_lossy())
        );
        job.run(&connection, |connection| {
            connection.execute_batch(create).map_err(&fault)?;
            connection.execute_batch(&insert).map_err(&fault)
        })?;
        job.told(BackupStage::Loading, index as u64 + 1, total);
    }
    create_views(&connection, &manifest.views)?;
    job.run(&connection, |connection| {
        connection.execute_batch("checkpoint").map_err(&fault)
    })
}

/// Makes views of which one may need another, in whatever order works.
fn create_views(connection: &Connection, views: &[String]) -> Result<()> {
    let mut left: Vec<&String> = views.iter().collect();
    while !left.is_empty() {
        let before = left.len();
        let mut refused = None;
        left.retain(|sql| match connection.execute_batch(sql) {
            Ok(()) => false,
            Err(error) => {
                refused = Some(error);
                true
            }
        });
        if left.len() == before {
            let error = damaged("a view cannot be made");
            return Err(refused.map_or(error.clone(), |cause| error.because(cause)));
        }
    }
    Ok(())
}
