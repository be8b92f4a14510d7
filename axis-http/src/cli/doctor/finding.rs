//! What a check has found, for people and for programs.

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::output::one_line;

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
    /// The check, for programs.
    pub(super) check: &'static str,
    /// The dataset, table or directory it is about, if it is about one of several.
    pub(super) subject: Option<String>,
    pub(super) severity: Severity,
    pub(super) message: String,
    /// How to mend it.
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            subject: None,
            severity: Severity::Ok,
            message: message.into(),
            remedy: None,
        }
    }

    pub(super) fn warning(check: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            remedy: Some(remedy.into()),
            ..Self::ok(check, message)
        }
    }

    pub(super) fn problem(check: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
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
            finding.check,
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
            Finding::problem("tls", "plain", "encrypt it").about("kpi"),
            Finding::ok("config", "found"),
            Finding::warning("clock", "late\nby much", "set it"),
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
