//! What a check has found, for people and for programs.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::output::one_line;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    /// Configuration files are found and right.
    Config,
    /// No file holds a password or a key.
    Secrets,
    /// Nothing of development is on.
    Debug,
    /// Strangers are asked for a key.
    Access,
    /// Pages that may ask are the real ones.
    Cors,
    /// The proxy in front is known.
    Proxy,
    /// The store is on a persistent, writable volume with space.
    Store,
    /// Sources answer.
    Source,
    /// What they send is encrypted.
    Tls,
    /// Their roles may only read.
    Role,
    /// Clocks agree.
    Clock,
    /// Sources accept the queries.
    Queries,
    /// Refreshes read what is new, and notice what is gone.
    Incremental,
    /// Data is refreshed by itself.
    Schedule,
    /// Backups are made, and outlive the store.
    Backup,
    /// The server answers.
    Health,
    /// The server has its data.
    Ready,
}

impl Check {
    /// The checks for which sources are asked.
    pub(super) const OF_SOURCES: [Self; 5] = [Self::Source, Self::Tls, Self::Role, Self::Clock, Self::Queries];

    fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    /// As it should be.
    Ok,
    /// It works, and something will be missed some day.
    Warning,
    /// Not fit for production.
    Problem,
}

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) check: Check,
    /// The dataset, table or directory it is about, if it is about one of several.
    pub(super) subject: Option<String>,
    pub(super) severity: Severity,
    pub(super) message: String,
    /// How to mend it.
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: Check, message: impl Into<String>) -> Self {
        Self {
            check,
            subject: None,
            severity: Severity::Ok,
            message: message.into(),
            remedy: None,
        }
    }

    pub(super) fn warning(check: Check, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            remedy: Some(remedy.into()),
            ..Self::ok(check, message)
        }
    }

    pub(super) fn problem(check: Check, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Problem,
            ..Self::warning(check, message, remedy)
        }
    }

    pub(super) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}

fn count(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.severity == severity).count()
}

/// The findings for programs.
pub(super) fn document(findings: &[Finding]) -> Value {
    let problems = count(findings, Severity::Problem);
    json!({
        "ok": problems == 0,
        "problems": problems,
        "warnings": count(findings, Severity::Warning),
        "checks": findings,
    })
}

/// The findings for people: the worst last, where a terminal shows it.
pub(super) fn text(findings: &[Finding]) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.severity);
    let mut text = String::new();
    for finding in sorted {
        let word = match finding.severity {
            Severity::Ok => "ok",
            Severity::Warning => "warning",
            Severity::Problem => "PROBLEM",
        };
        let subject = finding
            .subject
            .iter()
            .map(|subject| format!("{subject}: "))
            .collect::<String>();
        text.push_str(&format!(
            "{word:<8}{:<12}{}\n",
            finding.check.name(),
            one_line(&format!("{subject}{}", finding.message))
        ));
        if let Some(remedy) = &finding.remedy {
            text.push_str(&format!("{:<20}-> {}\n", "", one_line(remedy)));
        }
    }
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    text.push_str(&format!(
        "{}, {}, {} ok\n",
        plural(count(findings, Severity::Problem), "problem"),
        plural(count(findings, Severity::Warning), "warning"),
        count(findings, Severity::Ok)
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_stands_last_and_says_how_to_mend_it() {
        let findings = [
            Finding::problem(Check::Tls, "plain", "encrypt it").about("kpi"),
            Finding::ok(Check::Config, "found"),
            Finding::warning(Check::Clock, "late\nby much", "set it"),
        ];
        assert_eq!(
            text(&findings),
            "ok      config      found\n\
             warning clock       late by much\n                    -> set it\n\
             PROBLEM tls         kpi: plain\n                    -> encrypt it\n\
             1 problem, 1 warning, 1 ok\n"
        );
        let document = document(&findings);
        assert_eq!(document["ok"], false);
        assert_eq!(document["checks"][0]["severity"], "problem");
        assert_eq!(document["checks"][1]["remedy"], Value::Null);
    }
}
