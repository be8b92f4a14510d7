//! Looking into a source directly, past the store.
//!
//! [`Dataset::import`](crate::Dataset::import) reads what a dataset would show if it were synced now, cut at a number of rows.
//! A [`Wizard`] connects to PostgreSQL servers for clients, as far as the configuration allows it, and hands out a
//! [`Browser`] for each.
//!
//! # Safety of what clients send
//! * Only configured servers are connected to, and those that `wizard_hosts` lists; a name is resolved once, and what it leads
//!   to is checked.
//! * The stored password goes to the configured server, database and user alone.
//! * Every call is a READ ONLY transaction of its own that is rolled back, with limits of time, rows and bytes. Tables are looked
//!   up in the catalog, names are quoted, values bound. A SELECT is checked and then run as a sub-select.
//! * What remains is what the role may do in a read-only transaction: functions of the database's own that reach outside.
//!   Give the wizard a role that may read the tables it is for, and nothing else. A superuser is turned into `pg_read_all_data`.
//!
//! # Values
//! Integers are exact. A `numeric` is a number as long as a double holds its digits (15) and text beyond; NaN and infinities
//! are null. Instants are ISO 8601 with `Z`, local timestamps without; lists are lists, `json` is what it holds, bytes are
//! hexadecimal text with `\x` in front. Anything else is the source's own text.

mod browser;
mod defaults;
mod hosts;
mod import;
mod intake;
mod rows;
mod scope;
mod statement;
mod table;
mod values;
mod wizard;

pub use browser::Browser;
pub use defaults::Defaults;
pub use intake::{Intake, dataset_of};
pub use rows::Rows;
pub use table::{ColumnListing, SchemaListing, TableListing, TableName, TableRead};
pub use wizard::{ConnectRequest, Connected, Wizard, WizardStats};

use crate::error::{Error, ErrorKind};

/// The [operation](Error::operation) of errors that say that something is not allowed here, whatever the source thinks of it.
pub const REFUSED: &str = "browse.refused";

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).during(REFUSED)
}
