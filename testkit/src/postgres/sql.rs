//! Blocking SQL for tests, callable from async code too.

use std::thread;

use tokio::runtime::Builder;
use tokio_postgres::{Client, Error, NoTls, SimpleQueryMessage};

/// Runs statements on the database at `url`.
///
/// # Panics
/// When the server cannot be reached or refuses.
pub fn execute(url: &str, statements: &str) {
    with_client(url, async |client| client.batch_execute(statements).await)
        .unwrap_or_else(|error| panic!("the test's statements failed: {}\n{statements}", chain(&error)));
}

/// Runs a query on the database at `url` and returns PostgreSQL's own text of every value.
///
/// # Panics
/// When the server cannot be reached or refuses.
#[must_use]
pub fn query_text(url: &str, query: &str) -> Vec<Vec<Option<String>>> {
    let messages = with_client(url, async |client| client.simple_query(query).await)
        .unwrap_or_else(|error| panic!("the test's query failed: {}\n{query}", chain(&error)));
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|index| row.get(index).map(str::to_owned)).collect()),
        _ => None,
    });
    rows.collect()
}

/// Tells whether the server at `url` accepts connections.
pub(super) fn answers(url: &str) -> bool {
    match with_client(url, async |client| client.batch_execute("").await) {
        Ok(()) => true,
        // A server that asks for TLS, or for another user, is there.
        Err(error) => error.code().is_some_and(|code| code.code().starts_with("28")),
    }
}

/// Runs `work` on its own thread, because a thread that runs async code must not wait for other async code.
fn with_client<T: Send>(url: &str, work: impl AsyncFnOnce(&Client) -> Result<T, Error> + Send) -> Result<T, Error> {
    let session = async move || {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let connection = tokio::spawn(connection);
        let result = work(&client).await;
        drop(client);
        // The connection says goodbye to the server before the next statement of the test runs.
        let _ = connection.await;
        result
    };
    let run = move || {
        Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made")
            .block_on(session())
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn chain(error: &Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| format!("{error:?}"), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use crate::postgres::{Options, Postgres, TestDatabase};

    #[test]
    fn databases_are_apart_and_survive_a_restart() {
        let postgres = Postgres::start();
        let (one, two) = (postgres.create_database("one"), postgres.create_database("one"));
        assert_ne!(one.name, two.name);
        one.execute("create table t (a int); insert into t values (1), (null)");
        postgres.restart();
        assert_eq!(
            one.query_text("select a from t order by a"),
            [[Some("1".to_owned())], [None]]
        );
        assert_eq!(
            two.query_text("select count(*) from pg_tables where tablename = 't'"),
            [[Some("0".to_owned())]]
        );
        let directory = postgres.data_directory();
        assert!(directory.exists() && postgres.pid().is_some());
        drop(postgres);
        assert!(!directory.exists());
    }

    #[test]
    fn the_shared_cluster_can_be_used_from_async_code() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let rows = runtime.block_on(async { TestDatabase::create("async").query_text("select 1, null") });
        assert_eq!(rows, [[Some("1".to_owned()), None]]);
    }

    #[test]
    fn a_cluster_can_speak_tls() {
        let postgres = Postgres::start_with(&Options {
            tls_names: vec!["localhost".to_owned()],
            ..Options::default()
        });
        let database = postgres.create_database("tls");
        assert_eq!(database.query_text("show ssl"), [[Some("on".to_owned())]]);
        assert!(
            std::fs::read_to_string(postgres.authority())
                .unwrap()
                .starts_with("-----BEGIN CERTIFICATE")
        );
    }
}
