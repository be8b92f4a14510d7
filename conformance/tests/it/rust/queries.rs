//! Queries, also those that go on while others are called.

use std::time::{Duration, Instant};

use axis_conformance::Call;
use axis_core::{Engine, Error, ErrorKind, Query, Result, column_types, rows_to_json, wire};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Scene, told};

/// Longer than a query takes to begin.
const DEADLINE: Duration = Duration::from_secs(30);
/// Nobody is told when a query begins.
const AGAIN: Duration = Duration::from_millis(5);

impl Scene {
    pub(super) async fn of_queries(&mut self, call: &Call) -> Result<Value> {
        match call.name() {
            "query" => answer(self.engine(&call.word(0))?, read(call, 1)?).await,
            "query_arrow" => {
                let stream = self.engine(&call.word(0))?.query(read(call, 1)?).await?;
                let columns: Vec<String> = stream
                    .schema()
                    .fields()
                    .iter()
                    .map(|field| field.name().clone())
                    .collect();
                let batches = stream.collect().await?;
                let rows: usize = batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
                told(json!({ "rows": rows, "columns": columns }))
            }
            "query_start" => {
                let engine = self.engine(&call.word(1))?.clone();
                self.start(call, engine).await
            }
            "query_wait" => {
                let asked = self.queries.remove(&call.word(0));
                let asked = asked.ok_or_else(|| Error::new(ErrorKind::NotFound, "no query of this id was started"))?;
                asked.await.expect("the task does not panic")
            }
            "queries" => told(self.open_engine(&call.word(0))?.queries()),
            _ => told(self.engine(&call.word(0))?.cancel_query(id(call, 1)?).await?),
        }
    }

    /// Returns once the query runs, or has ended.
    async fn start(&mut self, call: &Call, engine: Engine) -> Result<Value> {
        let id = id(call, 0)?;
        let query = read(call, 2)?.id(id);
        let asking = engine.clone();
        let asked = tokio::spawn(async move { answer(&asking, query).await });
        let deadline = Instant::now() + DEADLINE;
        let runs = || {
            engine
                .queries()
                .iter()
                .any(|query| query.id == id && query.state == "running")
        };
        while !asked.is_finished() && !runs() {
            if Instant::now() > deadline {
                return Err(Error::new(ErrorKind::Timeout, "the query does not begin"));
            }
            tokio::time::sleep(AGAIN).await;
        }
        self.queries.insert(call.word(0), asked);
        told(())
    }
}

async fn answer(engine: &Engine, query: Query) -> Result<Value> {
    let stream = engine.query(query).await?;
    let types = column_types(&stream.schema()).into_iter();
    let columns: Vec<Value> = types.map(|(name, ty)| json!({ "name": name, "type": ty })).collect();
    let rows = rows_to_json(&stream.collect().await?);
    told(json!({ "columns": columns, "rows": rows }))
}

/// Reads SQL, values and options, of which the first is the argument `at`.
fn read(call: &Call, at: usize) -> Result<Query> {
    let sql = call.json(at);
    wire::query(sql.as_str().unwrap_or_default(), call.json(at + 1), call.json(at + 2))
}

fn id(call: &Call, at: usize) -> Result<Uuid> {
    Uuid::try_parse(&call.word(at)).map_err(|_| Error::new(ErrorKind::InvalidArgument, "the id is no UUID"))
}
