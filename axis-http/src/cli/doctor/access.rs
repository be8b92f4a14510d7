//! Who reaches the server: keys, pages of other origins, and the proxy in front.

use std::net::IpAddr;

use axis_core::config::ServerConfig;

use super::finding::{Check, Finding};

/// Whether a host is this machine alone: a Unix socket, a name of this machine, or a loopback address.
pub(super) fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let address = host.parse::<IpAddr>();
    host.starts_with('/')
        || host == "localhost"
        || host.ends_with(".localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether strangers are asked who they are.
pub(super) fn access(server: &ServerConfig) -> Vec<Finding> {
    let remedy = "set AXIS_API_KEY, or configure `server.api_keys` or `server.jwt`";
    let finding = if server.authenticates() {
        Finding::ok(Check::Access, "a key or a token is asked for")
    } else if !is_local(&server.host) {
        let message = format!("other machines reach {}, and nobody is asked for a key", server.host);
        Finding::problem(Check::Access, message, remedy)
    } else if !server.trusted_proxies.is_empty() {
        let message = "a proxy forwards other machines' requests, and nobody is asked for a key";
        Finding::problem(Check::Access, message, remedy)
    } else {
        Finding::ok(
            Check::Access,
            "nobody is asked for a key, and only this machine reaches the server",
        )
    };
    vec![finding]
}

/// Whether the pages that may ask from a browser are those that should.
pub(super) fn cors(server: &ServerConfig) -> Vec<Finding> {
    let host = |origin: &str| {
        let (_, rest) = origin.split_once("://").unwrap_or(("", origin));
        match rest.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_owned(),
            _ => rest.to_owned(),
        }
    };
    let (local, others): (Vec<&String>, Vec<&String>) =
        server.origins.iter().partition(|origin| is_local(&host(origin)));
    let mut findings = Vec::new();
    for origin in others.iter().filter(|origin| !origin.starts_with("https://")) {
        findings.push(Finding::problem(
            Check::Cors,
            format!("pages of {origin} may ask, and whoever is in between can change such a page"),
            "serve the page over https, and name its https origin",
        ));
    }
    if !local.is_empty() && !is_local(&server.host) {
        let names: Vec<&str> = local.iter().map(|origin| origin.as_str()).collect();
        findings.push(Finding::warning(
            Check::Cors,
            format!(
                "pages of {} may ask: whatever runs there on a visitor's own machine",
                names.join(" and ")
            ),
            "list the real origins as `origins` in config/server.yaml, or `origins: []` when only /ui is used",
        ));
    }
    if findings.is_empty() {
        let names: Vec<&str> = server.origins.iter().map(String::as_str).collect();
        let message = if names.is_empty() {
            "no page of another origin may ask".to_owned()
        } else {
            format!("pages of {} may ask", names.join(", "))
        };
        findings.push(Finding::ok(Check::Cors, message));
    }
    findings
}

/// Whether the server knows its proxy: without it limits count all clients as one, and without any keys travel in the clear.
pub(super) fn proxy(server: &ServerConfig) -> Vec<Finding> {
    let finding = if !server.trusted_proxies.is_empty() {
        let count = server.trusted_proxies.len();
        Finding::ok(
            Check::Proxy,
            format!("{count} proxies or networks of proxies are believed about clients' addresses"),
        )
    } else if is_local(&server.host) {
        Finding::ok(Check::Proxy, "only this machine reaches the server")
    } else {
        Finding::warning(
            Check::Proxy,
            "no proxy is named: behind one all clients count as one, and without one keys travel unencrypted",
            "end TLS at a proxy, and name its address or network as `trusted_proxies` in config/server.yaml",
        )
    };
    vec![finding]
}

#[cfg(test)]
mod tests {
    use axis_core::config::{Config, Files};

    use super::super::finding::Severity;
    use super::*;

    fn server(lines: &str) -> ServerConfig {
        let yaml = format!("server:\n{lines}");
        Config::resolve(
            &Files::new("/", [("config/server.yaml", yaml.as_str())]),
            &axis_core::Env::default(),
        )
        .unwrap()
        .server
    }

    fn worst(findings: &[Finding]) -> Severity {
        findings.iter().map(|finding| finding.severity).max().unwrap()
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in [
            "/run/postgresql",
            "localhost",
            "LOCALHOST",
            "db.localhost",
            "127.8.0.1",
            "::1",
            "[::1]",
            "::ffff:127.0.0.1",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in ["db", "10.0.0.1", "0.0.0.0", "::", "localhost.evil.example", ""] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn strangers_are_asked_for_a_key() {
        let key = "  api_keys: [{name: a, role: read, key: 0123456789abcdef0123456789abcdef}]\n";
        assert_eq!(worst(&access(&server("  host: 127.0.0.1\n"))), Severity::Ok);
        assert_eq!(worst(&access(&server("  host: 0.0.0.0\n"))), Severity::Problem);
        assert_eq!(
            worst(&access(&server("  trusted_proxies: [127.0.0.1]\n"))),
            Severity::Problem
        );
        assert_eq!(
            worst(&access(&server(&format!("  host: 0.0.0.0\n{key}")))),
            Severity::Ok
        );
    }

    #[test]
    fn origins_are_those_of_real_pages() {
        let open = "  host: 0.0.0.0\n";
        assert_eq!(worst(&cors(&server("  port: 1\n"))), Severity::Ok);
        assert_eq!(worst(&cors(&server(open))), Severity::Warning);
        assert_eq!(
            worst(&cors(&server(&format!("{open}  origins: ['https://ui.example']\n")))),
            Severity::Ok
        );
        assert_eq!(worst(&cors(&server(&format!("{open}  origins: []\n")))), Severity::Ok);
        let plain = cors(&server("  origins: ['http://ui.example:8080']\n"));
        assert_eq!(worst(&plain), Severity::Problem);
        assert!(plain[0].message.contains("http://ui.example:8080"));
    }

    #[test]
    fn a_proxy_is_named() {
        assert_eq!(worst(&proxy(&server("  port: 1\n"))), Severity::Ok);
        assert_eq!(worst(&proxy(&server("  host: 0.0.0.0\n"))), Severity::Warning);
        assert_eq!(
            worst(&proxy(&server("  host: 0.0.0.0\n  trusted_proxies: [10.0.0.0/8]\n"))),
            Severity::Ok
        );
    }
}
