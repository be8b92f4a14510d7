//! What reading the configuration leaves behind: settings for `explain`, warnings, errors, and which keys there are.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::yaml::Place;
use super::{Env, Origin, Setting, Warning};
use crate::error::{Error, ErrorKind};

/// What is shown of a secret.
pub(super) const REDACTED: &str = "[redacted]";

/// Collects settings, warnings and errors while one file or one dataset is read.
///
/// Reading goes on after an error, so that one look shows everything; the first error is what counts.
pub(super) struct Ledger<'a> {
    pub(super) env: &'a Env,
    settings: RefCell<Vec<Setting>>,
    warnings: RefCell<Vec<Warning>>,
    errors: RefCell<Vec<Error>>,
    keys: RefCell<BTreeMap<String, String>>,
    variables: RefCell<BTreeSet<String>>,
}

/// What all readers together have left behind.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) settings: Vec<Setting>,
    pub(super) warnings: Vec<Warning>,
    /// Every key that a reader has asked for, with what is allowed there.
    pub(super) keys: BTreeMap<String, String>,
    /// Every variable that a reader has looked for.
    pub(super) variables: BTreeSet<String>,
}

/// What is allowed where nothing more is known.
pub(super) const TEXT: &str = "a text";

impl<'a> Ledger<'a> {
    pub(super) fn new(env: &'a Env) -> Self {
        Self {
            env,
            settings: RefCell::default(),
            warnings: RefCell::default(),
            errors: RefCell::default(),
            keys: RefCell::default(),
            variables: RefCell::default(),
        }
    }

    /// Records that a key is read, and what is allowed there; of several answers the most exact stays.
    pub(super) fn know(&self, key: String, allowed: &str) {
        know(&mut self.keys.borrow_mut(), key, allowed);
    }

    /// Returns a variable and where it comes from, unless it is missing or empty.
    pub(super) fn variable(&self, name: &str) -> Option<(&'a str, Place)> {
        self.variables.borrow_mut().insert(name.to_owned());
        let text = self.env.get(name).filter(|text| !text.trim().is_empty())?;
        let place = Place::Env {
            name: name.to_owned(),
            label: self.env.origin(name).unwrap_or_default().to_owned(),
        };
        Some((text, place))
    }

    /// Records a setting; without a place it is a default. Of several for one key the last counts.
    pub(super) fn set(&self, key: impl Into<String>, value: impl Into<String>, place: Option<&Place>) {
        self.push(key.into(), value.into(), place, false);
    }

    /// Records a secret; `literal` tells whether it is written out in a file.
    pub(super) fn set_secret(&self, key: impl Into<String>, place: &Place, literal: bool) {
        self.push(key.into(), REDACTED.to_owned(), Some(place), literal);
    }

    fn push(&self, key: String, value: String, place: Option<&Place>, written_out: bool) {
        let origin = match place {
            None => Origin::Default,
            Some(Place::File { file, line }) => Origin::File {
                file: file.to_string(),
                line: *line,
            },
            Some(Place::Env { name, label }) if label == super::env::PROCESS => Origin::Env(name.clone()),
            Some(Place::Env { name, label }) => Origin::Env(format!("{name} ({label})")),
        };
        self.settings.borrow_mut().push(Setting {
            key,
            value,
            origin,
            written_out,
        });
    }

    /// Records something odd.
    pub(super) fn warn(&self, place: &Place, message: impl Into<String>) {
        self.warnings.borrow_mut().push(Warning {
            place: place.text(),
            message: one_line(&message.into()),
        });
    }

    /// Records something wrong; `message` begins with the key.
    pub(super) fn fail(&self, place: &Place, message: impl AsRef<str>) {
        self.fail_with(config_error(one_line(&format!(
            "{}: {}",
            place.text(),
            message.as_ref()
        ))));
    }

    /// Records an error as it is.
    pub(super) fn fail_with(&self, error: Error) {
        self.errors.borrow_mut().push(error);
    }

    /// Returns the first error.
    pub(super) fn first_error(&self) -> Option<Error> {
        self.errors.borrow().first().cloned()
    }

    /// Returns every error.
    pub(super) fn errors(&self) -> Vec<Error> {
        self.errors.borrow().clone()
    }

    /// Hands over what was collected.
    pub(super) fn drain(&self, into: &mut Gathered) {
        into.settings.append(&mut self.settings.borrow_mut());
        into.warnings.append(&mut self.warnings.borrow_mut());
        for (key, allowed) in self.keys.take() {
            know(&mut into.keys, key, &allowed);
        }
        into.variables.append(&mut self.variables.borrow_mut());
    }
}

fn know(keys: &mut BTreeMap<String, String>, key: String, allowed: &str) {
    let known = keys.entry(key).or_default();
    if known.is_empty() || (known == TEXT && !allowed.is_empty()) {
        allowed.clone_into(known);
    }
}

/// Creates an error of this module.
pub(super) fn config_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message).during("config.resolve")
}

/// Keys may hold line breaks; messages do not.
fn one_line(message: &str) -> String {
    message.replace(char::is_control, " ")
}
