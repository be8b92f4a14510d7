//! Which rows may still appear behind the watermark once the snapshot is taken.

use std::time::Instant;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::calendar::{self, MICROS_PER_DAY};
use crate::column::ColumnType;

/// A typed value of a cursor column. Values of one column always have one variant.
#[derive(Clone, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CursorValue {
    /// Of an integer column.
    Integer(i64),
    /// Of a `DECIMAL` column: the unscaled value at the column's scale.
    Decimal {
        /// Digits without the point.
        #[serde(with = "as_text")]
        unscaled: i128,
        /// Digits after the point.
        scale: u8,
    },
    /// Of a `DOUBLE` or `FLOAT` column.
    Double(f64),
    /// Of a `TIMESTAMP` (not `utc`) or `TIMESTAMP WITH TIME ZONE` (`utc`) column, in microseconds since 1970.
    Timestamp {
        /// Microseconds since 1970-01-01 00:00:00.
        micros: i64,
        /// Whether it is an instant.
        utc: bool,
    },
    /// Of a `DATE` column, in days since 1970-01-01.
    Date(i32),
    /// Of a `UUID` column.
    Uuid(Uuid),
    /// Of a text column, compared by bytes.
    Text(String),
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &i128, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&value.to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<i128, D::Error> {
        String::deserialize(input)?.parse().map_err(D::Error::custom)
    }
}

impl CursorValue {
    /// Tells whether a column of this type can be a cursor.
    #[must_use]
    pub fn supports(ty: &ColumnType) -> bool {
        use ColumnType as T;
        matches!(
            ty,
            T::SmallInt
                | T::Integer
                | T::BigInt
                | T::Float
                | T::Double
                | T::Decimal { .. }
                | T::Timestamp
                | T::TimestampTz
                | T::Date
                | T::Uuid
                | T::Varchar
        )
    }

    /// Renders the value for people and for the wire: timestamps as ISO 8601 with microseconds, `+00:00` for instants.
    #[must_use]
    pub fn display(&self) -> String {
        match self {
            Self::Integer(value) => value.to_string(),
            Self::Decimal { unscaled, scale } => decimal_text(*unscaled, *scale),
            Self::Double(value) => value.to_string(),
            Self::Timestamp { micros: i64::MAX, .. } => "infinity".to_owned(),
            Self::Timestamp { micros, .. } if *micros <= -i64::MAX => "-infinity".to_owned(),
            Self::Timestamp { micros, utc } => {
                let date = calendar::date(micros.div_euclid(MICROS_PER_DAY));
                let zone = if *utc { "+00:00" } else { "" };
                format!("{date}T{}{zone}", calendar::clock(micros.rem_euclid(MICROS_PER_DAY)))
            }
            Self::Date(i32::MAX) => "infinity".to_owned(),
            Self::Date(days) if *days <= -i32::MAX => "-infinity".to_owned(),
            Self::Date(days) => calendar::date(i64::from(*days)),
            Self::Uuid(value) => value.to_string(),
            Self::Text(value) => value.clone(),
        }
    }
}

/// Writes an unscaled decimal with its point.
pub(crate) fn decimal_text(unscaled: i128, scale: u8) -> String {
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = usize::from(scale) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    let sign = if unscaled < 0 { "-" } else { "" };
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

/// What a snapshot knows about transactions that were running when it was taken.
///
/// A transaction that was open then, and commits later, may bring rows whose cursor lies before the watermark; the next
/// sync reads from the horizon so that they are inside its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// The source's clock just before the snapshot was taken.
    pub taken_at: DateTime<Utc>,
    /// The source's clock once the snapshot was taken, a little later: what the snapshot sees was committed before, and
    /// every transaction that was open then began before.
    pub snapshot_at: DateTime<Utc>,
    /// Whether no transaction was open and none can have committed between the two times.
    pub quiet: bool,
    /// The oldest start of a transaction that may still write, prepared ones aside; `taken_at` when none was open; `None` when
    /// the source does not show all of them, or gets rows from elsewhere.
    pub oldest_writer: Option<DateTime<Utc>>,
    /// The oldest start of those that the source does show; `taken_at` when there is none.
    pub oldest_seen: DateTime<Utc>,
    /// When the oldest transaction that waits for the second phase of its commit was prepared; when it began nobody tells.
    pub prepared: Option<DateTime<Utc>>,
    /// `oldest_seen` in the source's own time zone, for cursors without a zone.
    pub local: NaiveDateTime,
    /// When the answer of the source arrived, on a clock that nobody sets.
    pub arrived: Instant,
}
