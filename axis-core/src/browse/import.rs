//! Reads what a dataset would show if it were synced now, cut at a number of rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::rows::{self, Rows};
use crate::column::Column;
use crate::config::{Connection, DatasetConfig, TableConfig, TypePolicy, ViewConfig};
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::source::ident::ident;
use crate::source::sql_text::clean_query;
use crate::source::{ReadProgress, ReadRequest, Snapshot, Source, SourceColumn};
use crate::sync::{final_names, is_key, layout};

/// The name of importing in errors.
const OPERATION: &str = "source.import";

impl Dataset {
    /// Reads the rows of the dataset's relation from its source, past the store: with the columns and the names that a sync
    /// would give them, dataset and results joined by the source, at most `limit` and `row_limit` of them, in the source's order.
    ///
    /// The rows are of one snapshot of a read-only transaction, and nothing is stored. Reading takes at most `query_timeout`.
    ///
    /// # Errors
    /// `Config` when the dataset is broken, or has no connection or no queries; `InvalidArgument` for a relation that is the
    /// user's own SQL or when the rows take too much memory; `SourceUnavailable`, `SourceRejected`, `SchemaMismatch`,
    /// `Timeout`, `Closed`.
    ///
    /// # Cancellation
    /// Dropping the future stops the query on the source.
    pub async fn import(&self, limit: u64) -> Result<Rows> {
        let config = self.config();
        let work = async {
            let source = self.source()?;
            let limit = usize::try_from(limit.min(config.row_limit)).unwrap_or(usize::MAX);
            let cancel = CancellationToken::new();
            let _guard = cancel.clone().drop_guard();
            tokio::time::timeout(config.query_timeout, read(config, source, limit, &cancel))
                .await
                .unwrap_or_else(|_| {
                    let seconds = config.query_timeout.as_secs();
                    let message = format!("the source did not give the rows within {seconds} s (`query_timeout`)");
                    Err(Error::new(ErrorKind::Timeout, message))
                })
        };
        work.await
            .map_err(|error: Error| error.during(OPERATION).with("dataset", &config.name))
    }
}

async fn read(config: &DatasetConfig, source: &dyn Source, limit: usize, cancel: &CancellationToken) -> Result<Rows> {
    let mut snapshot = source.snapshot(cancel).await?;
    let (query, columns) = describe(config, snapshot.as_mut()).await?;
    let request = ReadRequest {
        query,
        columns: columns.clone(),
        window: None,
        limit: Some(limit as u64 + 1),
        progress: Arc::new(ReadProgress::default()),
        cancel: cancel.clone(),
    };
    let reader = snapshot.read(request).await?;
    let rows = tokio::task::spawn_blocking(move || rows::read(reader, &columns, limit))
        .await
        .map_err(|error| Error::new(ErrorKind::Internal, "reading stopped unexpectedly").because(error))??;
    snapshot.close().await;
    Ok(rows)
}

/// One of the tables: its query, and its columns under the source's and under their final names.
struct Side {
    query: String,
    source: Vec<SourceColumn>,
    columns: Vec<Column>,
    types: BTreeMap<String, TypePolicy>,
}

