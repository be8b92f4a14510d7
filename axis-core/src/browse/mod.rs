//! Looking into a source directly, past the store.
//!
//! [`Dataset::import`](crate::Dataset::import) reads what a dataset would show if it were synced now, cut at a number of rows.
//!
//! # Values
//! Integers are exact. A `numeric` is a number as long as a double holds its digits (15) and text beyond; NaN and infinities
//! are null. Instants are ISO 8601 with `Z`, local timestamps without; lists are lists, `json` is what it holds, bytes are
//! hexadecimal text with `\x` in front. Anything else is the source's own text.

mod import;
mod rows;

pub use rows::Rows;
