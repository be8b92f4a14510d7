//! Ranges that together hold every row of a table exactly once, whatever the statistics say.

use crate::column::ColumnType;
use crate::source::ident::{ident, literal};
use crate::source::{SourceColumn, Wire};

use super::types::Format;

/// A relation without the relations that inherit from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// The quoted name, with its schema.
    pub(super) name: String,
    /// The blocks that it had a moment ago; it may have more or fewer by now.
    pub(super) blocks: u64,
}

/// Blocks of one leaf, the first of them and the one behind the last; all that follow when there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blocks {
    pub(super) leaf: usize,
    pub(super) from: u64,
    pub(super) to: Option<u64>,
}

/// How the values of a column are compared and bounds are written; both sides as the server orders them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    /// The column's value, quoted.
    pub(super) value: String,
    /// What is compared: the value, or its bytes.
    compared: String,
    /// The type of the bounds.
    pub(super) ty: &'static str,
    /// What follows a bound, and sorts texts by bytes.
    pub(super) collation: &'static str,
}

impl Comparison {
    /// Returns how a column is compared; `None` when its type has no order that can be relied on here.
    ///
    /// Of bpchar, citext and jsonb values are equal whose texts differ. The server looks at a condition on such a column before
    /// it groups by it, so that the rows of one group would be in several ranges, and the group, too.
    pub(super) fn of(column: &SourceColumn) -> Option<Self> {
        let Wire::Postgres(wire) = &column.wire else {
            return None;
        };
        if wire.cast.is_some() {
            return None;
        }
        let value = ident(&column.column.name);
        let (compared, ty, collation) = match (&wire.format, &column.column.ty) {
            (Format::PaddedText | Format::Jsonb, _) => return None,
            _ if column.source_type.ends_with(".citext") => return None,
            // There is no operator between oid and a negative number.
            (Format::Oid, _) => (format!("{value}::bigint"), "bigint", ""),
            (_, ColumnType::Varchar) => (format!("{value}::text"), "text", " collate \"C\""),
            (_, ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt) => (value.clone(), "bigint", ""),
            (_, ColumnType::Timestamp) => (value.clone(), "timestamp", ""),
            (_, ColumnType::TimestampTz) => (value.clone(), "timestamptz", ""),
            (_, ColumnType::Date) => (value.clone(), "date", ""),
            (_, ColumnType::Uuid) => (value.clone(), "uuid", ""),
            _ => return None,
        };
        Some(Self {
            value,
            compared,
            ty,
            collation,
        })
    }

    /// Returns conditions of which every row satisfies exactly one: half-open ranges between bounds, which the server has
    /// put into its own order and which differ, the first and the last without end. Rows without a value ride with the first.
    pub(super) fn conditions(&self, bounds: &[String]) -> Vec<String> {
        let Self {
            value,
            compared,
            ty,
            collation,
        } = self;
        let bound = |index: usize| format!("{}::{ty}{collation}", literal(&bounds[index]));
        let range = |index: usize| {
            let from = index
                .checked_sub(1)
                .map(|index| format!("{compared}{collation} >= {}", bound(index)));
            let to = (index < bounds.len()).then(|| format!("{compared}{collation} < {}", bound(index)));
            match (from, to) {
                (None, None) => "true".to_owned(),
                (None, Some(to)) => format!("({to} or {value} is null)"),
                (Some(from), None) => from,
                (Some(from), Some(to)) => format!("{from} and {to}"),
            }
        };
        (0..=bounds.len()).map(range).collect()
    }
}

/// Picks the bounds between that many pieces from the bounds of a histogram, which hold the same share of rows between them.
pub(super) fn choose(histogram: &[String], pieces: usize) -> Vec<String> {
    let parts = histogram.len().saturating_sub(1);
    let mut positions: Vec<usize> = (1..pieces).map(|piece| piece * parts / pieces).collect();
    positions.dedup();
    // Nothing lies below the first bound but what is newer than the histogram.
    positions
        .into_iter()
        .filter(|at| *at > 0)
        .map(|at| histogram[at].clone())
        .collect()
}

/// Divides the space of all uuids: random ones fill it evenly.
pub(super) fn uuid_bounds(pieces: usize) -> Vec<String> {
    let share = u128::MAX / (pieces.max(1) as u128);
    (1..pieces.max(1))
        .map(|piece| uuid::Uuid::from_u128(share * piece as u128).to_string())
        .collect()
}

/// Shares the blocks of all leaves among that many pieces, or fewer when there are not enough. Every leaf ends open, because
/// it may have grown.
pub(super) fn share_blocks(leaves: &[Leaf], pieces: usize) -> Vec<Vec<Blocks>> {
    let total: u64 = leaves.iter().map(|leaf| leaf.blocks).sum();
    let share = total.div_ceil(pieces.max(1) as u64).max(1);
    let mut shared: Vec<Vec<Blocks>> = Vec::new();
    let mut room = 0;
    for (leaf, Leaf { blocks, .. }) in leaves.iter().enumerate() {
        let mut from = 0;
        loop {
            let left = blocks - from;
            // An empty leaf rides with what is there: a piece for it alone would be one too many.
            if shared.is_empty() || room == 0 && left > 0 {
                shared.push(Vec::new());
                room = share;
            }
            let piece = shared.last_mut().expect("there is a piece");
            if left <= room {
                piece.push(Blocks { leaf, from, to: None });
                room -= left;
                break;
            }
            let to = from + room;
            piece.push(Blocks {
                leaf,
                from,
                to: Some(to),
            });
            (from, room) = (to, 0);
        }
    }
    shared
}

