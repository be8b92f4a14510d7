//! The environment as the engine is given it: the core never reads the process environment itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::dotenv;
use crate::error::Result;

/// The label of variables that come from the process environment.
pub(super) const PROCESS: &str = "environment";

/// Environment variables, by name without regard to case.
#[derive(Clone, Default)]
pub struct Env {
    variables: BTreeMap<String, Variable>,
}

#[derive(Clone)]
struct Variable {
    value: String,
    origin: Arc<str>,
}

impl Env {
    /// Creates the environment from the variables of a process, such as `std::env::vars()`.
    ///
    /// Of two names that differ only in case the one in capitals wins.
    #[must_use]
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let origin: Arc<str> = Arc::from(PROCESS);
        let mut env = Self::default();
        for (name, value) in variables {
            let key = name.to_uppercase();
            if key == name || !env.variables.contains_key(&key) {
                env.variables.insert(
                    key,
                    Variable {
                        value,
                        origin: Arc::clone(&origin),
                    },
                );
            }
        }
        env
    }

    /// Adds the variables of a `.env` file under the label `origin`, such as `backend/.env`; none that exists is overridden.
    ///
    /// `NAME=value` and `export NAME=value` are read, one per line; values may be quoted. Within bare and double-quoted
    /// values `${NAME}` and `${NAME:-default}` stand for variables that are known by then, and for nothing otherwise.
    ///
    /// # Errors
    /// `Config` with the number of the line, and never its content, when a line is none of these.
    pub fn with_dotenv(mut self, text: &str, origin: &str) -> Result<Self> {
        let label: Arc<str> = Arc::from(origin);
        for assignment in dotenv::parse(text, origin)? {
            let key = assignment.name.to_uppercase();
            if !self.variables.contains_key(&key) {
                let value = assignment.value(|name| self.get(name));
                self.variables.insert(
                    key,
                    Variable {
                        value,
                        origin: Arc::clone(&label),
                    },
                );
            }
        }
        Ok(self)
    }

    /// Returns the environment with these variables, which win over those that it has.
    #[must_use]
    pub fn over(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.variables.extend(Self::new(variables).variables);
        self
    }

    /// Returns the value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(&name.to_uppercase())
            .map(|variable| variable.value.as_str())
    }

    /// Returns where a variable comes from: `environment`, or the label of a `.env` file.
    #[must_use]
    pub fn origin(&self, name: &str) -> Option<&str> {
        self.variables
            .get(&name.to_uppercase())
            .map(|variable| &*variable.origin)
    }
}

impl fmt::Debug for Env {
    /// Writes the names and where they come from, never the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.variables.iter().map(|(name, variable)| (name, &variable.origin)))
            .finish()
    }
}
