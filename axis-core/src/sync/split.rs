//! Decides which full reads are cut into ranges, so that no session is idle while another one reads a large table.

use super::plan::TablePlan;
use super::report::Ranges;
use super::run::{RunContext, cancelled};
use crate::error::Result;
use crate::source::{Parts, Snapshot, Weight};

/// The fewest rows of a piece, by the source's estimate: four row groups of DuckDB. Each piece ends with a row group that is
/// not full, and when fewer than three full ones lie between two of those, the checkpoint writes all of them once more, which
/// costs twice the processor time and half as much again of the file.
const LEAST_ROWS: u64 = 4 * 122_880;

/// Cuts what pays, and says of everything that could be cut why it was, or was not.
///
/// # Cancellation
/// The source is asked about statistics and sizes; `Cancelled` when the sync is cancelled meanwhile.
pub(super) async fn split(context: &RunContext, snapshot: &mut dyn Snapshot, plans: &mut [TablePlan]) -> Result<()> {
    let whole = |plan: &TablePlan| plan.window.is_none();
    if !plans.iter().any(|plan| whole(plan) && plan.cut_by.is_some()) {
        return Ok(());
    }
    if let Some(because) = forbidden(context.workers, context.cap) {
        for plan in plans.iter_mut().filter(|plan| whole(plan)) {
            tell(plan, Parts::whole(because));
        }
        return Ok(());
    }
    tokio::select! {
        () = context.cancel.cancelled() => Err(cancelled()),
        done = cut(context.workers, snapshot, plans) => done,
    }
}

async fn cut(workers: usize, snapshot: &mut dyn Snapshot, plans: &mut [TablePlan]) -> Result<()> {
    let mut weights = Vec::with_capacity(plans.len());
    for plan in plans.iter().filter(|plan| plan.window.is_none()) {
        let weight = snapshot.weigh(&plan.query).await;
        weights.push(weight.map_err(|error| error.with("table", &plan.table))?);
    }
    let tables = plans.iter_mut().filter(|plan| plan.window.is_none());
    for ((plan, weight), pieces) in tables.zip(&weights).zip(pieces(workers, &weights)) {
        let Some(by) = plan.cut_by.clone() else { continue };
        let parts = if pieces < 2 {
            Parts::whole("the sessions have enough to do without cutting it")
        } else if weight.repeatable {
            let parts = snapshot.cut(&plan.query, &plan.source, &by, pieces).await;
            parts.map_err(|error| error.with("table", &plan.table))?
        } else {
            Parts::whole("the query might return other rows to another session")
        };
        tell(plan, parts);
    }
    Ok(())
}

/// Says why nothing may be cut.
fn forbidden(workers: usize, cap: Option<u64>) -> Option<&'static str> {
    if cap.is_some() {
        return Some("max_sync_rows counts the rows of one read");
    }
    (workers < 2).then_some("sync_workers is 1")
}

fn tell(plan: &mut TablePlan, parts: Parts) {
    plan.ranges = plan.cut_by.as_ref().map(|by| Ranges {
        count: parts.queries.len().max(1),
        by: by.describe().to_owned(),
        because: parts.because,
    });
    plan.parts = parts.queries;
}

/// Decides how many pieces each table is cut into.
///
/// A table that is no heavier than half as much again as one session's share of all of them is one piece: the other
/// tables keep the other sessions busy for about as long. A heavier one is cut into pieces of at most a share, as far as each
/// has enough rows.
fn pieces(workers: usize, weights: &[Weight]) -> Vec<usize> {
    let total = weights
        .iter()
        .fold(0_u64, |sum, weight| sum.saturating_add(weight.bytes));
    let share = (total / workers.max(1) as u64).max(1);
    let of = |weight: &Weight| {
        if weight.bytes <= share.saturating_add(share / 2) {
            return 1;
        }
        let pieces = weight.bytes.div_ceil(share).min(weight.rows / LEAST_ROWS);
        usize::try_from(pieces).unwrap_or(workers).clamp(1, workers)
    };
    weights.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Tables of so many millions of rows of 100 bytes each.
    fn of_millions(workers: usize, millions: &[u64]) -> Vec<usize> {
        let weights = millions.iter().map(|millions| weight(millions * 1_000_000, 100));
        pieces(workers, &weights.collect::<Vec<_>>())
    }

    fn weight(rows: u64, width: u64) -> Weight {
        Weight {
            rows,
            bytes: rows.saturating_mul(width),
            repeatable: true,
        }
    }

    #[test]
    fn tables_that_keep_all_sessions_busy_are_not_cut() {
        assert_eq!(of_millions(2, &[50, 40]), [1, 1]);
        assert_eq!(of_millions(2, &[60, 30]), [1, 1]);
        assert_eq!(of_millions(2, &[30; 5]), [1; 5]);
        assert_eq!(of_millions(1, &[90]), [1]);
    }

    #[test]
    fn a_table_that_is_alone_or_dominates_is_cut_for_idle_sessions() {
        assert_eq!(of_millions(2, &[90]), [2]);
        assert_eq!(of_millions(2, &[90, 3]), [2, 1]);
        assert_eq!(of_millions(4, &[50, 50]), [2, 2]);
        assert_eq!(of_millions(4, &[90, 1]), [4, 1]);
    }

    #[test]
    fn a_table_of_few_rows_is_not_cut_however_wide_they_are() {
        assert_eq!(pieces(8, &[weight(900_000, 10_000)]), [1]);
        assert_eq!(pieces(8, &[weight(1_000_000, 10)]), [2]);
        assert_eq!(pieces(8, &[weight(0, 0), weight(0, 0)]), [1, 1]);
        assert_eq!(pieces(8, &[]), [0; 0]);
    }

    #[test]
    fn a_row_cap_and_a_single_session_forbid_cutting() {
        assert!(forbidden(4, Some(10)).is_some() && forbidden(1, None).is_some());
        assert_eq!(forbidden(2, None), None);
    }

    proptest! {
        #[test]
        fn pieces_have_enough_rows_and_are_no_more_than_sessions(
            workers in 1_usize..65, tables in proptest::collection::vec((any::<u64>(), 0_u64..10_000), 0..20),
        ) {
            let weights: Vec<Weight> = tables.iter().map(|(rows, width)| weight(*rows, *width)).collect();
            let pieces = pieces(workers, &weights);
            prop_assert_eq!(pieces.len(), weights.len());
            for (pieces, weight) in pieces.iter().zip(&weights) {
                prop_assert!((1..=workers).contains(pieces));
                prop_assert!(*pieces == 1 || weight.rows / *pieces as u64 >= LEAST_ROWS);
            }
        }
    }
}
