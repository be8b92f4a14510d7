//! What a comparison of source and store says, and, purely, how it comes to that. The serde form is the wire form.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::report::SyncReport;
use crate::column::Column;
use crate::store::{Hashed, Sums};

/// What a comparison of one dataset with its source found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Identifies the run, in the log and in events.
    pub run_id: String,
    /// The dataset.
    pub dataset: String,
    /// Whether every table equals what its query returns.
    pub equal: bool,
    /// What the sync before the comparison did, when one was asked for.
    pub synced: Option<SyncReport>,
    /// The dataset's generation that was compared.
    pub generation: u64,
    /// When the comparison began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// The source's clock at the snapshot that was compared.
    pub snapshot_at: DateTime<Utc>,
    /// Milliseconds of the comparison alone.
    pub elapsed_ms: u64,
    /// One entry a table, in the order of the configuration.
    pub tables: Vec<TableVerification>,
}

/// What the comparison of one table found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableVerification {
    /// The table.
    pub table: String,
    /// Whether both sides have the same columns and the same rows, each as often.
    pub equal: bool,
    /// Whether the last sync was cut by the row cap; then the store has fewer rows than the source.
    pub truncated: bool,
    /// Rows of both sides.
    pub rows: Sides<u64>,
    /// A checksum of the rows that does not depend on their order, over the columns that both sides have: 32 hexadecimal
    /// digits. Another version of DuckDB may compute another.
    pub checksum: Sides<String>,
    /// The columns that differ. When both sides have different numbers of rows, only columns that are described
    /// differently; when there are none although the checksums differ, values are in other rows than in the source, which
    /// a `primary_key` would tell by column.
    pub columns: Vec<ColumnDifference>,
}

/// Something that both sides have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides<T> {
    /// What the source has.
    pub source: T,
    /// What the store has.
    pub store: T,
}

/// A column that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ColumnDifference {
    /// The column, by its final name.
    pub column: String,
    /// In what it differs.
    #[serde(flatten)]
    pub difference: Difference,
}

/// In what a column differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "difference", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Difference {
    /// Its values.
    Values,
    /// Its type in the store.
    Type {
        /// The type that a sync would store.
        source: String,
        /// The type that is stored.
        store: String,
    },
    /// Only the source has it.
    OnlyInSource,
    /// Only the store has it.
    OnlyInStore,
}

/// Returns the columns that both sides have under one name and with one type.
pub(super) fn common(source: &[Column], stored: &[(String, String)]) -> Vec<Column> {
    let same = |column: &&Column| {
        let ty = column.ty.to_string();
        stored
            .iter()
            .any(|(name, stored)| *name == column.name && *stored == ty)
    };
    source.iter().filter(same).cloned().collect()
}

/// Compares one table: its columns as both sides describe them, and the sums over those that are common.
pub(super) fn table(
    table: &str,
    truncated: bool,
    source: &[Column],
    stored: &[(String, String)],
    hashed: &Hashed,
    sums: &Sides<Sums>,
) -> TableVerification {
    let mut columns = described_differently(source, stored);
    // Every column of a row that is missing differs, which says nothing about the columns.
    if sums.source.rows == sums.store.rows {
        let sides = sums.source.columns.iter().zip(&sums.store.columns);
        let differing = hashed.columns.iter().zip(sides).filter(|(_, (a, b))| a != b);
        columns.extend(differing.map(|(column, _)| ColumnDifference {
            column: column.name.clone(),
            difference: Difference::Values,
        }));
    }
    TableVerification {
        table: table.to_owned(),
        equal: columns.is_empty() && sums.source == sums.store,
        truncated,
        rows: Sides {
            source: sums.source.rows,
            store: sums.store.rows,
        },
        checksum: Sides {
            source: format!("{:032x}", sums.source.whole),
            store: format!("{:032x}", sums.store.whole),
        },
        columns,
    }
}

fn described_differently(source: &[Column], stored: &[(String, String)]) -> Vec<ColumnDifference> {
    let mut columns = Vec::new();
    for column in source {
        let ty = column.ty.to_string();
        let difference = match stored.iter().find(|(name, _)| *name == column.name) {
            Some((_, stored)) if *stored == ty => continue,
            Some((_, stored)) => Difference::Type {
                source: ty,
                store: stored.clone(),
            },
            None => Difference::OnlyInSource,
        };
        columns.push(ColumnDifference {
            column: column.name.clone(),
            difference,
        });
    }
    for (name, _) in stored {
        if !source.iter().any(|column| column.name == *name) {
            columns.push(ColumnDifference {
                column: name.clone(),
                difference: Difference::OnlyInStore,
            });
        }
    }
    columns
}
