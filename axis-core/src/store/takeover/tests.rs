use std::collections::BTreeSet;

use tempfile::TempDir;

use super::*;

fn claim(private: Option<u64>, shared: bool, stale: &[u64]) -> Claim {
    Claim {
        epoch: 6,
        private,
        shared,
        stale: stale.to_vec(),
        ..Claim::default()
    }
}

/// A directory as processes have left it, and the locked files of those that were taken over and live.
struct Left {
    directory: TempDir,
    living: Vec<File>,
}

impl Left {
    /// The store holds `store`, and the lock file says what the claim says.
    fn new(claim: &Claim) -> Self {
        let left = Self {
            directory: tempfile::tempdir().unwrap(),
            living: Vec::new(),
        };
        left.write("s", "store");
        left.write("s.lock", &claim.render(0));
        let living = claim.stale.iter().map(|epoch| {
            let file = File::create(left.path(&format!("s.lock.{epoch}"))).unwrap();
            file.try_lock().unwrap();
            file
        });
        let living = living.collect();
        Self { living, ..left }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        // Long ago, so that a copy need not wait.
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn names(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    fn lease(&self) -> Lease {
        Lease::take(&self.path("s"), None).unwrap()
    }

    fn assert_names(&self, expected: &[&str]) {
        assert_eq!(self.names().iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }
}

/// Reads a file and its log, and tells under which name it was.
fn look(path: &Path) -> Result<(String, String)> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let [log, ..] = logs(path);
    Ok((
        name,
        std::fs::read_to_string(path).unwrap() + &std::fs::read_to_string(log).unwrap_or_default(),
    ))
}

fn seen(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

#[test]
fn the_lock_file_decides_what_is_opened() {
    assert_eq!(decide(&claim(None, false, &[])), Step::Plain);
    // A takeover that did not get far is done again, whatever the name was.
    assert_eq!(decide(&claim(None, true, &[3])), Step::Copy);
    assert_eq!(decide(&claim(Some(2), true, &[3])), Step::Copy);
    assert_eq!(decide(&claim(None, false, &[3])), Step::Copy);
    assert_eq!(decide(&claim(Some(4), false, &[3])), Step::Private(4));
    assert_eq!(decide(&claim(Some(4), false, &[])), Step::GoHome(4));
}

#[test]
fn what_a_living_process_has_open_is_copied_with_its_log_and_goes_home_when_that_has_ended() {
    let mut left = Left::new(&claim(None, true, &[5]));
    left.write("s.wal", " and log");
    // Two processes were killed while they copied.
    left.write("s.e6", "half");
    left.write("s.e6.wal", "half");
    let before = FileId::at(&left.path("s"));
    let lease = left.lease();
    assert_eq!(open(&lease, look).unwrap(), seen("s.e7", "store and log"));
    assert_ne!(FileId::at(&left.path("s")), before);
    assert_eq!(FileId::at(&left.path("s")), FileId::at(&left.path("s.e7")));
    assert_eq!(lease.path().file_name().unwrap(), "s.e7");
    // DuckDB would have moved the log into the file.
    std::fs::remove_file(left.path("s.e7.wal")).unwrap();
    leave(&lease).unwrap();
    drop(lease);
    left.assert_names(&["s", "s.lock", "s.lock.5"]);

    // The process that was taken over leaves a log that is nobody's.
    left.write("s.wal", " and what is not ours");
    let lease = left.lease();
    assert_eq!(open(&lease, look).unwrap(), seen("s.e7", "store"));
    leave(&lease).unwrap();
    drop(lease);
    left.living.clear();
    let lease = left.lease();
    assert_eq!(open(&lease, look).unwrap(), seen("s", "store"));
    assert!(lease.claim().is_plain());
    drop(lease);
    left.assert_names(&["s", "s.lock"]);
}

#[test]
fn a_copy_that_cannot_be_opened_changes_nothing() {
    let left = Left::new(&claim(None, true, &[5]));
    let before = FileId::at(&left.path("s"));
    let lease = left.lease();
    let refused = |_: &Path| Err::<(), _>(Error::new(ErrorKind::Store, "no"));
    assert_eq!(open(&lease, refused).unwrap_err().message(), "no");
    drop(lease);
    assert_eq!(FileId::at(&left.path("s")), before);
    left.assert_names(&["s", "s.lock", "s.lock.5"]);
    assert_eq!(open(&left.lease(), look).unwrap(), seen("s.e8", "store"));
}

#[test]
fn a_takeover_that_was_killed_before_its_end_is_finished() {
    for living in [&[5][..], &[]] {
        let left = Left::new(&claim(Some(6), false, living));
        left.write("s.e6", "copy");
        let lease = left.lease();
        let name = if living.is_empty() { "s" } else { "s.e6" };
        assert_eq!(open(&lease, look).unwrap(), seen(name, "copy"));
        assert_eq!(left.read("s"), "copy");
    }
}

#[test]
fn a_log_that_cannot_be_moved_into_the_file_keeps_its_name() {
    let left = Left::new(&claim(Some(6), false, &[]));
    left.write("s.e6", "copy");
    left.write("s.e6.wal", " and log");
    let lease = left.lease();
    assert_eq!(open(&lease, look).unwrap(), seen("s.e6", "copy and log"));
    // Closing finds the log still there.
    leave(&lease).unwrap();
    assert_eq!(left.read("s.e6.wal"), " and log");
}

#[test]
fn a_store_that_somebody_put_in_the_place_of_a_published_one_counts() {
    for living in [&[5][..], &[]] {
        let published = Claim {
            published: true,
            ..claim(Some(6), false, living)
        };
        let left = Left::new(&published);
        left.write("s.e6", "old");
        left.write("s.e6.wal", " and log");
        let lease = left.lease();
        let name = if living.is_empty() { "s" } else { "s.e6" };
        assert_eq!(open(&lease, look).unwrap(), seen(name, "store"));
    }
}

#[test]
fn whoever_was_taken_over_replaces_nothing_any_more() {
    let left = Left::new(&claim(Some(6), false, &[5]));
    left.write("s.e6", "copy");
    let lease = left.lease();
    let (successor, _) = replace(&lease.names, lease.claim().clone()).unwrap();
    assert_eq!(open(&lease, look).unwrap_err().kind(), ErrorKind::Locked);
    assert_eq!(left.read("s"), "store");
    assert_eq!(leave(&lease).unwrap_err().kind(), ErrorKind::Locked);
    assert_eq!(lock::read(&successor).stale, [5, 7]);
}

#[test]
fn a_file_that_was_written_just_now_is_not_quiet() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a");
    std::fs::write(&path, "a").unwrap();
    let look = Look::at(&path);
    assert!(look.is_quiet(SystemTime::now() + Duration::from_secs(1)));
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(SystemTime::now() + Duration::from_secs(60))
        .unwrap();
    assert_ne!(look, Look::at(&path));
    assert!(!Look::at(&path).is_quiet(SystemTime::now()));
    assert!(Look::at(Path::new("missing")).is_quiet(SystemTime::now()));
}

#[test]
fn a_private_name_that_is_removed_during_the_copy_leaves_the_store_to_be_copied() {
    let left = Left::new(&claim(Some(6), true, &[5]));
    left.write("s.e6", "store");
    // Nobody's: the store was closed in order.
    left.write("s.wal", " and what is not ours");
    let busy = File::options().write(true).open(left.path("s.e6")).unwrap();
    busy.set_modified(SystemTime::now() + RESTLESS).unwrap();
    let lease = left.lease();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let deadline = Instant::now() + RESTLESS;
            while !left.path("s.e7").exists() && Instant::now() < deadline {
                std::thread::yield_now();
            }
            std::fs::remove_file(left.path("s.e6")).unwrap();
        });
        assert_eq!(open(&lease, look).unwrap(), seen("s.e7", "store"));
    });
    assert_eq!(left.read("s"), "store");
}

