//! The process that is killed: this test binary once more, with variables that tell what to do.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use axis_testkit::postgres::{TestDatabase, execute};

use super::{Mode, SOURCE, Scene, config};
use crate::support::{die_at, open, sync};

const URL: &str = "AXIS_TEST_CRASH_URL";
const STORE: &str = "AXIS_TEST_CRASH_STORE";
const MODE: &str = "AXIS_TEST_CRASH_MODE";
const ROUND: &str = "AXIS_TEST_CRASH_ROUND";
const POINT: &str = "AXIS_TEST_CRASH_POINT";
/// The child prints this before it opens the store.
const READY: &str = "the child is ready";
/// How often a child syncs that is to reach a point.
const SYNCS: usize = 4;

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Killed,
    Ended,
}

/// A child that is running.
pub(super) struct Child(std::process::Child);

impl Child {
    /// Starts a child that kills itself at the n-th time that it reaches a point, or syncs until it is killed.
    pub(super) fn start(scene: &Scene, round: usize, point: Option<(&str, u32)>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "crash::child::child", "--nocapture", "--test-threads", "1"])
            .env(URL, &scene.database.url)
            .env(STORE, scene.store())
            .env(MODE, scene.mode.name())
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some((point, hit)) = point {
            command.env(POINT, format!("{point} {hit}"));
        }
        Self(command.spawn().unwrap())
    }

    /// Waits for the end, which is a kill or the end of all syncs.
    pub(super) fn wait(self) -> Fate {
        let output = self.0.wait_with_output().unwrap();
        match (output.status.signal(), output.status.success()) {
            (Some(9), _) => Fate::Killed,
            (None, true) => Fate::Ended,
            _ => panic!("the child failed: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Kills the child this long after it began to open the store.
    pub(super) fn kill_after(mut self, time: Duration) {
        let output = BufReader::new(self.0.stdout.take().expect("it is piped"));
        let ready = output.lines().map_while(Result::ok).any(|line| line.contains(READY));
        // Nothing is waited for: the moment is what the test tries out.
        std::thread::sleep(time);
        self.0.kill().unwrap();
        let mut errors = String::new();
        let _ = self.0.stderr.take().expect("it is piped").read_to_string(&mut errors);
        let status = self.0.wait().unwrap();
        assert!(
            ready && status.signal() == Some(9),
            "the child ended by itself: {errors}"
        );
    }
}

/// The child. Without the parent's variables it checks only that each mode does what its name says, so that a run of all
/// tests does not count an empty one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(url), Some(store), Some(mode)) = (variable(URL), variable(STORE), variable(MODE)) else {
        let database = TestDatabase::create("crash");
        database.execute(SOURCE);
        for mode in Mode::ALL {
            let directory = tempfile::tempdir().unwrap();
            syncs(mode, 1, &database.url, &directory.path().join("s.duckdb"), 2).await;
            database.execute("update divisor set d = 1");
        }
        return;
    };
    let mode = Mode::ALL.into_iter().find(|known| known.name() == mode).unwrap();
    let round = variable(ROUND).unwrap().parse().unwrap();
    let count = match variable(POINT) {
        Some(point) => {
            die_at(&point);
            SYNCS
        }
        None => usize::MAX,
    };
    writeln!(std::io::stdout(), "{READY}").unwrap();
    std::io::stdout().flush().unwrap();
    syncs(mode, round, &url, Path::new(&store), count).await;
}

async fn syncs(mode: Mode, round: usize, url: &str, store: &Path, count: usize) {
    let engine = open(config(mode, round, url, store)).await;
    let shop = engine.dataset("shop").unwrap();
    for _ in 0..count {
        execute(
            url,
            &format!("select next_version({}, {})", mode.has_key(), mode == Mode::Reconcile),
        );
        if mode == Mode::Failing {
            execute(url, "update divisor set d = 0");
            shop.sync(mode.options()).await.unwrap_err();
        } else {
            sync(&shop, mode.options()).await;
        }
    }
    engine.close().await.unwrap();
}
