//! PostgreSQL: one session a snapshot, `COPY ... TO STDOUT (FORMAT binary)` for rows.

mod address;
#[cfg(any(test, feature = "fuzzing"))]
mod collected;
mod connect;
mod cut;
mod decode;
mod describe;
mod driver;
mod facts;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod idle;
mod numeric;
mod ranges;
mod read;
mod rewritten;
mod select;
mod server;
mod session;
mod sqlstate;
mod tap;
mod types;
mod values;
mod visit;

pub(crate) use address::Address;
pub use connect::PostgresSource;
pub use read::CopyReader;
pub(crate) use types::PgWire;
pub(crate) use visit::{Answer, Shape, Terms, Visit};

#[cfg(test)]
mod tests;
