//! What a running server says of itself, directly or through its proxy.

use axis_core::config::ServerConfig;
use axum::http::Uri;
use serde_json::Value;

use super::client::{self, Answer, Silence};
use super::finding::{Check, Finding};

/// What the server at an address has answered.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    root: Result<Answer, Silence>,
    health: Result<Answer, Silence>,
    ready: Result<Answer, Silence>,
}

/// Where to ask: what was given, else where this configuration would listen.
pub(super) fn address(given: Option<&str>, server: &ServerConfig) -> String {
    if let Some(url) = given {
        return url.trim_end_matches('/').to_owned();
    }
    let host = match server.host.as_str() {
        "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" | "[::]" => "[::1]".to_owned(),
        host if host.contains(':') && !host.starts_with('[') => format!("[{host}]"),
        host => host.to_owned(),
    };
    format!("http://{host}:{}", server.port)
}

/// Asks the three addresses that probes use.
pub(super) async fn observe(url: &str) -> Observed {
    let base = match url.parse::<Uri>() {
        Ok(base) if matches!(base.scheme_str(), Some("http" | "https")) && base.host().is_some() => base,
        _ => {
            let wrong = Err(Silence::Trouble("it is no http:// or https:// address".to_owned()));
            return Observed {
                root: wrong.clone(),
                health: wrong.clone(),
                ready: wrong,
            };
        }
    };
    let path = base.path().trim_end_matches('/').to_owned();
    let at = |end: &str| format!("{path}{end}");
    let (root, health, ready) = (at("/"), at("/health"), at("/ready"));
    let (root, health, ready) = tokio::join!(
        client::get(&base, &root),
        client::get(&base, &health),
        client::get(&base, &ready)
    );
    Observed { root, health, ready }
}

/// Judges the answers; `expected` tells whether somebody must be there.
pub(super) fn judge(url: &str, expected: bool, observed: &Observed) -> Vec<Finding> {
    let root = match &observed.root {
        Ok(answer) => answer,
        Err(Silence::Nobody) if !expected => {
            let message = format!("nothing listens at {url}, so the health of the server was not looked at");
            return vec![Finding::warning(
                Check::Health,
                message,
                "start the server, or say where it is with --url",
            )];
        }
        Err(silence) => {
            let remedy = "ask there with curl; certificates of your own authority are believed by SSL_CERT_FILE";
            return vec![Finding::problem(
                Check::Health,
                format!("{url}: {}", told(silence)),
                remedy,
            )];
        }
    };
    let service = json(root);
    if root.status != 200 || service["service"] != "AXIS API" {
        let message = format!("{url}/ answers {} and is not AXIS", root.status);
        let remedy = "point --url at AXIS itself, or let the proxy pass `/` to it";
        return vec![Finding::problem(Check::Health, message, remedy)];
    }
    let mut findings = Vec::new();
    let version = service["version"].as_str().unwrap_or_default();
    if version != env!("CARGO_PKG_VERSION") {
        let message = format!(
            "the server is version {version}, and this program {}",
            env!("CARGO_PKG_VERSION")
        );
        findings.push(Finding::warning(
            Check::Health,
            message,
            "start the server anew after an upgrade",
        ));
    }
    findings.push(match &observed.health {
        Ok(answer) if answer.status == 200 => Finding::ok(Check::Health, format!("{url}/health answers")),
        Ok(answer) => {
            let message = format!("{url}/health answers {}", answer.status);
            Finding::problem(Check::Health, message, "let the proxy pass `/health` on")
        }
        Err(silence) => {
            let message = format!("{url}/health: {}", told(silence));
            Finding::problem(Check::Health, message, "let the proxy pass `/health` on")
        }
    });
    findings.push(ready(url, &observed.ready));
    findings
}

fn ready(url: &str, answer: &Result<Answer, Silence>) -> Finding {
    let runs = "`axis status`, or GET /api/store/status with a key, tells why";
    match answer {
        Ok(answer) if answer.status == 200 && json(answer)["degraded"] == true => {
            let message = "it serves data, and the last sync of a dataset failed";
            Finding::warning(Check::Ready, message, runs)
        }
        Ok(answer) if answer.status == 200 => {
            Finding::ok(Check::Ready, format!("{url}/ready answers, every dataset is there"))
        }
        Ok(answer) if answer.status == 503 => {
            let body = json(answer);
            let detail = body["detail"].as_str().unwrap_or("it is not ready");
            Finding::problem(Check::Ready, format!("not ready: {detail}"), runs)
        }
        Ok(answer) => {
            let message = format!("{url}/ready answers {}", answer.status);
            Finding::problem(Check::Ready, message, "let the proxy pass `/ready` on")
        }
        Err(silence) => {
            let message = format!("{url}/ready: {}", told(silence));
            Finding::problem(Check::Ready, message, "let the proxy pass `/ready` on")
        }
    }
}

fn told(silence: &Silence) -> &str {
    match silence {
        Silence::Nobody => "nothing listens there",
        Silence::Trouble(what) => what,
    }
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Answer, Silence> {
        Ok(Answer {
            status,
            body: body.to_owned().into(),
        })
    }

    fn judged(root: Result<Answer, Silence>, health: u16, ready: Result<Answer, Silence>) -> Vec<(Check, Severity)> {
        let health = answer(health, "{}");
        let findings = judge("http://h", true, &Observed { root, health, ready });
        findings
            .iter()
            .map(|finding| (finding.check, finding.severity))
            .collect()
    }

    #[test]
    fn each_answer_counts() {
        use Severity::{Ok as Fine, Problem, Warning};
        let own = || {
            answer(
                200,
                concat!(r#"{"service":"AXIS API","version":""#, env!("CARGO_PKG_VERSION"), "\"}"),
            )
        };
        let good = || answer(200, r#"{"degraded":false}"#);
        assert_eq!(
            judged(own(), 200, good()),
            [(Check::Health, Fine), (Check::Ready, Fine)]
        );
        assert_eq!(
            judged(own(), 404, good()),
            [(Check::Health, Problem), (Check::Ready, Fine)]
        );
        assert_eq!(
            judged(own(), 200, answer(503, r#"{"detail":"not there yet: kpi"}"#))[1],
            (Check::Ready, Problem)
        );
        assert_eq!(
            judged(own(), 200, answer(200, r#"{"degraded":true}"#))[1],
            (Check::Ready, Warning)
        );
        assert_eq!(judged(answer(200, "<html>"), 200, good()), [(Check::Health, Problem)]);
        let old = answer(200, r#"{"service":"AXIS API","version":"0.0.1"}"#);
        assert_eq!(judged(old, 200, good())[0], (Check::Health, Warning));
        assert_eq!(judged(Err(Silence::Nobody), 200, good()), [(Check::Health, Problem)]);
    }

    #[test]
    fn a_server_that_listens_everywhere_is_asked_here() {
        let mut server = axis_core::config::Config::for_store("s").server;
        for (host, url) in [
            ("0.0.0.0", "http://127.0.0.1:8500"),
            ("::", "http://[::1]:8500"),
            ("fd00::1", "http://[fd00::1]:8500"),
            ("axis", "http://axis:8500"),
        ] {
            server.host = host.to_owned();
            assert_eq!(address(None, &server), url);
        }
        assert_eq!(address(Some("https://a.example/"), &server), "https://a.example");
    }
}
