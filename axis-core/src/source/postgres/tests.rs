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
use super::collected::{Batch, Value};
use crate::config::{PostgresConnection, Secret, TlsMode, TypePolicy};
use crate::error::Result;
use crate::source::{ReadProgress, ReadRequest, Reader, Snapshot, Source as _, SourceColumn};

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
