//! The scenarios that every language runs, and what runs them.
//!
//! * [`Scenario`] is one file of `scenarios/`; [`load`] reads all of them.
//! * [`Driver`] carries out one operation after the other: [`Process`] does it by a program in another language.
//! * [`run`] plays a scenario against a driver and a PostgreSQL database of its own, and says what is different.

mod driver;
mod expect;
mod judge;
mod operation;
mod process;
mod run;
mod scenario;
mod source;

pub use driver::{Driver, Reply};
pub use operation::{Call, Field, OPERATIONS, Operation};
pub use process::Process;
pub use run::{Failure, run};
pub use scenario::{Action, Expectation, Scenario, Step, directory, load};
