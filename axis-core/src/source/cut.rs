//! What is known of a query before it is read, and the parts in which several sessions read it.

/// What the rows of a query are cut by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CutBy {
    /// Ranges of a column's values, by the column's source name.
    Column(String),
    /// Ranges of the blocks of the one table that `select *` reads.
    Blocks,
}

impl CutBy {
    /// Says it in words, for reports: the column's name, or `blocks`.
    #[must_use]
    pub fn describe(&self) -> &str {
        match self {
            Self::Column(name) => name,
            Self::Blocks => "blocks",
        }
    }
}

/// How much a query returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// The source's estimate of the rows.
    pub rows: u64,
    /// The source's estimate of their bytes.
    pub bytes: u64,
    /// Whether sessions of one snapshot all get the same rows: nothing in the query depends on chance, on the order of rows, or
    /// on what is outside of the snapshot.
    pub repeatable: bool,
}

/// The parts of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// A query for each part; none when it has to be read whole.
    pub queries: Vec<String>,
    /// Where the bounds come from, or why there are none.
    pub because: String,
}

impl Parts {
    /// Says why a query has to be read whole.
    pub(crate) fn whole(because: impl Into<String>) -> Self {
        Self {
            queries: Vec::new(),
            because: because.into(),
        }
    }
}
