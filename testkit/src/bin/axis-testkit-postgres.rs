//! A throw-away PostgreSQL for tests that are not written in Rust: one request a line on stdin, one answer a line on stdout.
//!
//! Fields are separated by tabs, SQL is a JSON string, and the first line printed is the address of the server. It ends with
//! stdin.
//!
//! ```text
//! database              -> the address of a new database
//! sql  ADDRESS SQL      -> ok  [[text or null, ..] of each row]
//! hold NAME ADDRESS SQL -> ok  runs SQL in a transaction that stays open
//! release NAME          -> ok  and rolls it back
//! ```
//!
//! What goes wrong is answered with `error` and the message as a JSON string.

use std::collections::HashMap;
use std::io::{self, BufRead as _, Write as _};

use axis_testkit::postgres::Postgres;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Error, NoTls, SimpleQueryMessage};

fn main() -> io::Result<()> {
    let mut server = Server {
        postgres: Postgres::start(),
        runtime: Builder::new_current_thread().enable_all().build()?,
        held: HashMap::new(),
    };
    let mut answers = io::stdout().lock();
    writeln!(answers, "{}", server.postgres.url("postgres"))?;
    answers.flush()?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let fields: Vec<&str> = line.split('\t').collect();
        match server.answer(&fields) {
            Ok(answer) => writeln!(answers, "{answer}")?,
            Err(message) => writeln!(answers, "error\t{}", json!(message))?,
        }
        answers.flush()?;
    }
    Ok(())
}

struct Server {
    postgres: Postgres,
    runtime: Runtime,
    held: HashMap<String, Session>,
}

impl Server {
    fn answer(&mut self, fields: &[&str]) -> Result<String, String> {
        match fields {
            ["database"] => Ok(self.postgres.create_database("case").url),
            ["sql", url, sql] => self.run(url, &text(sql)?).map(|(_, rows)| format!("ok\t{rows}")),
            ["hold", name, url, sql] => {
                let (session, _) = self.run(url, &format!("begin; {}", text(sql)?))?;
                self.held.insert((*name).to_owned(), session);
                Ok("ok".to_owned())
            }
            ["release", name] => {
                let session = self
                    .held
                    .remove(*name)
                    .ok_or_else(|| format!("nothing is held as `{name}`"))?;
                self.runtime.block_on(session.end());
                Ok("ok".to_owned())
            }
            _ => Err("unknown request; there are: database, sql, hold, release".to_owned()),
        }
    }

    fn run(&self, url: &str, sql: &str) -> Result<(Session, Value), String> {
        let run = async {
            let session = Session::open(url).await?;
            let messages = session.client.simple_query(sql).await?;
            let rows = messages.iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|index| json!(row.get(index))).collect()),
                _ => None,
            });
            Ok((session, Value::Array(rows.collect())))
        };
        self.runtime.block_on(run).map_err(|error: Error| {
            let told = error.as_db_error().map(|error| error.message().to_owned());
            told.unwrap_or_else(|| error.to_string())
        })
    }
}

struct Session {
    client: Client,
    connection: JoinHandle<Result<(), Error>>,
}

impl Session {
    async fn open(url: &str) -> Result<Self, Error> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let connection = tokio::spawn(connection);
        Ok(Self { client, connection })
    }

    /// Waits until the goodbye is said; the server lets the locks go at that.
    async fn end(self) {
        drop(self.client);
        let _ = self.connection.await;
    }
}

fn text(json: &str) -> Result<String, String> {
    serde_json::from_str(json).map_err(|_| "SQL is given as a JSON string".to_owned())
}
