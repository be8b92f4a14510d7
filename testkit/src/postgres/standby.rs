//! A second cluster that follows a first one and can be read meanwhile.

use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use super::{Postgres, new_directory, query_text};

impl Postgres {
    /// Starts a standby that streams from this cluster, with these lines added to its configuration.
    ///
    /// # Panics
    /// When the copy cannot be made or the standby does not start.
    #[must_use]
    pub fn standby(&self, settings: &[&str]) -> Self {
        let binaries = self.binaries.clone();
        let directory = new_directory(binaries.account);
        let mut standby = Self {
            binaries,
            directory,
            port: 0,
            keeper: Mutex::new(None),
        };
        let output = standby
            .command(&standby.binaries.basebackup)
            .args([
                "--no-sync",
                "--checkpoint=fast",
                "--wal-method=stream",
                "--write-recovery-conf",
            ])
            .args(["-U", super::USER, "-p", &self.port.to_string(), "-h"])
            .arg(&self.directory)
            .arg("-D")
            .arg(standby.data_directory())
            .output()
            .expect("pg_basebackup can be run");
        assert!(
            output.status.success(),
            "pg_basebackup failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let file = standby.data_directory().join("postgresql.auto.conf");
        let copied = fs::read_to_string(&file).expect("the copy has the configuration of the first cluster");
        let sockets = format!("unix_socket_directories = '{}'", standby.directory.display());
        standby.write(&file, &format!("{copied}\n{sockets}\n{}\n", settings.join("\n")));
        standby.launch_somewhere();
        standby
    }

    /// Waits until this standby has replayed what `primary` has written so far.
    ///
    /// # Panics
    /// When that takes more than a minute.
    pub fn catch_up(&self, primary: &Self) {
        let written = query_text(&primary.url("postgres"), "select pg_current_wal_lsn()")[0][0]
            .clone()
            .expect("a primary has a position");
        let reached = format!("select pg_last_wal_replay_lsn() >= '{written}'");
        // Nothing tells when a position has been replayed, so the only way is to ask again and again.
        for _ in 0..3000 {
            if query_text(&self.url("postgres"), &reached) == [[Some("t".to_owned())]] {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the standby does not catch up");
    }
}

#[cfg(test)]
mod tests {
    use crate::postgres::{Postgres, execute, query_text};

    #[test]
    fn a_standby_follows_and_can_be_read() {
        let primary = Postgres::start();
        let standby = primary.standby(&[]);
        execute(
            &primary.url("postgres"),
            "create table t (a int); insert into t values (7)",
        );
        standby.catch_up(&primary);
        let found = query_text(&standby.url("postgres"), "select a, pg_is_in_recovery() from t");
        assert_eq!(found, [[Some("7".to_owned()), Some("t".to_owned())]]);
    }
}
