//! Processes that are killed: this test binary once more, running one of its tests with variables that tell what to do.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

/// A process prints this before it opens its store.
const READY: &str = "the victim is ready";

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Killed,
    Ended,
}

/// A process that is running.
pub(crate) struct Victim(Child);

impl Victim {
    /// Starts a test of this binary.
    pub(crate) fn start(test: &str, variables: &[(&str, &str)]) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads", "1"])
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When the test failed.
    pub(crate) fn wait(self) -> Fate {
        let output = self.0.wait_with_output().unwrap();
        match (output.status.signal(), output.status.success()) {
            (Some(9), _) => Fate::Killed,
            (None, true) => Fate::Ended,
            _ => panic!("the victim failed: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Kills the process this long after it began to open its store; by then it may have ended.
    ///
    /// # Panics
    /// When the test failed.
    pub(crate) fn kill_after(mut self, time: Duration) -> Fate {
        // The pipe stays open: a process that cannot print any more would end with an error.
        let mut lines = BufReader::new(self.0.stdout.take().expect("it is piped")).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.contains(READY));
        // Nothing is waited for: the moment is what the test tries out.
        std::thread::sleep(time);
        self.0.kill().unwrap();
        let mut errors = String::new();
        let _ = self.0.stderr.take().expect("it is piped").read_to_string(&mut errors);
        let status = self.0.wait().unwrap();
        assert!(
            ready && (status.success() || status.signal() == Some(9)),
            "the victim failed: {errors}"
        );
        if status.success() { Fate::Ended } else { Fate::Killed }
    }
}

/// Tells the parent that the store is about to be opened.
pub(crate) fn ready() {
    let mut out = std::io::stdout();
    writeln!(out, "{READY}").unwrap();
    out.flush().unwrap();
}

/// Makes this process kill itself at a fail point, written as its name and how often it is reached first: `sync.planned 2`.
pub(crate) fn die_at(point: &str) {
    let (name, hit) = point.split_once(' ').expect("a name and a number");
    assert!(axis_core::FAIL_POINTS.contains(&name), "there is no fail point {name}");
    let left = AtomicU32::new(hit.parse().expect("a number"));
    let reached = move || {
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
        }
    };
    fail::cfg_callback(name, reached).expect("it is a fail point");
}
