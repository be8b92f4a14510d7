//! Which servers a client may have this process connect to. Pure.
//!
//! The servers of the configured datasets, each on its own port, and what `wizard_hosts` lists. An address that a cloud keeps
//! for its own machinery is never connected to, under whatever name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::refused;
use crate::config::{Config, Connection};
use crate::error::Result;

/// Addresses at which clouds tell machines their secrets, besides the link-local ones.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// The servers that may be connected to.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    configured: Vec<(String, u16)>,
    listed: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// `*`: every host whose addresses are public.
    Public,
    /// `*.example.com`, kept with its dot.
    Suffix(String),
    Host(String, Option<u16>),
}

/// Which addresses a permitted host may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// It was named: also addresses of this machine and of private networks.
    Named,
    /// Public addresses alone.
    Public,
}

impl Hosts {
    pub(super) fn of(config: &Config) -> Self {
        let connections = config.datasets.iter().filter_map(|dataset| dataset.connection.as_ref());
        let configured = connections.filter_map(|connection| match connection {
            Connection::Postgres(settings) => Some((plain(&settings.host), settings.port)),
            Connection::Sqlite { .. } => None,
        });
        Self {
            configured: configured.collect(),
            listed: config.server.wizard_hosts.iter().map(|entry| rule(entry)).collect(),
        }
    }

    /// Tells whether a host may be connected to, and at which addresses.
    pub(super) fn check(&self, host: &str, port: u16) -> Result<Reach> {
        let host = plain(host);
        let named = self.configured.contains(&(host.clone(), port))
            || self.listed.iter().any(|rule| match rule {
                Rule::Public => false,
                Rule::Suffix(suffix) => host.ends_with(suffix.as_str()),
                Rule::Host(name, only) => *name == host && only.is_none_or(|only| only == port),
            });
        if named {
            Ok(Reach::Named)
        } else if self.listed.contains(&Rule::Public) && !host.starts_with('/') {
            Ok(Reach::Public)
        } else {
            Err(refused(
                "connecting to this host and port is not allowed; only the configured servers are, and those that \
                 `wizard_hosts` in server.yaml lists",
            ))
        }
    }
}

impl Reach {
    /// Refuses an address that a permitted name must not lead to.
    pub(super) fn check(self, address: IpAddr) -> Result<()> {
        let address = address.to_canonical();
        if is_reserved(address) {
            return Err(refused(
                "the host leads to a link-local or metadata address, which is never connected to",
            ));
        }
        if self == Self::Public && !is_public(address) {
            return Err(refused(
                "the host leads to an address of this machine or of a private network; list it by name under \
                 `wizard_hosts` in server.yaml to allow it",
            ));
        }
        Ok(())
    }
}

/// A host as it is compared: addresses in their one form, names in lower case.
pub(super) fn plain(host: &str) -> String {
    let host = host.trim();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) if host.starts_with('/') => host.trim_end_matches('/').to_owned(),
        Err(_) => bare.trim_end_matches('.').to_ascii_lowercase(),
    }
}

fn rule(entry: &str) -> Rule {
    let entry = entry.trim();
    if entry == "*" {
        return Rule::Public;
    }
    if let Some(suffix) = entry.strip_prefix('*') {
        return Rule::Suffix(suffix.to_ascii_lowercase());
    }
    // An address of version 6 has colons of its own, and a port only behind brackets.
    let split = entry.rsplit_once(':').filter(|(host, _)| {
        let bracketed = host.starts_with('[') && host.ends_with(']');
        bracketed || (!host.contains(':') && !host.starts_with('/'))
    });
    match split.and_then(|(host, port)| Some((host, port.parse().ok()?))) {
        Some((host, port)) => Rule::Host(plain(host), Some(port)),
        None => Rule::Host(plain(entry), None),
    }
}

fn is_reserved(address: IpAddr) -> bool {
    let by_range = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast(),
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.is_unspecified()
                || v6.is_multicast()
                || embedded(v6).is_some_and(|v4| is_reserved(IpAddr::V4(v4)))
        }
    };
    by_range || METADATA.contains(&address)
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let odd = a == 0 || a >= 240 || (a == 198 && (b == 18 || b == 19)) || (a == 192 && b == 0);
            !(v4.is_loopback() || v4.is_private() || v4.is_documentation() || shared || odd)
        }
        IpAddr::V6(v6) => match embedded(v6) {
            Some(v4) => is_public(IpAddr::V4(v4)),
            // Only 2000::/3 is given out.
            None => v6.segments()[0] & 0xe000 == 0x2000,
        },
    }
}

/// The address of version 4 that NAT64, 6to4 and the deprecated compatible form carry.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match (a, b) {
        (0x64, 0xff9b) => Some(of(g, h)),
        (0x2002, _) => Some(of(b, c)),
        (0, 0) if [c, d, e, f] == [0; 4] && g != 0 => Some(of(g, h)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(entries: &[&str]) -> Hosts {
        Hosts {
            configured: vec![("db.local".to_owned(), 5432)],
            listed: entries.iter().map(|entry| rule(entry)).collect(),
        }
    }

    #[test]
    fn only_what_is_configured_or_listed_is_allowed() {
        let hosts = hosts(&[
            "Other.Example:6000",
            "*.corp.example",
            "[::1]:5433",
            "fd00::7",
            "10.0.0.5",
        ]);
        for (host, port) in [
            ("db.local", 5432),
            ("DB.LOCAL.", 5432),
            ("other.example", 6000),
            ("a.b.corp.example", 1),
            ("::1", 5433),
            ("[0:0:0:0:0:0:0:1]", 5433),
            ("fd00::7", 9),
            ("10.0.0.5", 9),
            ("::ffff:10.0.0.5", 9),
        ] {
            assert_eq!(hosts.check(host, port).unwrap(), Reach::Named, "{host}:{port}");
        }
        for (host, port) in [
            ("db.local", 5433),
            ("other.example", 5432),
            ("corp.example", 1),
            ("evilcorp.example", 1),
            ("::1", 5432),
            ("127.0.0.1", 5432),
            ("localhost", 5432),
            ("169.254.169.254", 80),
            ("db.local@evil", 5432),
            ("/var/run/postgresql", 5432),
            ("", 5432),
        ] {
            let error = hosts.check(host, port).unwrap_err();
            assert_eq!(error.operation(), super::super::REFUSED, "{host}:{port}");
            assert!(error.message().contains("wizard_hosts"));
        }
    }

    #[test]
    fn a_star_means_public_addresses() {
        let reach = hosts(&["*"]).check("anything.example", 5432).unwrap();
        assert_eq!(reach, Reach::Public);
        assert!(hosts(&["*"]).check("/run/postgresql", 5432).is_err());
        for address in ["8.8.8.8", "2606:4700::1111"] {
            reach.check(address.parse().unwrap()).unwrap();
        }
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "::1",
            "::ffff:127.0.0.1",
            "fc00::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "::127.0.0.1",
        ] {
            assert!(reach.check(address.parse().unwrap()).is_err(), "{address}");
        }
    }

    #[test]
    fn metadata_is_never_reached() {
        for address in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
            "168.63.129.16",
            "64:ff9b::a9fe:a9fe",
            "0.0.0.0",
            "::",
            "224.0.0.1",
        ] {
            assert!(Reach::Named.check(address.parse().unwrap()).is_err(), "{address}");
        }
        for address in ["127.0.0.1", "10.0.0.1", "::1", "fd12::1"] {
            Reach::Named.check(address.parse().unwrap()).unwrap();
        }
    }
}
