//! Configurations that a program writes itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Config, Connection, DatasetConfig, DatasetKind, KindOptions, SyncMode, TableConfig, ViewConfig};

#[test]
fn a_store_with_all_defaults() {
    let config = Config::for_store("some/where.duckdb");
    assert_eq!(config.store.path, Path::new("some/where.duckdb"));
    assert!(config.store.enabled && config.store.scheduler);
    assert_eq!(config.store.sync_mode, SyncMode::Startup);
    assert_eq!((config.store.sync_workers, config.store.query_concurrency), (2, 8));
    assert_eq!(
        (
            config.store.max_sync_rows,
            config.store.memory_limit,
            config.store.threads
        ),
        (None, None, None)
    );
    assert_eq!(config.datasets.len(), 4);
    assert!(
        config
            .datasets
            .iter()
            .all(|dataset| !dataset.enabled && dataset.broken.is_none())
    );
    let path = config
        .explain()
        .iter()
        .find(|setting| setting.key == "duckdb.path")
        .unwrap();
    assert_eq!(path.value, "some/where.duckdb");
    let KindOptions::Monitoring(options) = &config.dataset("monitoring").unwrap().options else {
        panic!()
    };
    assert_eq!(
        (options.schema.as_str(), options.anomalies.min_data_points),
        ("public", 5)
    );
    let KindOptions::Eval(options) = &config.dataset("eval").unwrap().options else {
        panic!()
    };
    assert!(options.runner_enabled);
}

#[test]
fn a_dataset_of_ones_own() {
    let connection = Connection::from_url("sqlite:shop.db").unwrap();
    assert_eq!(
        connection,
        Connection::Sqlite {
            path: PathBuf::from("shop.db")
        }
    );
    let table = TableConfig::new("orders", "select * from orders")
        .with_primary_key(["id"])
        .with_incremental_column("updated_at")
        .with_partition_column("id");
    let mut orders = DatasetConfig::custom("orders", connection.clone(), vec![table.clone()]);
    orders.refresh_interval = Some(Duration::from_secs(60));
    assert_eq!(
        (orders.kind, orders.enabled, orders.auto_load),
        (DatasetKind::Custom, true, true)
    );
    assert_eq!(
        orders.view,
        ViewConfig::Table {
            name: "orders".to_owned()
        }
    );
    assert_eq!(orders.query_timeout, Duration::from_secs(60));
    let two = DatasetConfig::custom(
        "orders",
        connection,
        vec![
            table.clone(),
            TableConfig {
                name: "b".to_owned(),
                ..table
            },
        ],
    );
    assert_eq!(two.view, ViewConfig::None);

    let config = Config::for_store("a.duckdb").with_dataset(orders).with_dataset(two);
    assert_eq!(config.datasets.len(), 5);
    assert_eq!(config.dataset("orders").unwrap().tables.len(), 2);
    assert!(config.dataset("other").is_none());
}