#[test]
fn a_store_that_is_removed_during_the_copy_is_not_replaced_by_an_empty_one() {
    let left = Left::new(&claim(None, true, &[5]));
    let busy = File::options().write(true).open(left.path("s")).unwrap();
    busy.set_modified(SystemTime::now() + RESTLESS).unwrap();
    let lease = left.lease();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let deadline = Instant::now() + RESTLESS;
            while !left.path("s.e7").exists() && Instant::now() < deadline {
                std::thread::yield_now();
            }
            std::fs::remove_file(left.path("s")).unwrap();
        });
        assert_eq!(open(&lease, look).unwrap_err().kind(), ErrorKind::Store);
    });
    left.assert_names(&["s.lock", "s.lock.5"]);
}

#[test]
fn a_store_that_somebody_put_in_its_place_while_it_was_open_stays() {
    for living in [&[5][..], &[]] {
        let mut left = Left::new(&claim(None, true, &[5]));
        let lease = left.lease();
        open(&lease, look).unwrap();
        left.write("backup", "backup");
        std::fs::rename(left.path("backup"), left.path("s")).unwrap();
        if living.is_empty() {
            left.living.clear();
        }
        leave(&lease).unwrap();
        drop(lease);
        assert_eq!(left.read("s"), "backup");
        let name = if living.is_empty() { "s" } else { "s.e7" };
        assert_eq!(open(&left.lease(), look).unwrap(), seen(name, "backup"));
    }
}

#[test]
fn a_holder_that_has_ended_by_itself_meanwhile_is_followed() {
    let left = Left::new(&claim(None, false, &[]));
    let names = Names::of(left.path("s"));
    let (_, claim) = force(&names, Duration::ZERO).unwrap();
    assert_eq!(claim.epoch, 7);
}

#[test]
fn a_store_that_somebody_put_in_its_place_is_what_a_takeover_copies() {
    let published = Claim {
        published: true,
        ..claim(Some(6), true, &[5])
    };
    let left = Left::new(&published);
    left.write("s.e6", "old");
    left.write("s.e6.wal", " and log");
    assert_eq!(open(&left.lease(), look).unwrap(), seen("s.e7", "store"));
}
