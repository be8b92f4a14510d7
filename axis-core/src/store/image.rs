//! A copy of an open store, as one moment has left it, while queries and syncs go on.
//!
//! A transaction that has written, and is rolled back at the end, keeps every checkpoint away: until the next checkpoint DuckDB
//! never overwrites a block that the last one has written, so the file can be copied while commits go to the write-ahead log.
//! What the log holds already is copied first. Blocks that only the log knows may be used again once a commit drops them; then
//! commits wait until the copy is done.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::Path;

use duckdb::Connection;

use super::claim::logs;
use super::{Limits, Reason, Store, fault};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::{Step, reach};
use crate::private;

/// How many bytes are copied between two looks at whether the copy is still wanted.
const PIECE: u64 = 16 << 20;
/// How often a checkpoint is tried that leaves no log behind; a load in another session writes to it at any time.
const TRIES: usize = 3;
/// Makes the transaction one that writes. Nobody sees the table, and nobody else makes one of this name.
const PIN: &str = "begin; create table _axis.backup_pin (i integer)";

impl Store {
    /// Copies the store to a new file, and its log beside it if there is one. `told` hears how many bytes of how many are copied.
    ///
    /// # Errors
    /// `Store` when files cannot be read or written, `Cancelled`, `Closed`; what was copied is then left there.
    pub(crate) async fn copy_to(
        &self,
        target: &Path,
        limits: &Limits,
        mut told: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<()> {
        let mut session = self.pool.session()?;
        // Before the writer: a commit must not wait for a checkpoint of ours.
        let mut held = tokio::select! {
            held = self.writer.lock() => Some(held),
            () = limits.cancel.cancelled() => {
                return Err(Error::new(ErrorKind::Cancelled, "the backup was cancelled").during("backup.copy"));
            }
        };
        self.fence.check()?;
        let path = self.fence.path().to_owned();
        let file = self.fence.reader()?;
        let to = target.to_owned();
        let has_log = session
            .run(limits.clone(), move |connection, reason| {
                pin(connection, &path)?;
                reach(Step::Pinned);
                let [log, ..] = logs(&path);
                let [copied, ..] = logs(&to);
                copy_log(&log, &copied, reason)
            })
            .await?;
        if !has_log {
            held = None;
        }
        let to = target.to_owned();
        session
            .run(limits.clone(), move |connection, reason| {
                let mut from = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let copied = copy(&mut from, &to, reason, &mut told);
                connection
                    .execute_batch("rollback")
                    .map_err(fault::store("backup.copy"))?;
                copied
            })
            .await?;
        drop(held);
        let pool = std::sync::Arc::clone(&self.pool);
        self.pool.spawn(move || {
            // The one that a sync could not make meanwhile.
            if let Ok(connection) = pool.checkout() {
                pool.checkpoint(&connection);
                pool.give_back(connection);
            }
        });
        Ok(())
    }
}

/// Makes a checkpoint, as far as others allow one, and keeps away those that would come.
fn pin(connection: &Connection, path: &Path) -> Result<()> {
    let fault = fault::store("backup.copy");
    let [log, ..] = logs(path);
    for left in (0..TRIES).rev() {
        // A load may forbid it; then the log is copied, too.
        let _ = connection.execute_batch("checkpoint");
        connection.execute_batch(PIN).map_err(&fault)?;
        if left == 0 || !log.exists() {
            break;
        }
        connection.execute_batch("rollback").map_err(&fault)?;
    }
    Ok(())
}

/// Copies what the write-ahead log holds at this moment; false when there is nothing in it. What comes after that belongs to later
/// commits, and a transaction that is only half written ends the log, as after a kill.
fn copy_log(from: &Path, to: &Path, reason: &Reason) -> Result<bool> {
    let mut log = match File::open(from) {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    let bytes = log.metadata().map_err(failed)?.len();
    if bytes == 0 {
        return Ok(false);
    }
    let mut copied = private::create(to).map_err(failed)?;
    copy_bytes(&mut log, &mut copied, bytes, reason, &mut |_, _| {})?;
    Ok(true)
}

fn copy(from: &mut File, to: &Path, reason: &Reason, told: &mut dyn FnMut(u64, u64)) -> Result<()> {
    from.seek(SeekFrom::Start(0)).map_err(failed)?;
    // What is written behind this end is of later commits.
    let bytes = from.metadata().map_err(failed)?.len();
    let mut copied = private::create(to).map_err(failed)?;
    copy_bytes(from, &mut copied, bytes, reason, told)
}

/// Copies by the kernel, which shares blocks where file systems can.
fn copy_bytes(
    from: &mut File,
    to: &mut File,
    bytes: u64,
    reason: &Reason,
    told: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let mut done = 0;
    while done < bytes {
        reason.check()?;
        let piece = from.by_ref().take(PIECE.min(bytes - done));
        match io::copy(&mut { piece }, to).map_err(failed)? {
            0 => break,
            copied => done += copied,
        }
        told(done, bytes);
        reach(Step::Copied);
    }
    Ok(())
}

fn failed(error: io::Error) -> Error {
    let message = if error.kind() == io::ErrorKind::StorageFull {
        "the disk that the backup goes to is full"
    } else {
        "the store cannot be copied; the directory of the backup must be writable"
    };
    Error::new(ErrorKind::Store, message)
        .during("backup.copy")
        .because(error)
}

#[cfg(test)]
mod tests {
    use super::super::offline::{Access, has_log, open_copy, settle};
    use super::super::{Keeper, Session};
    use super::*;
    use crate::config::Config;

    async fn run(session: &mut Session, sql: &'static str) {
        let run = session.run(Limits::default(), move |connection, _| {
            connection.execute_batch(sql).map_err(fault::store("test"))
        });
        run.await.unwrap();
    }

    /// Counts the rows of `t`, and the tables that there are beside it.
    fn look(path: &Path) -> (i64, i64) {
        let connection = open_copy(path, Access::Write, false).unwrap();
        settle(&connection).unwrap();
        let sql = "select (select count(*) from t), (select count(*) from duckdb_tables() where schema_name = 'main')";
        connection
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? - 1)))
            .unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_copy_holds_what_is_committed_whether_a_checkpoint_is_possible_or_not() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let (keeper, _) = Keeper::open(&Config::for_store(at("s.duckdb")).store, None)
            .await
            .unwrap();
        let store = keeper.store();
        let (mut writer, mut load) = (store.pool.session().unwrap(), store.pool.session().unwrap());
        run(
            &mut writer,
            "create table t as select range as i, uuid() as u from range(300000)",
        )
        .await;
        let limits = Limits::default();
        store.copy_to(&at("plain"), &limits, |_, _| {}).await.unwrap();
        assert!(!has_log(&at("plain")), "nobody forbids a checkpoint");
        assert_eq!(look(&at("plain")), (300_000, 0));
        // A load that is not committed forbids checkpoints, so that these rows are in the log alone.
        run(
            &mut load,
            "begin; create table unfinished as select range as i from range(1000)",
        )
        .await;
        run(&mut writer, "insert into t select range, uuid() from range(200000)").await;
        store.copy_to(&at("logged"), &limits, |_, _| {}).await.unwrap();
        assert!(has_log(&at("logged")), "there is no checkpoint");
        assert_eq!(look(&at("logged")), (500_000, 0));
        run(&mut load, "rollback").await;
        keeper.close().await;
    }
}
