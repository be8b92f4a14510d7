//! What the server counts about requests, and how it is told to Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The upper bounds of the histogram, in seconds.
const BOUNDS: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// One kind of answer.
type Key = (&'static str, &'static str, u16);

/// The counters of one server. Nothing is global: several servers in one process count apart.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    answers: RwLock<BTreeMap<Key, Arc<Durations>>>,
    pub(super) in_flight: AtomicU64,
    pub(super) rate_limited: AtomicU64,
    pub(super) unauthenticated: AtomicU64,
    pub(super) forbidden: AtomicU64,
    pub(super) overloaded: AtomicU64,
    pub(super) not_modified: AtomicU64,
    pub(super) cache_hits: AtomicU64,
    pub(super) cache_misses: AtomicU64,
}

#[derive(Debug, Default)]
struct Durations {
    /// By bound, and one for what is above the last.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Metrics {
    /// Counts an answer.
    pub(super) fn answered(&self, route: &'static str, method: &'static str, status: u16, elapsed: Duration) {
        let key = (route, method, status);
        let known = self
            .answers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        let durations = known.unwrap_or_else(|| {
            let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry(key).or_default())
        });
        let seconds = elapsed.as_secs_f64();
        let bucket = BOUNDS
            .iter()
            .position(|bound| seconds <= *bound)
            .unwrap_or(BOUNDS.len());
        count(&durations.buckets[bucket]);
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        durations.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Writes what was counted, in the text format of Prometheus.
    pub(crate) fn render(&self, text: &mut Text) {
        text.family(
            "axis_http_request_duration_seconds",
            "histogram",
            "Time until an answer began, by route, method and status.",
        );
        let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut totals = Vec::with_capacity(answers.len());
        for ((route, method, status), durations) in &answers {
            let status = status.to_string();
            let labels = [("route", *route), ("method", *method), ("status", status.as_str())];
            let mut sum = 0;
            for (bucket, counter) in durations.buckets.iter().enumerate() {
                sum += counter.load(Ordering::Relaxed);
                let bound = BOUNDS.get(bucket).map_or_else(|| "+Inf".to_owned(), f64::to_string);
                let labels = [labels.as_slice(), &[("le", bound.as_str())]].concat();
                text.sample("axis_http_request_duration_seconds_bucket", &labels, sum);
            }
            let micros = durations.micros.load(Ordering::Relaxed);
            // Far below 2^53 microseconds.
            text.sample("axis_http_request_duration_seconds_sum", &labels, micros as f64 / 1e6);
            text.sample("axis_http_request_duration_seconds_count", &labels, sum);
            totals.push((*route, *method, status, sum));
        }
        text.family(
            "axis_http_requests_total",
            "counter",
            "Answered requests, by route, method and status.",
        );
        for (route, method, status, sum) in &totals {
            let labels = [("route", *route), ("method", *method), ("status", status.as_str())];
            text.sample("axis_http_requests_total", &labels, sum);
        }
        let flying = self.in_flight.load(Ordering::Relaxed);
        text.one(
            "axis_http_requests_in_flight",
            "gauge",
            "Requests that are being answered.",
            flying,
        );
        for (name, help, counter) in [
            (
                "axis_http_rate_limited_total",
                "Requests beyond the rate limit.",
                &self.rate_limited,
            ),
            (
                "axis_http_unauthenticated_total",
                "Requests without a valid key or token.",
                &self.unauthenticated,
            ),
            (
                "axis_http_forbidden_total",
                "Requests that needed a higher role.",
                &self.forbidden,
            ),
            (
                "axis_http_overloaded_total",
                "Requests beyond those that run at once.",
                &self.overloaded,
            ),
            (
                "axis_http_not_modified_total",
                "Answers that the client had already.",
                &self.not_modified,
            ),
            (
                "axis_http_cache_hits_total",
                "Answers that were kept from before.",
                &self.cache_hits,
            ),
            (
                "axis_http_cache_misses_total",
                "Answers that could be kept and had to be made.",
                &self.cache_misses,
            ),
        ] {
            text.one(name, "counter", help, counter.load(Ordering::Relaxed));
        }
    }
}

/// A text in the format of Prometheus, version 0.0.4.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

impl Text {
    /// Begins a family of samples.
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Adds a sample.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (index, (label, value)) in labels.iter().enumerate() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{value}\"");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    /// Adds a family of one sample without labels.
    pub(crate) fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_fall_into_buckets_that_add_up() {
        let metrics = Metrics::default();
        for micros in [400, 600, 2_000_000, 60_000_000] {
            metrics.answered("/a", "GET", 200, Duration::from_micros(micros));
        }
        metrics.answered("/a", "GET", 404, Duration::from_micros(1));
        let mut text = Text::default();
        metrics.render(&mut text);
        let text = text.finish();
        let labels = "route=\"/a\",method=\"GET\",status=\"200\"";
        for (le, sum) in [("0.0005", 1), ("0.001", 2), ("1", 2), ("5", 3), ("30", 3), ("+Inf", 4)] {
            let line = format!("axis_http_request_duration_seconds_bucket{{{labels},le=\"{le}\"}} {sum}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
        assert!(text.contains(&format!("axis_http_request_duration_seconds_sum{{{labels}}} 62.001\n")));
        assert!(text.contains(&format!("axis_http_requests_total{{{labels}}} 4\n")));
    }

    #[test]
    fn labels_are_escaped() {
        let mut text = Text::default();
        text.sample("a", &[("b", "x\"y\\z\n")], 1);
        assert_eq!(text.finish(), "a{b=\"x\\\"y\\\\z\\n\"} 1\n");
    }
}
