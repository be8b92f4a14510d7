//! Where a request comes from, with regard to proxies.

use std::net::{IpAddr, SocketAddr};

use axis_core::CancellationToken;
use axis_core::config::Network;
use axum::http::{HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the connection, as the server has accepted it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Ends the connection that a request came from.
#[derive(Clone, Debug)]
pub(crate) struct Cut(pub(crate) CancellationToken);

/// Returns the address of the client. What `X-Forwarded-For` says is believed as far as trusted proxies have written it:
/// from its end to the first address that is not one of theirs.
pub(super) fn client(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[Network]) -> Option<IpAddr> {
    let peer = peer?.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    if trusted.is_empty() || !is_trusted(peer) {
        return Some(client);
    }
    for line in headers.get_all(X_FORWARDED_FOR).iter().rev() {
        let Ok(line) = line.to_str() else { break };
        for item in line.rsplit(',') {
            let Some(address) = parse(item.trim()) else {
                return Some(client);
            };
            client = address;
            if !is_trusted(address) {
                return Some(client);
            }
        }
    }
    Some(client)
}

/// Reads an address with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    let address = address.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn ask(peer: &str, forwarded: &[&'static str]) -> String {
        let trusted = [Network::parse("10.0.0.0/8").unwrap(), Network::parse("::1").unwrap()];
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_static(line));
        }
        client(Some(peer.parse().unwrap()), &headers, &trusted)
            .unwrap()
            .to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(ask("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(ask("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(ask("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        // The client has made up the first one.
        assert_eq!(
            ask("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.1.1.1"]),
            "198.51.100.7"
        );
        assert_eq!(
            ask("10.0.0.1", &["203.0.113.9, 198.51.100.7", "10.1.1.1"]),
            "198.51.100.7"
        );
        assert_eq!(ask("10.0.0.1", &["unknown, 10.1.1.1"]), "10.1.1.1");
        assert_eq!(ask("::1", &["[2001:db8::7]:1234"]), "2001:db8::7");
        assert_eq!(ask("::ffff:10.0.0.1", &["198.51.100.7:80"]), "198.51.100.7");
    }
}
