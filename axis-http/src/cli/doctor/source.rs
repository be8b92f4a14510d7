//! What the sources themselves say: connection, encryption, role, clock, queries.

use axis_core::checkup::SourceCheckup;
use axis_core::config::{Connection, PostgresConnection, TlsMode};
use axis_core::source::{ClockDifference, RoleFacts, SessionFacts};
use chrono::TimeDelta;

use super::access::is_local;
use super::finding::{Check, Finding};

/// Ages and tokens begin to look wrong.
const CLOCK_ODD: TimeDelta = TimeDelta::seconds(5);
/// Ages and tokens are wrong.
const CLOCK_WRONG: TimeDelta = TimeDelta::seconds(60);

/// Judges one connection and its tables.
pub(super) fn judge(checkup: &SourceCheckup) -> Vec<Finding> {
    let subject = checkup.datasets.join(", ");
    let mut findings = Vec::new();
    let facts = match &checkup.session {
        Ok(facts) => {
            findings.push(Finding::ok(Check::Source, "it answers").about(&subject));
            Some(facts)
        }
        Err(error) => {
            let remedy = "`axis config explain` shows host, port, user and TLS as they are used";
            findings
                .push(Finding::problem(Check::Source, format!("{error} [{}]", error.code()), remedy).about(&subject));
            None
        }
    };
    if let Connection::Postgres(settings) = &checkup.connection {
        findings.push(tls(settings, facts).about(&subject));
    }
    if let Some(role) = facts.and_then(|facts| facts.role.as_ref()) {
        findings.extend(self::role(role).into_iter().map(|finding| finding.about(&subject)));
    }
    if let Some(difference) = facts.and_then(|facts| facts.clock.as_ref()) {
        findings.push(clock(difference).about(&subject));
    }
    findings.extend(checkup.tables.iter().map(|table| {
        let subject = format!("{}.{}", table.dataset, table.table);
        match &table.outcome {
            Ok(()) => Finding::ok(Check::Queries, "the source accepts the query"),
            Err(error) => Finding::problem(
                Check::Queries,
                format!("{error} [{}]", error.code()),
                "correct the query or the setting that the message names, and try again",
            ),
        }
        .about(subject)
    }));
    findings
}

fn tls(settings: &PostgresConnection, facts: Option<&SessionFacts>) -> Finding {
    let host = &settings.host;
    if is_local(host) {
        return Finding::ok(Check::Tls, format!("{host} is this machine"));
    }
    let remedy = "set `ssl_mode: verify-full`, and `ssl_root_cert` when the authority is not one of the system's";
    let encrypted = facts.and_then(|facts| facts.encrypted);
    match settings.tls {
        TlsMode::VerifyCa | TlsMode::VerifyFull => Finding::ok(
            Check::Tls,
            format!("{host} must show a certificate of a trusted authority"),
        ),
        TlsMode::Require => {
            let message = format!("{host} is encrypted, and whoever is in between can pretend to be it");
            Finding::warning(Check::Tls, message, remedy)
        }
        TlsMode::Prefer if encrypted == Some(true) => {
            let message = format!("{host} is encrypted by chance: `ssl_mode: prefer` also takes a plain connection");
            Finding::problem(Check::Tls, message, remedy)
        }
        _ => {
            let message = format!("rows and the password of {host} travel unencrypted");
            Finding::problem(Check::Tls, message, remedy)
        }
    }
}

fn role(role: &RoleFacts) -> Vec<Finding> {
    let name = &role.name;
    let mut findings = Vec::new();
    if role.superuser {
        findings.push(Finding::problem(
            Check::Role,
            format!("`{name}` is a superuser"),
            "make a role that may only read: create role axis login; grant select on the tables that the queries name",
        ));
    } else {
        if let Some(table) = &role.writable_table {
            let more = match role.writable_tables {
                0 | 1 => String::new(),
                count => format!(" and {} more tables", count - 1),
            };
            findings.push(Finding::problem(
                Check::Role,
                format!("`{name}` may change {table}{more}"),
                "revoke insert, update, delete and truncate, or use a role that owns no tables and has select alone",
            ));
        }
        if role.creates {
            findings.push(Finding::warning(
                Check::Role,
                format!("`{name}` may create objects in the database or in one of its schemas"),
                "revoke create on the database and on its schemas from the role, and from public",
            ));
        }
        if !role.sees_transactions {
            findings.push(Finding::warning(
                Check::Role,
                format!(
                    "`{name}` does not see the transactions of other roles, so refreshes read 300 s back to be safe"
                ),
                format!("grant pg_read_all_stats to {name}, or set `incremental_lookback_seconds`"),
            ));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(Check::Role, format!("`{name}` may only read")));
    }
    findings
}

fn clock(difference: &ClockDifference) -> Finding {
    let apart = difference.at_least();
    let whose = if difference.ahead > TimeDelta::zero() {
        "ahead of"
    } else {
        "behind"
    };
    let message = format!("the source's clock is {} s {whose} this machine's", apart.num_seconds());
    let remedy = "let both machines keep their time by NTP (chrony or systemd-timesyncd)";
    if apart > CLOCK_WRONG {
        Finding::problem(Check::Clock, message, remedy)
    } else if apart > CLOCK_ODD {
        Finding::warning(Check::Clock, message, remedy)
    } else {
        Finding::ok(Check::Clock, "the source's clock and this machine's agree")
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::super::finding::Severity;
    use super::*;

    #[test]
    fn the_way_to_another_host_is_encrypted_and_its_end_known() {
        let judged = |url: &str, encrypted| {
            let settings = PostgresConnection::from_url(url).unwrap();
            let mut facts = SessionFacts::default();
            facts.encrypted = encrypted;
            tls(&settings, Some(&facts)).severity
        };
        assert_eq!(
            judged("postgresql://u@127.0.0.1/d?sslmode=disable", Some(false)),
            Severity::Ok
        );
        assert_eq!(judged("postgresql://u@db/d", Some(false)), Severity::Problem);
        assert_eq!(judged("postgresql://u@db/d", Some(true)), Severity::Problem);
        assert_eq!(judged("postgresql://u@db/d?sslmode=disable", None), Severity::Problem);
        assert_eq!(
            judged("postgresql://u@db/d?sslmode=require", Some(true)),
            Severity::Warning
        );
        assert_eq!(judged("postgresql://u@db/d?sslmode=verify-full", None), Severity::Ok);
    }

    #[test]
    fn clocks_agree() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let judged = |source| clock(&ClockDifference::between(at(1000), at(source), at(1000)));
        assert_eq!(judged(1003).severity, Severity::Ok);
        let late = judged(990);
        assert_eq!(late.severity, Severity::Warning);
        assert_eq!(late.message, "the source's clock is 10 s behind this machine's");
        assert_eq!(judged(1070).severity, Severity::Problem);
    }
}
