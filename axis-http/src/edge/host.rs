//! The name that a client has called the server by.
//!
//! Nobody is asked for a key on a server without any, and a page may have its own name point to this machine: the browser then
//! takes the answers for the page's own. It still sends the name, which is none of ours.

use std::net::Ipv6Addr;

use axis_core::config::ServerConfig;
use axum::http::HeaderMap;
use axum::http::header::HOST;

/// Tells whether a request may be answered although nobody is asked for a key: it names an address, this machine, the host that
/// is listened on, or the host of an allowed origin. Programs may name none.
pub(super) fn is_known(headers: &HeaderMap, config: &ServerConfig) -> bool {
    let mut given = headers.get_all(HOST).iter();
    given.all(|host| host.to_str().is_ok_and(|host| is_ours(name(host), config)))
}

fn is_ours(host: &str, config: &ServerConfig) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok()
        || host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .is_some_and(|host| host.parse::<Ipv6Addr>().is_ok());
    let mut origins = config.origins.iter().filter_map(|origin| origin.split_once("://"));
    is_address
        || host == "localhost"
        || host.ends_with(".localhost")
        || host.eq_ignore_ascii_case(&config.host)
        || origins.any(|(_, origin)| host.eq_ignore_ascii_case(name(origin)))
}

/// Leaves the port away.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use axis_core::Env;
    use axis_core::config::{Config, Files};
    use axum::http::HeaderValue;

    use super::*;

    fn known(host: &'static str) -> bool {
        let yaml = "server:\n  host: axis.internal\n  origins: ['https://ui.example:8443']\n";
        let config = Config::resolve(&Files::new("/", [("config/server.yaml", yaml)]), &Env::default()).unwrap();
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
        is_known(&headers, &config.server)
    }

    #[test]
    fn names_of_others_are_not_ours() {
        for host in [
            "127.0.0.1:8500",
            "192.0.2.1",
            "[::1]:8500",
            "[2001:db8::1]",
            "localhost",
            "LocalHost:8500",
            "localhost.:8500",
            "axis.localhost:1",
            "axis.internal:8500",
            "ui.example",
        ] {
            assert!(known(host), "{host}");
        }
        for host in [
            "evil.example:8500",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "notlocalhost",
            "",
            "::1",
            "[evil.example]:1",
        ] {
            assert!(!known(host), "{host}");
        }
    }
}
