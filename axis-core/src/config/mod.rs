//! Configuration: YAML files and environment in, one validated [`Config`] out.

mod model;
mod secret;

pub use model::*;
pub use secret::Secret;
