//! What the operating system says of this process; zero where it says nothing.

use std::fs;

/// Kernel clock ticks in a second, as every Linux reports them to user space.
const TICKS: f64 = 100.0;

/// Returns the processor seconds that this process has used.
pub(crate) fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the command in parentheses and may hold blanks; utime and stime are the 12th and 13th after it.
    let fields: Vec<f64> = text
        .rsplit_once(')')
        .map(|(_, rest)| {
            rest.split_whitespace()
                .map(|field| field.parse().unwrap_or(0.0))
                .collect()
        })
        .unwrap_or_default();
    fields
        .get(11)
        .zip(fields.get(12))
        .map_or(0.0, |(user, system)| (user + system) / TICKS)
}

/// Forgets the greatest memory use so far.
pub(crate) fn reset_peak_rss() {
    // Without permission the peak of the whole process is reported, which is never too small.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Returns the greatest resident memory since the last reset, in MB.
pub(crate) fn peak_rss_mb() -> f64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: f64 = line
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0.0);
    kilobytes * 1024.0 / 1e6
}
