//! When a dataset is due again. Pure: the loop that waits is the engine's.

use std::time::Duration;

/// The shortest wait after a failure that may pass by itself.
const BACKOFF_FIRST: Duration = Duration::from_secs(15);

/// How a dataset's last run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// It succeeded, or nothing has run yet.
    Regular,
    /// It failed for the n-th time in a row with something that may pass.
    Retry(u32),
}

/// What the wait is computed from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// `refresh_interval_minutes`.
    pub(crate) interval: Duration,
    /// A number in [0, 1): spreads datasets, so that they do not all start at the same instant.
    pub(crate) jitter: f64,
}

/// Returns how long to wait before the next run. Failures are retried sooner than the interval, at doubling distances, and
/// never later than it.
pub(crate) fn due(last: Due, timing: Timing) -> Duration {
    let wait = match last {
        Due::Regular => timing.interval,
        Due::Retry(failures) => {
            let doubled = BACKOFF_FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(16)));
            doubled.min(timing.interval)
        }
    };
    // Up to a tenth earlier, never later: an interval promises the greatest age of the data.
    wait.mul_f64(1.0 - timing.jitter.clamp(0.0, 1.0) * 0.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Timing = Timing {
        interval: Duration::from_secs(3600),
        jitter: 0.0,
    };

    #[test]
    fn success_waits_the_interval_and_failures_back_off_up_to_it() {
        assert_eq!(due(Due::Regular, HOUR), Duration::from_secs(3600));
        assert_eq!(due(Due::Retry(1), HOUR), Duration::from_secs(15));
        assert_eq!(due(Due::Retry(3), HOUR), Duration::from_secs(60));
        assert_eq!(due(Due::Retry(40), HOUR), Duration::from_secs(3600));
    }

    #[test]
    fn jitter_only_makes_it_earlier() {
        let wait = due(Due::Regular, Timing { jitter: 0.999, ..HOUR });
        assert!(wait < HOUR.interval && wait >= HOUR.interval.mul_f64(0.9));
    }
}
