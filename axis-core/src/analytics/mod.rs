//! Questions about what a dataset holds. One file a question: what is asked, what is answered, and one function.
//!
//! Answers serialise to the form that clients of the HTTP interface read; lists have a defined order. What is not there is
//! [`NotSynced`](crate::ErrorKind::NotSynced).

pub mod eval;
pub mod kpi;
pub mod monitoring;

pub(crate) mod frame;
