//! Random histories of a source and a store: plain data, so that any part of one is one as well.

use fastrand::Rng;

use super::{Cursor, Shape};

/// What happens to two tables.
#[derive(Clone, Debug)]
pub struct History {
    /// What it was made from.
    pub seed: u64,
    /// The tables.
    pub shapes: [Shape; 2],
    /// Whether new columns are added to the store; otherwise the tables are rebuilt.
    pub adds_columns: bool,
    /// What happens.
    pub ops: Vec<Op>,
}

/// One event. What cannot be done, such as a commit without a transaction, is left out; numbers pick one of what there is.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// Something happens to one of the tables.
    Table(usize, Change),
    /// A transaction begins, in which late changes are made.
    Begin,
    /// It commits.
    Commit,
    /// It rolls back.
    Rollback,
    /// The store is synced.
    Sync {
        /// What is asked for.
        mode: Mode,
        /// What happens meanwhile.
        during: During,
    },
    /// Another process syncs and is killed.
    Kill {
        /// What is asked for.
        mode: Mode,
        /// Picks a fail point, or a time.
        point: u32,
        /// At the how manieth time that it reaches the fail point.
        hit: u32,
    },
    /// The store is closed and opened.
    Reopen,
    /// The watermarks are reset.
    Reset,
}

/// What a sync is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A refresh where that is possible.
    Auto,
    /// A rebuild of every table.
    Full,
    /// A refresh with a comparison of keys, or a rebuild without a key.
    Reconcile,
}

/// What happens to a table.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// Rows are inserted.
    Insert {
        /// Whether in the transaction that is open, if one is.
        late: bool,
        /// How many.
        rows: u32,
        /// Where their cursors come from.
        cursor: Place,
        /// Whether it is one row, with the key of one that was deleted.
        reuse: bool,
        /// Values are made from it.
        value: u32,
    },
    /// A row is changed.
    Update {
        /// Whether in the transaction that is open, if one is.
        late: bool,
        /// Picks the row.
        pick: u32,
        /// Where its new cursor comes from; `None` keeps the old one.
        cursor: Option<Place>,
        /// Its new value.
        value: u32,
    },
    /// A row is deleted.
    Delete {
        /// Whether in the transaction that is open, if one is.
        late: bool,
        /// Picks the row.
        pick: u32,
    },
    /// A column is added.
    AddColumn {
        /// Whether all rows get a value in it, or NULL.
        default: bool,
    },
    /// A column is dropped.
    DropColumn {
        /// Picks the column.
        pick: u32,
    },
    /// A column gets another type.
    ChangeType,
    /// All rows are deleted.
    Truncate,
}

/// Where a row's cursor comes from.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// The clock or the sequence.
    Fresh,
    /// Another row.
    Tie(u32),
    /// Below all others by this much: numbers, or tenths of milliseconds.
    Below(u32),
    /// The future, for a time; else the sequence.
    Ahead(u32),
    /// It is NULL.
    Null,
}

/// What happens while a sync reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum During {
    /// Nothing.
    Nothing,
    /// The transaction that is open commits.
    Commit,
    /// The sync is cancelled.
    Cancel,
}

impl History {
    /// Makes the history that belongs to a seed.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let shapes = [shape(&mut rng), shape(&mut rng)];
        let adds_columns = rng.bool();
        // Rows of long ago, which lie below the windows of what happens now.
        let old = |value| Change::Insert {
            late: false,
            rows: 3,
            cursor: Place::Below(1_000_000),
            reuse: false,
            value,
        };
        let mut ops = vec![Op::Table(0, old(1)), Op::Table(1, old(2))];
        ops.extend((0..2).map(|table| Op::Table(table, insert(&mut rng))));
        let sync = |mode| Op::Sync {
            mode,
            during: During::Nothing,
        };
        ops.push(sync(Mode::Auto));
        for _ in 0..rng.u32(4..24) {
            ops.push(op(&mut rng));
        }
        ops.push(sync(Mode::Auto));
        if rng.u8(..4) == 0 {
            ops.extend([Op::Commit, sync(Mode::Full)]);
        }
        Self {
            seed,
            shapes,
            adds_columns,
            ops,
        }
    }

    /// Returns the same history without some of its events.
    #[must_use]
    pub fn without(&self, events: std::ops::Range<usize>) -> Self {
        let mut shorter = self.clone();
        shorter.ops.drain(events.start..events.end.min(self.ops.len()));
        shorter
    }
}

fn shape(rng: &mut Rng) -> Shape {
    Shape {
        cursor: match rng.u8(..10) {
            0..4 => Cursor::Time,
            4..8 => Cursor::Sequence,
            8 => Cursor::LocalTime,
            _ => Cursor::None,
        },
        keyed: rng.bool(),
        lookback: i64::from(rng.u8(..5) == 0),
    }
}

fn op(rng: &mut Rng) -> Op {
    match rng.u8(..100) {
        0..51 => Op::Table(rng.usize(..2), change(rng)),
        51..61 => Op::Begin,
        61..67 => Op::Commit,
        67 => Op::Rollback,
        68..94 => Op::Sync {
            mode: mode(rng),
            during: match rng.u8(..8) {
                0 | 1 => During::Commit,
                2 => During::Cancel,
                _ => During::Nothing,
            },
        },
        94..96 => Op::Kill {
            mode: mode(rng),
            point: rng.u32(..),
            hit: rng.u32(1..=2),
        },
        96..99 => Op::Reopen,
        _ => Op::Reset,
    }
}

fn mode(rng: &mut Rng) -> Mode {
    match rng.u8(..8) {
        0 => Mode::Full,
        1 | 2 => Mode::Reconcile,
        _ => Mode::Auto,
    }
}

fn change(rng: &mut Rng) -> Change {
    let late = rng.u8(..3) == 0;
    match rng.u8(..50) {
        0..22 => insert(rng),
        22..34 => Change::Update {
            late,
            pick: rng.u32(..),
            cursor: rng.bool().then(|| place(rng)),
            value: rng.u32(..100),
        },
        34..43 => Change::Delete {
            late,
            pick: rng.u32(..),
        },
        43..46 => Change::AddColumn { default: rng.bool() },
        46 => Change::DropColumn { pick: rng.u32(..) },
        47 => Change::ChangeType,
        48 => Change::Truncate,
        _ => Change::Insert {
            late: false,
            // So many that they are compared and remembered in other ways.
            rows: 300,
            cursor: Place::Fresh,
            reuse: false,
            value: rng.u32(..100),
        },
    }
}

fn insert(rng: &mut Rng) -> Change {
    Change::Insert {
        late: rng.u8(..3) == 0,
        rows: rng.u32(1..4),
        cursor: place(rng),
        reuse: rng.u8(..4) == 0,
        value: rng.u32(..100),
    }
}

fn place(rng: &mut Rng) -> Place {
    match rng.u8(..20) {
        0..13 => Place::Fresh,
        13..15 => Place::Tie(rng.u32(..)),
        15 | 16 => Place::Below(rng.u32(1..1_000_000)),
        17 => Place::Ahead(rng.u32(1..1_000)),
        _ => Place::Null,
    }
}
