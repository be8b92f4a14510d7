//! What carries out the calls of a scenario.

use serde_json::Value;

use crate::operation::Call;

/// What a call was answered with.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The answer, or the error in its JSON form.
    pub value: Value,
    /// Whether the call failed.
    pub failed: bool,
    /// Whether the surface tells only some members of the answer; those that it tells must be right.
    pub partial: bool,
}

impl Reply {
    /// An answer.
    #[must_use]
    pub fn ok(value: Value) -> Self {
        Self {
            value,
            failed: false,
            partial: false,
        }
    }

    /// An error.
    #[must_use]
    pub fn error(value: Value) -> Self {
        Self {
            failed: true,
            ..Self::ok(value)
        }
    }

    /// Says that the surface has only these members.
    #[must_use]
    pub fn partial(self) -> Self {
        Self { partial: true, ..self }
    }
}

/// Carries out calls, one after the other.
pub trait Driver {
    /// Carries out one call.
    ///
    /// # Errors
    /// What is wrong with the driver itself: it does not know the call, does not answer, or not in the agreed form.
    fn call(&mut self, call: &Call) -> Result<Reply, String>;

    /// Ends after the last call, as its language would.
    ///
    /// # Errors
    /// What went wrong at the end.
    fn finish(&mut self) -> Result<(), String>;
}
