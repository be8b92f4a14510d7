//! The scenarios that every language runs.
