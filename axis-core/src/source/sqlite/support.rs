//! What the tests need: files, and a collector of what a reader writes.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{SqliteSource, text};
use crate::column::{BATCH_ROWS, BatchWriter, ColumnWriter};
use crate::config::TypePolicy;
use crate::error::Result;
use crate::source::{CursorValue, ReadProgress, ReadRequest, Reader, Snapshot, Source, SourceColumn, Window};

/// One column of collected values, as text.
#[derive(Default)]
pub(super) struct Texts(pub(super) Vec<String>);

impl Texts {
    fn put(&mut self, row: usize, value: &impl ToString) {
        if self.0.len() <= row {
            self.0.resize(row + 1, String::from("unwritten"));
        }
        self.0[row] = value.to_string();
    }
}

impl ColumnWriter for Texts {
    fn null(&mut self, row: usize) {
        self.put(row, &"NULL");
    }
    fn boolean(&mut self, row: usize, value: bool) {
        self.put(row, &value);
    }
    fn small_int(&mut self, row: usize, value: i16) {
        self.put(row, &value);
    }
    fn integer(&mut self, row: usize, value: i32) {
        self.put(row, &value);
    }
    fn big_int(&mut self, row: usize, value: i64) {
        self.put(row, &value);
    }
    fn float(&mut self, row: usize, value: f32) {
        self.put(row, &value);
    }
    fn double(&mut self, row: usize, value: f64) {
        self.put(row, &value);
    }
    fn decimal(&mut self, row: usize, unscaled: i128) {
        self.put(row, &unscaled);
    }
    fn bytes(&mut self, row: usize, value: &[u8]) {
        self.put(row, &String::from_utf8_lossy(value));
    }
    fn uuid(&mut self, row: usize, value: [u8; 16]) {
        self.put(row, &uuid::Uuid::from_bytes(value));
    }
    fn time_tz(&mut self, _: usize, _: i64, _: i32) {
        unreachable!("SQLite has no such type");
    }
    fn interval(&mut self, _: usize, _: i32, _: i32, _: i64) {
        unreachable!("SQLite has no such type");
    }
    fn list(&mut self, _: usize, _: usize) -> (&mut Self, usize) {
        unreachable!("SQLite has no such type");
    }
}

pub(super) struct Batch(pub(super) Vec<Texts>);

impl Batch {
    pub(super) fn new(width: usize) -> Self {
        Self((0..width).map(|_| Texts::default()).collect())
    }
}

impl BatchWriter for Batch {
    type Column = Texts;
    fn column(&mut self, index: usize) -> &mut Texts {
        &mut self.0[index]
    }
}

/// A file, and a connection that writes it.
pub(super) struct File {
    _dir: TempDir,
    pub(super) path: PathBuf,
    pub(super) writer: Connection,
}

impl File {
    pub(super) fn new(sql: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("source.db");
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("pragma journal_mode = wal").unwrap();
        writer.execute_batch(sql).unwrap();
        Self {
            _dir: dir,
            path,
            writer,
        }
    }

    /// A table `t(id, at)` with this many rows, one second apart.
    pub(super) fn numbered(rows: u32) -> Self {
        let sql = "create table t(id integer primary key, at timestamp);
             insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < ROWS)
             select i, datetime(1704067200 + i, 'unixepoch') from n;";
        Self::new(&sql.replace("ROWS", &rows.to_string()))
    }

    pub(super) async fn snapshot(&self) -> Box<dyn Snapshot> {
        SqliteSource::new(&self.path)
            .snapshot(&CancellationToken::new())
            .await
            .unwrap()
    }
}

pub(super) fn request(query: &str, columns: Vec<SourceColumn>) -> ReadRequest {
    ReadRequest {
        query: query.to_owned(),
        columns,
        window: None,
        limit: None,
        progress: Arc::new(ReadProgress::default()),
        cancel: CancellationToken::new(),
    }
}

/// Reads to the end; gives the rows, fields joined by `|`.
pub(super) fn drain(mut reader: Reader, width: usize) -> Result<Vec<String>> {
    let mut rows = Vec::new();
    loop {
        let mut batch = Batch::new(width);
        let filled = reader.fill(&mut batch)?;
        assert!(filled <= BATCH_ROWS);
        if filled == 0 {
            return Ok(rows);
        }
        for row in 0..filled {
            rows.push(
                batch
                    .0
                    .iter()
                    .map(|column| column.0[row].as_str())
                    .collect::<Vec<_>>()
                    .join("|"),
            );
        }
    }
}

pub(super) async fn rows(
    snapshot: &mut dyn Snapshot,
    query: &str,
    types: &[(&str, TypePolicy)],
) -> Result<Vec<String>> {
    let types = types
        .iter()
        .map(|(name, policy)| ((*name).to_owned(), policy.clone()))
        .collect();
    let columns = snapshot.describe(query, &types).await?;
    let width = columns.len();
    drain(snapshot.read(request(query, columns)).await?, width)
}

/// Reads what lies in a window.
pub(super) async fn windowed(
    file: &File,
    query: &str,
    from: CursorValue,
    types: &[(&str, TypePolicy)],
) -> Result<Vec<String>> {
    let types = types
        .iter()
        .map(|(name, policy)| ((*name).to_owned(), policy.clone()))
        .collect();
    let mut snapshot = file.snapshot().await;
    let columns = snapshot.describe(query, &types).await?;
    let (width, cursor) = (columns.len(), columns[0].column.clone());
    let mut request = request(query, columns);
    request.window = Some(Window {
        column: cursor.name,
        ty: cursor.ty,
        from,
    });
    drain(snapshot.read(request).await?, width)
}

pub(super) fn at(text: &str) -> CursorValue {
    CursorValue::Timestamp {
        micros: text::timestamp(text).unwrap(),
        utc: false,
    }
}
