//! Which server and which database a connection has reached: a name may lead to another one tomorrow.

use tokio_postgres::{Client, SimpleQueryMessage};

use super::sqlstate;
use crate::error::Result;

/// What was found out when the connection was made.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// Differs between clusters, between databases, and between the histories of one cluster (failover, point-in-time recovery).
    pub(super) identity: String,
    /// Whether the server compares texts, under `collate "C"`, by the bytes that it sends.
    pub(super) compares_sent_bytes: bool,
}

/// A database that was dropped and made again has another number.
const DATABASE: &str = "select oid, getdatabaseencoding() from pg_database where datname = current_database()";
/// Some services withhold these two from their users; then what is known decides.
const CLUSTER: &str = "select system_identifier from pg_control_system()";
const TIMELINE: &str =
    "select case when not pg_is_in_recovery() then substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end";

impl Server {
    /// Asks, in one round trip.
    pub(super) async fn ask(client: &Client) -> Result<Self> {
        let (database, cluster, timeline) = tokio::join!(
            client.simple_query(DATABASE),
            client.simple_query(CLUSTER),
            client.simple_query(TIMELINE)
        );
        let database = database.map_err(sqlstate::explain)?;
        let value = |messages: &[SimpleQueryMessage], index| {
            messages.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(index).map(str::to_owned),
                _ => None,
            })
        };
        let optional = |messages: std::result::Result<Vec<SimpleQueryMessage>, _>| {
            messages
                .ok()
                .and_then(|messages| value(&messages, 0))
                .unwrap_or_default()
        };
        let number = value(&database, 0).unwrap_or_default();
        let encoding = value(&database, 1).unwrap_or_default();
        Ok(Self {
            identity: format!("{}/{}/{number}", optional(cluster), optional(timeline)),
            compares_sent_bytes: matches!(encoding.as_str(), "UTF8" | "SQL_ASCII"),
        })
    }
}