/// Writes the query for some blocks: columns by name, because leaves may have them in another order.
pub(super) fn read_blocks(leaves: &[Leaf], piece: &[Blocks], columns: &[SourceColumn]) -> String {
    let names: Vec<String> = columns.iter().map(|column| ident(&column.column.name)).collect();
    let names = names.join(", ");
    let part = |Blocks { leaf, from, to }: &Blocks| {
        let mut sql = format!("select {names} from only {}", leaves[*leaf].name);
        let mut conditions = Vec::new();
        if *from > 0 {
            conditions.push(format!("ctid >= '({from},0)'::tid"));
        }
        if let Some(to) = to {
            conditions.push(format!("ctid < '({to},0)'::tid"));
        }
        if !conditions.is_empty() {
            sql.push_str(&format!(" where {}", conditions.join(" and ")));
        }
        sql
    };
    piece.iter().map(part).collect::<Vec<_>>().join("\nunion all\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_block_of_every_leaf_is_in_exactly_one_piece(
            sizes in proptest::collection::vec(0_u64..200, 1..12), pieces in 1_usize..9,
        ) {
            let leaves: Vec<Leaf> = sizes.iter().map(|blocks| Leaf { name: "l".to_owned(), blocks: *blocks }).collect();
            let shared = share_blocks(&leaves, pieces);
            prop_assert!(shared.len() <= pieces && shared.iter().all(|piece| !piece.is_empty()));
            for (leaf, blocks) in sizes.iter().enumerate() {
                // Blocks beyond the counted ones have appeared since.
                for block in 0..blocks + 50 {
                    let holds = |part: &&Blocks| {
                        part.leaf == leaf && part.from <= block && part.to.is_none_or(|to| block < to)
                    };
                    prop_assert_eq!(shared.iter().flatten().filter(holds).count(), 1, "leaf {}, block {}", leaf, block);
                }
            }
            let total: u64 = sizes.iter().sum();
            let weight = |piece: &Vec<Blocks>| -> u64 {
                piece.iter().map(|part| part.to.unwrap_or(sizes[part.leaf]) - part.from).sum()
            };
            prop_assert!(shared.iter().all(|piece| weight(piece) <= total.div_ceil(pieces as u64)));
        }

        #[test]
        fn chosen_bounds_keep_their_order_and_never_repeat(count in 0_usize..300, pieces in 1_usize..70) {
            let histogram: Vec<String> = (0..count).map(|bound| format!("{bound:03}")).collect();
            let chosen = choose(&histogram, pieces);
            prop_assert!(chosen.len() < pieces);
            prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(chosen.iter().all(|bound| histogram.contains(bound)));
            if count > pieces {
                prop_assert_eq!(chosen.len(), pieces - 1);
            }
        }
    }

    #[test]
    fn an_empty_leaf_is_no_piece_of_its_own() {
        let leaves = [0, 1, 0, 1, 0, 0].map(|blocks| Leaf {
            name: "l".to_owned(),
            blocks,
        });
        assert_eq!(share_blocks(&leaves[..3], 1).len(), 1);
        assert_eq!(share_blocks(&leaves, 2).len(), 2);
        assert_eq!(share_blocks(&leaves, 9).len(), 2);
        assert_eq!(share_blocks(&leaves[..1], 9).len(), 1);
    }

    #[test]
    fn uuids_are_divided_evenly() {
        assert_eq!(uuid_bounds(1), [""; 0]);
        assert_eq!(uuid_bounds(2), ["7fffffff-ffff-ffff-ffff-ffffffffffff"]);
        assert_eq!(uuid_bounds(4).len(), 3);
    }

    #[test]
    fn blocks_are_read_by_name_from_one_leaf_only() {
        let leaves = ["\"s\".\"a\"", "\"s\".\"b\""].map(|name| Leaf {
            name: name.to_owned(),
            blocks: 4,
        });
        let shared = share_blocks(&leaves, 3);
        let sql: Vec<String> = shared.iter().map(|piece| read_blocks(&leaves, piece, &[])).collect();
        assert_eq!(
            sql,
            [
                "select  from only \"s\".\"a\" where ctid < '(3,0)'::tid",
                "select  from only \"s\".\"a\" where ctid >= '(3,0)'::tid\nunion all\nselect  from only \"s\".\"b\" where ctid < '(2,0)'::tid",
                "select  from only \"s\".\"b\" where ctid >= '(2,0)'::tid",
            ]
        );
    }
}
