//! Tests against a real server, and the writer that they collect values with.

mod cut;
mod errors;
mod session;
mod stream;
mod tls;
mod types;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axis_testkit::postgres::{PASSWORD, Postgres, TestDatabase, USER};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::PostgresSource;
use crate::column::{BatchWriter, ColumnWriter};
use crate::config::{PostgresConnection, Secret, TlsMode, TypePolicy};
use crate::error::Result;
use crate::source::{ReadProgress, ReadRequest, Reader, Snapshot, Source as _, SourceColumn};

/// A value as the decoder wrote it.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    Boolean(bool),
    Integer(i128),
    Double(f64),
    Bytes(Vec<u8>),
    Uuid([u8; 16]),
    TimeTz(i64, i32),
    Interval(i32, i32, i64),
    List(Vec<Value>),
    /// First element and length.
    Elements(usize, usize),
}

/// Collects one column and insists that every row is written once.
#[derive(Debug, Default)]
struct Collected {
    rows: Vec<Option<Value>>,
    elements: Option<Box<Collected>>,
}

impl Collected {
    fn put(&mut self, row: usize, value: Value) {
        if self.rows.len() <= row {
            self.rows.resize(row + 1, None);
        }
        assert!(self.rows[row].replace(value).is_none(), "row {row} was written twice");
    }

    fn value(&self, row: usize) -> Value {
        match self.rows[row].clone().expect("every row is written") {
            Value::Elements(first, len) => {
                let elements = self.elements.as_ref().unwrap();
                Value::List((first..first + len).map(|row| elements.value(row)).collect())
            }
            value => value,
        }
    }
}

impl ColumnWriter for Collected {
    fn null(&mut self, row: usize) {
        self.put(row, Value::Null);
    }
    fn boolean(&mut self, row: usize, value: bool) {
        self.put(row, Value::Boolean(value));
    }
    fn small_int(&mut self, row: usize, value: i16) {
        self.put(row, Value::Integer(value.into()));
    }
    fn integer(&mut self, row: usize, value: i32) {
        self.put(row, Value::Integer(value.into()));
    }
    fn big_int(&mut self, row: usize, value: i64) {
        self.put(row, Value::Integer(value.into()));
    }
    fn float(&mut self, row: usize, value: f32) {
        self.put(row, Value::Double(value.into()));
    }
    fn double(&mut self, row: usize, value: f64) {
        self.put(row, Value::Double(value));
    }
    fn decimal(&mut self, row: usize, unscaled: i128) {
        self.put(row, Value::Integer(unscaled));
    }
    fn bytes(&mut self, row: usize, value: &[u8]) {
        self.put(row, Value::Bytes(value.to_vec()));
    }
    fn uuid(&mut self, row: usize, value: [u8; 16]) {
        self.put(row, Value::Uuid(value));
    }
    fn time_tz(&mut self, row: usize, micros: i64, offset_seconds: i32) {
        self.put(row, Value::TimeTz(micros, offset_seconds));
    }
    fn interval(&mut self, row: usize, months: i32, days: i32, micros: i64) {
        self.put(row, Value::Interval(months, days, micros));
    }
    fn list(&mut self, row: usize, len: usize) -> (&mut Self, usize) {
        let first = self.elements.as_ref().map_or(0, |elements| elements.rows.len());
        self.put(row, Value::Elements(first, len));
        let elements = self.elements.get_or_insert_default();
        elements.rows.resize(first + len, None);
        (elements, first)
    }
}

#[derive(Debug)]
struct Batch(Vec<Collected>);

impl Batch {
    fn new(columns: usize) -> Self {
        Self((0..columns).map(|_| Collected::default()).collect())
    }

    fn rows(&self, count: usize) -> Vec<Vec<Value>> {
        (0..count)
            .map(|row| self.0.iter().map(|column| column.value(row)).collect())
            .collect()
    }
}

impl BatchWriter for Batch {
    type Column = Collected;
    fn column(&mut self, index: usize) -> &mut Collected {
        &mut self.0[index]
    }
}

fn connection(postgres: &Postgres, database: &str) -> PostgresConnection {
    PostgresConnection {
        host: "127.0.0.1".to_owned(),
        port: postgres.port(),
        database: database.to_owned(),
        user: USER.to_owned(),
        password: Some(Secret::new(PASSWORD.to_owned())),
        tls: TlsMode::Prefer,
        root_certificate: None,
        connect_timeout: Duration::from_secs(10),
    }
}

/// A runtime beside a source: the test's own thread is the one that may wait.
struct Bench {
    runtime: Runtime,
    source: PostgresSource,
}

impl Bench {
    fn new(connection: PostgresConnection) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self {
            runtime,
            source: PostgresSource::new(connection),
        }
    }

    fn on(database: &TestDatabase) -> Self {
        Self::new(connection(axis_testkit::postgres::shared(), &database.name))
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        self.runtime.block_on(self.source.snapshot(&CancellationToken::new()))
    }

    fn describe(&self, snapshot: &mut Box<dyn Snapshot>, query: &str) -> Result<Vec<SourceColumn>> {
        self.runtime.block_on(snapshot.describe(query, &BTreeMap::new()))
    }

    fn start(&self, snapshot: &mut Box<dyn Snapshot>, request: &ReadRequest) -> Result<Reader> {
        self.runtime.block_on(snapshot.read(request.clone()))
    }

    fn read(&self, snapshot: &mut Box<dyn Snapshot>, request: &ReadRequest) -> Result<Vec<Vec<Value>>> {
        drain(&mut self.start(snapshot, request)?, request.columns.len())
    }

    /// Describes and reads in a snapshot of its own.
    fn all(&self, query: &str, types: &[(&str, TypePolicy)]) -> Result<Vec<Vec<Value>>> {
        let mut snapshot = self.snapshot()?;
        let types = types
            .iter()
            .map(|(name, policy)| ((*name).to_owned(), policy.clone()))
            .collect();
        let columns = self.runtime.block_on(snapshot.describe(query, &types))?;
        let rows = self.read(&mut snapshot, &request(query, columns));
        self.runtime.block_on(snapshot.close());
        rows
    }
}

fn request(query: &str, columns: Vec<SourceColumn>) -> ReadRequest {
    ReadRequest {
        query: query.to_owned(),
        columns,
        window: None,
        limit: None,
        progress: Arc::new(ReadProgress::default()),
        cancel: CancellationToken::new(),
    }
}

fn drain(reader: &mut Reader, columns: usize) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    loop {
        let mut batch = Batch::new(columns);
        match reader.fill(&mut batch)? {
            0 => return Ok(rows),
            count => rows.extend(batch.rows(count)),
        }
    }
}

fn text(text: &str) -> Value {
    Value::Bytes(text.as_bytes().to_vec())
}
