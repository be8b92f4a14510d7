//! Looks at sources as a sync would, without a store: can they be reached, what may the role do, could each query be synced.

use std::time::Duration;

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, Connection, DatasetConfig, TableConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::source::{self, SessionFacts, Snapshot, Source, sql_text};
use crate::sync::{check_table, lacks};

/// What one connection was found to be, and the tables that are read through it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SourceCheckup {
    /// The connection.
    pub connection: Connection,
    /// The datasets that have it.
    pub datasets: Vec<String>,
    /// What the source tells of a session, or why there is none.
    pub session: Result<SessionFacts>,
    /// The tables; empty when there is no session.
    pub tables: Vec<TableCheckup>,
}

/// Whether one table could be synced.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TableCheckup {
    /// The dataset.
    pub dataset: String,
    /// The table.
    pub table: String,
    /// Why it could not, from the source or from the plan.
    pub outcome: Result<()>,
}

/// Connects to the source of every enabled dataset and describes its queries; none of them is run.
///
/// Connections are looked at side by side, each step of one for at most `patience` and the time that connecting may take.
///
/// # Cancellation
/// Dropping the future ends the sessions.
pub async fn check_sources(config: &Config, clock: &dyn Clock, patience: Duration) -> Vec<SourceCheckup> {
    let mut groups: Vec<(&Connection, Vec<&DatasetConfig>)> = Vec::new();
    for dataset in &config.datasets {
        let Some(connection) = &dataset.connection else {
            continue;
        };
        if !dataset.enabled || dataset.broken.is_some() {
            continue;
        }
        match groups.iter_mut().find(|(known, _)| *known == connection) {
            Some((_, datasets)) => datasets.push(dataset),
            None => groups.push((connection, vec![dataset])),
        }
    }
    let checks = groups.into_iter().map(|(connection, datasets)| Check {
        source: source::open(connection),
        clock,
        patience,
        connection,
        datasets,
    });
    join_all(checks.map(Check::run)).await
}

struct Check<'a> {
    source: std::sync::Arc<dyn Source>,
    clock: &'a dyn Clock,
    patience: Duration,
    connection: &'a Connection,
    datasets: Vec<&'a DatasetConfig>,
}

impl Check<'_> {
    async fn run(self) -> SourceCheckup {
        let mut tables = Vec::new();
        let session = match self.connect().await {
            Ok(mut snapshot) => {
                let facts = self.in_time(snapshot.facts(self.clock)).await;
                let mut open = Some(snapshot);
                for dataset in &self.datasets {
                    for table in &dataset.tables {
                        tables.push(TableCheckup {
                            dataset: dataset.name.clone(),
                            table: table.name.clone(),
                            outcome: self.table(&mut open, dataset, table).await,
                        });
                    }
                }
                if let Some(snapshot) = open {
                    snapshot.close().await;
                }
                facts
            }
            Err(error) => Err(error),
        };
        SourceCheckup {
            connection: self.connection.clone(),
            datasets: self.datasets.iter().map(|dataset| dataset.name.clone()).collect(),
            session,
            tables,
        }
    }

    async fn connect(&self) -> Result<Box<dyn Snapshot>> {
        let cancel = CancellationToken::new();
        self.in_time(self.source.snapshot(&cancel)).await
    }

    /// A session whose statement has failed takes no other one; the next table opens its own.
    async fn table(
        &self,
        open: &mut Option<Box<dyn Snapshot>>,
        dataset: &DatasetConfig,
        table: &TableConfig,
    ) -> Result<()> {
        let query = sql_text::clean_query(&table.query)?;
        let mut snapshot = match open.take() {
            Some(snapshot) => snapshot,
            None => self.connect().await?,
        };
        let columns = self.in_time(snapshot.describe(&query, &table.types)).await?;
        *open = Some(snapshot);
        let missing = check_table(dataset, table, &query, columns, self.clock.now())?;
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::SchemaMismatch, lacks(&missing)))
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let connecting = match self.connection {
            Connection::Postgres(settings) => settings.connect_timeout,
            Connection::Sqlite { .. } => Duration::ZERO,
        };
        let limit = self.patience + connecting;
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            let message = format!(
                "the source did not answer within {} s; a lock may be in the way",
                limit.as_secs()
            );
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }
}