impl Side {
    async fn describe(config: &DatasetConfig, table: &TableConfig, snapshot: &mut dyn Snapshot) -> Result<Self> {
        let place = |error: Error| error.with("table", &table.name);
        let query = clean_query(&table.query).map_err(place)?;
        let source = snapshot.describe(&query, &table.types).await.map_err(place)?;
        let names: Vec<String> = source.iter().map(|column| column.column.name.clone()).collect();
        let finals = final_names(config.kind, &config.columns, &names).map_err(place)?;
        let column = |(column, name): (&SourceColumn, String)| Column {
            name,
            ty: column.column.ty.clone(),
        };
        let columns = source.iter().zip(finals).map(column).collect();
        let types = table.types.clone();
        Ok(Self {
            query,
            source,
            columns,
            types,
        })
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    fn key(&self) -> Option<usize> {
        self.columns.iter().position(|column| is_key(&column.name))
    }

    /// Returns the policy of a column; the exact spelling wins over another one.
    fn policy(&self, index: usize) -> Option<&TypePolicy> {
        let name = &self.source[index].column.name;
        let similar = || self.types.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        self.types.get(name).or_else(|| similar().map(|(_, policy)| policy))
    }
}

/// Returns the query of the whole relation, and its columns.
async fn describe(config: &DatasetConfig, snapshot: &mut dyn Snapshot) -> Result<(String, Vec<SourceColumn>)> {
    let find = |name: &str| config.tables.iter().find(|table| table.name == name);
    let mut types = BTreeMap::new();
    let mut carry = |side: &Side, index: usize, shown: &str| {
        if let Some(policy) = side.policy(index) {
            types.insert(shown.to_owned(), policy.clone());
        }
    };
    let query = match (&config.view, config.tables.as_slice()) {
        (ViewConfig::Join { dataset, results, .. }, _) => {
            let (Some(dataset), Some(results)) = (find(dataset), find(results)) else {
                return Err(no_queries());
            };
            let d = Side::describe(config, dataset, snapshot).await?;
            let r = Side::describe(config, results, snapshot).await?;
            let mut list = Vec::new();
            for column in layout(&d.columns, &r.columns) {
                let (side, alias) = if column.of_results { (&r, "r") } else { (&d, "d") };
                let Some(index) = side.index(column.name) else { continue };
                carry(side, index, &column.shown);
                let name = ident(&side.source[index].column.name);
                list.push(format!("{alias}.{name} as {}", ident(&column.shown)));
            }
            format!(
                "select {} from (\n{}\n) as r inner join (\n{}\n) as d on {}",
                list.join(", "),
                r.query,
                d.query,
                condition(config, &r, &d)?
            )
        }
        (ViewConfig::Table { .. }, [table]) => {
            let side = Side::describe(config, table, snapshot).await?;
            let mut list = Vec::new();
            for (index, (from, to)) in side.source.iter().zip(&side.columns).enumerate() {
                carry(&side, index, &to.name);
                list.push(format!("q.{} as {}", ident(&from.column.name), ident(&to.name)));
            }
            format!("select {} from (\n{}\n) as q", list.join(", "), side.query)
        }
        (_, []) => return Err(no_queries()),
        _ => {
            let message = "only a dataset of two queries or of one can be imported; sync it instead";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
    };
    let columns = snapshot.describe(&query, &types).await?;
    Ok((query, columns))
}

/// The condition of the join; keys of two types are compared as text, as their owners would write them.
fn condition(config: &DatasetConfig, r: &Side, d: &Side) -> Result<String> {
    let (Some(of_results), Some(of_dataset)) = (r.key(), d.key()) else {
        let message = "the query returns no `dataset_id`, by which dataset and results are joined; select it or map a column to it under `columns`";
        return Err(Error::new(ErrorKind::Config, message));
    };
    let (left, right) = (&r.source[of_results], &d.source[of_dataset]);
    let text = |column: &SourceColumn| matches!(column.source_type.as_str(), "text" | "varchar");
    let (left_name, right_name) = (ident(&left.column.name), ident(&right.column.name));
    if left.source_type.eq_ignore_ascii_case(&right.source_type) || (text(left) && text(right)) {
        return Ok(format!("r.{left_name} = d.{right_name}"));
    }
    let ty = match config.connection {
        Some(Connection::Postgres(_)) => "pg_catalog.text",
        _ => "text",
    };
    Ok(format!("cast(r.{left_name} as {ty}) = cast(d.{right_name} as {ty})"))
}

fn no_queries() -> Error {
    let message = "the dataset has no queries; set `dataset_query` and `results_query`, or `query`";
    Error::new(ErrorKind::Config, message)
}
