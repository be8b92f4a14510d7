//! An engine over one dataset of a throw-away database, and the questions that tests ask of both sides.

use std::path::Path;

use axis_core::config::{Config, Connection, DatasetConfig, TableConfig};
use axis_core::{Engine, Query};

/// Builds a configuration with one custom dataset named `shop`.
pub(crate) fn config(store: &Path, url: &str, tables: Vec<TableConfig>) -> Config {
    let connection = Connection::from_url(url).expect("a valid URL");
    Config::for_store(store).with_dataset(DatasetConfig::custom("shop", connection, tables))
}

/// Opens an engine.
pub(crate) async fn open(config: Config) -> Engine {
    Engine::builder(config).open().await.expect("the store opens")
}

/// Asks the store; every value as JSON.
pub(crate) async fn ask(engine: &Engine, sql: &str) -> Vec<serde_json::Value> {
    let batches = engine
        .query(Query::sql(sql))
        .await
        .unwrap_or_else(|e| panic!("{sql}: {}", e.chain()))
        .collect()
        .await
        .unwrap_or_else(|e| panic!("{sql}: {}", e.chain()));
    axis_core::rows_to_json(&batches)
}

/// Asks the store for one number.
pub(crate) async fn number(engine: &Engine, sql: &str) -> i64 {
    let rows = ask(engine, sql).await;
    let row = rows[0].as_object().expect("one row");
    row.values()
        .next()
        .and_then(serde_json::Value::as_i64)
        .unwrap_or_else(|| panic!("a number from {sql}: {row:?}"))
}
