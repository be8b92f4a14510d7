//! How often one client may ask.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axis_core::config::RateLimit;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;

/// Clients that are told apart. When there are more, those without a name share one allowance, so that memory is bounded.
const CLIENTS: usize = 50_000;
/// After so many requests, clients that have their whole allowance back are forgotten.
const SWEEP_EVERY: u32 = 1024;

/// Who shares an allowance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Client {
    Named(Arc<str>),
    At(IpAddr),
    Unknown,
}

/// What is left of an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The request may pass, and so many more at once.
    Pass { limit: u32, remaining: u32 },
    /// Too many; so long until the next one may pass.
    Wait { limit: u32, after: Duration },
}

/// Counts requests by client.
pub(super) struct Limiter {
    limiter: DefaultKeyedRateLimiter<Client, StateInformationMiddleware>,
    clock: DefaultClock,
    limit: u32,
    requests: AtomicU32,
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Limiter {
    pub(super) fn new(limit: RateLimit) -> Self {
        let period = Duration::from_secs(60) / limit.requests_per_minute.max(1);
        let burst = NonZeroU32::new(limit.burst).unwrap_or(NonZeroU32::MIN);
        let period = period.max(Duration::from_nanos(1));
        let quota = Quota::with_period(period).unwrap_or_else(|| Quota::per_second(burst));
        Self {
            limiter: RateLimiter::dashmap(quota.allow_burst(burst)).with_middleware(),
            clock: DefaultClock::default(),
            limit: limit.requests_per_minute,
            requests: AtomicU32::new(0),
        }
    }

    /// Takes one request from the allowance of a name, else of an address.
    pub(super) fn check(&self, name: Option<Arc<str>>, address: Option<IpAddr>) -> Verdict {
        let asked = self.requests.fetch_add(1, Ordering::Relaxed);
        if asked % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let client = match (name, address) {
            (Some(name), _) => Client::Named(name),
            (None, Some(address)) if self.limiter.len() < CLIENTS => Client::At(network(address)),
            (None, _) => Client::Unknown,
        };
        match self.limiter.check_key(&client) {
            Ok(state) => Verdict::Pass {
                limit: self.limit,
                remaining: state.remaining_burst_capacity(),
            },
            Err(until) => Verdict::Wait {
                limit: self.limit,
                after: until.wait_time_from(self.clock.now()),
            },
        }
    }
}

/// One customer has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(burst: u32) -> Limiter {
        let mut config = None;
        let yaml = format!("server:\n  rate_limit: {{requests_per_minute: 1, burst: {burst}}}\n");
        let files = axis_core::config::Files::new("/", [("config/server.yaml", yaml)]);
        let resolved = axis_core::config::Config::resolve(&files, &axis_core::Env::default()).unwrap();
        config.clone_from(&resolved.server.rate_limit);
        Limiter::new(config.unwrap())
    }

    fn passes(limiter: &Limiter, name: Option<&str>, address: &str) -> bool {
        let verdict = limiter.check(name.map(Into::into), Some(address.parse().unwrap()));
        matches!(verdict, Verdict::Pass { .. })
    }

    #[test]
    fn each_client_has_its_own_allowance() {
        let limiter = limiter(2);
        assert_eq!(
            limiter.check(Some("a".into()), None),
            Verdict::Pass { limit: 1, remaining: 1 }
        );
        assert!(passes(&limiter, Some("a"), "192.0.2.1"));
        let Verdict::Wait { after, .. } = limiter.check(Some("a".into()), None) else {
            panic!()
        };
        assert!(
            after <= Duration::from_secs(60) && after > Duration::from_secs(30),
            "{after:?}"
        );
        assert!(passes(&limiter, Some("b"), "192.0.2.1"));
        assert!(passes(&limiter, None, "192.0.2.1") && passes(&limiter, None, "192.0.2.1"));
        assert!(!passes(&limiter, None, "192.0.2.1"));
        assert!(passes(&limiter, None, "192.0.2.2"));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let limiter = limiter(1);
        assert!(passes(&limiter, None, "2001:db8::1"));
        assert!(!passes(&limiter, None, "2001:db8::2"));
        assert!(passes(&limiter, None, "2001:db8:0:1::1"));
    }

    #[test]
    fn the_number_of_clients_is_bounded() {
        let limiter = limiter(1);
        for number in 0..=u32::try_from(CLIENTS).unwrap() + 5000 {
            limiter.check(None, Some(std::net::Ipv4Addr::from_bits(number).into()));
        }
        assert!(limiter.limiter.len() <= CLIENTS + 1);
    }
}
