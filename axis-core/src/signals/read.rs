//! Reading the stored cases.

use duckdb::{Connection, Row as StoredRow};
use serde_json::{Map, Value};

use super::answer::{CasesAnswer, records};
use super::case::{Case, read_metrics};
use super::record::Layout;
use super::schema::Description;
use super::{RELATION, Signals};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{ColumnInfo, DatasetMetadata, columns_of, metadata_of};
use crate::query::{Page, PageRequest, SortDirection, check_page, condition};
use crate::source::ident::{ident, literal};
use crate::store::{Limits, description, fault};

/// The columns of a stored case, in the order in which [`read`] takes them.
const STORED: &str = r#""Case_ID", "source_name", "source_component", "source_type", "environment", "Slack_URL", "Agent_Name",
    "Business", "Full_Conversation", "Message_Count", "Timestamp", "evaluation_metadata", "actual_reference",
    "additional_output", "additional_input", "signals", "metric_categories""#;
/// The stored columns that clients never see as they are.
const INNER: [&str; 2] = ["signals", "metric_categories"];

impl Signals {
    /// Returns one page of cases, ascending by `Case_ID`; `None` when there are none yet.
    ///
    /// # Errors
    /// `InvalidArgument` for a page below 1 or a page size outside of 1 to 500; `Store`, `Closed`.
    pub async fn cases(&self, page: u64, page_size: u64) -> Result<Option<CasesAnswer>> {
        let mut request = PageRequest::default();
        (request.page, request.page_size) = (page, page_size);
        check_page(&request)?;
        let answer = self.slice(page_size, (page - 1) * page_size).await?;
        Ok(answer.map(|answer| CasesAnswer {
            page: Some(page),
            page_size: Some(page_size),
            ..answer
        }))
    }

    /// Returns the first cases and how they stand to their source; `None` when there are none yet.
    pub(super) async fn stored(&self, limit: u64) -> Result<Option<CasesAnswer>> {
        let answer = self.slice(limit, 0).await?;
        Ok(answer.map(|answer| CasesAnswer {
            standing: Some(self.standing((answer.data.len() as u64) < answer.row_count)),
            ..answer
        }))
    }

    async fn slice(&self, limit: u64, offset: u64) -> Result<Option<CasesAnswer>> {
        let visible = self.visible_metrics();
        let found = self.read(move |connection, description| {
            let table = ident(RELATION);
            // The ids alone are sorted; the rest is read for what is returned.
            let sql = format!(
                r#"select {STORED} from {table} where rowid in
                   (select rowid from {table} order by "Case_ID" limit {limit} offset {offset}) order by "Case_ID""#
            );
            let cases = cases(connection, &sql, Vec::new())?;
            let total = description.cases;
            let (data, layout) = records(&cases, description, &visible);
            Ok((data, layout, total))
        });
        let Some((data, layout, total)) = found.await? else {
            return Ok(None);
        };
        let message = format!("{} of {total} cases", data.len());
        let mut answer = self.answer(data, layout, total, message).await;
        answer.source = Some("duckdb".to_owned());
        Ok(Some(answer))
    }

    /// Returns one page of cases as [`Dataset::page`](crate::Dataset::page) does of rows, by default the latest first. Cases are
    /// sorted by any of their keys; texts that are numbers as numbers. The last resort is `Case_ID`.
    ///
    /// # Errors
    /// As [`Dataset::page`](crate::Dataset::page).
    pub async fn page(&self, request: PageRequest) -> Result<Page> {
        check_page(&request)?;
        let visible = self.visible_metrics();
        let (page, page_size) = (request.page, request.page_size);
        let found = self.read(move |connection, description| load(connection, &request, description, &visible));
        let (rows, total) = found.await?.unwrap_or_default();
        Ok(Page {
            rows,
            total,
            page,
            page_size,
        })
    }

    /// Returns what the cases hold, as [`Dataset::metadata`](crate::Dataset::metadata) does; `None` when there are none yet.
    ///
    /// # Errors
    /// `Store`, `Closed`.
    pub async fn metadata(&self) -> Result<Option<DatasetMetadata>> {
        let visible = self.visible_metrics();
        let found = self.read(move |connection, description| {
            let layout = Layout::new(description, &visible);
            let Some(mut metadata) = metadata_of(connection, RELATION)? else {
                return Ok(None);
            };
            let stored = std::mem::take(&mut metadata.columns);
            metadata.columns = layout.columns.iter().map(|name| shown(name, &stored)).collect();
            metadata.filter_values.retain(|name, _| layout.columns.contains(name));
            if !layout.schema.has_timestamp {
                metadata.time_range = None;
            }
            Ok(Some(metadata))
        });
        Ok(found.await?.flatten())
    }

    pub(super) async fn description(&self) -> Result<Option<Description>> {
        self.read(|_, description| Ok(description)).await
    }

    /// Works on one version of the cases; `None` when they were never made.
    async fn read<T, F>(&self, work: F) -> Result<Option<T>>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Description) -> Result<T> + Send + 'static,
    {
        self.dataset.check_readable()?;
        let store = self.dataset.engine().readable().await?;
        let fault = fault::store("signals.read");
        let reading = store.pool.read(Limits::default(), move |connection, _| {
            connection
                .execute_batch("begin transaction read only")
                .map_err(&fault)?;
            let found = described(connection)?
                .map(|description| work(connection, description))
                .transpose()?;
            connection.execute_batch("commit").map_err(&fault)?;
            Ok(found)
        });
        reading.await
    }
}

fn described(connection: &Connection) -> Result<Option<Description>> {
    let Some(text) = description(connection, RELATION)? else {
        return Ok(None);
    };
    if text.is_empty() {
        return Ok(Some(Description::default()));
    }
    let described = serde_json::from_str(&text).map_err(|error| {
        Error::new(ErrorKind::Store, "what is stored about the cases cannot be read")
            .during("signals.read")
            .because(error)
    })?;
    Ok(Some(described))
}

/// A column as clients see it.
fn shown(name: &str, stored: &[ColumnInfo]) -> ColumnInfo {
    let found = stored
        .iter()
        .find(|column| column.column_name == name && !INNER.contains(&name));
    ColumnInfo {
        column_name: name.to_owned(),
        column_type: found.map_or_else(|| "JSON".to_owned(), |column| column.column_type.clone()),
    }
}

fn load(
    connection: &Connection,
    request: &PageRequest,
    description: Description,
    visible: &[String],
) -> Result<(Vec<Map<String, Value>>, u64)> {
    let stored_cases = description.cases;
    let layout = Layout::new(description, visible);
    let stored: Vec<ColumnInfo> = columns_of(connection, RELATION)?
        .into_iter()
        .filter(|column| !INNER.contains(&&*column.column_name))
        .collect();
    let (condition, params) = condition(&request.filters, &stored)?;
    let find = |wanted: &str| layout.columns.iter().find(|name| name.eq_ignore_ascii_case(wanted));
    let sort = request.sort_by.as_deref().and_then(find);
    let direction = match request.direction {
        SortDirection::Ascending => "asc",
        SortDirection::Descending => "desc",
    };
    let by = match sort.map_or_else(|| Some("Timestamp"), |name| Some(name.as_str())) {
        Some(name) if stored.iter().any(|column| column.column_name == name) => {
            format!("{} {direction} nulls last", ident(name))
        }
        Some(name) => {
            let value = layout.expression(name);
            format!("try_cast({value} as double) {direction} nulls last, {value} {direction} nulls last")
        }
        None => String::new(),
    };
    let table = ident(RELATION);
    let offset = (request.page - 1) * request.page_size;
    let order = format!(r#"order by {by}, "Case_ID" asc"#);
    let sql = format!(
        "select {STORED} from {table} where rowid in
         (select rowid from {table}{condition} {order} limit {} offset {offset}) {order}",
        request.page_size
    );
    let total = if condition.is_empty() {
        stored_cases
    } else {
        count(connection, &condition, params.clone())?
    };
    let found = cases(connection, &sql, params)?;
    let mut chosen: Vec<&String> = request.columns.iter().filter_map(|name| find(name)).collect();
    if let (false, Some(sort)) = (chosen.is_empty(), sort)
        && !chosen.contains(&sort)
    {
        chosen.push(sort);
    }
    let rows = found.iter().map(|case| {
        let mut record = layout.record(case);
        if chosen.is_empty() {
            return record;
        }
        let picked = chosen.iter().filter_map(|name| record.remove_entry(name.as_str()));
        picked.collect()
    });
    Ok((rows.collect(), total))
}

impl Layout {
    /// The SQL of a key that is no column of its own: a signal of one metric, or one that all repeat. Always a text.
    fn expression(&self, name: &str) -> String {
        let part = |text: &str| text.replace('~', "~0").replace('/', "~1");
        let value = |metric: &str, signal: &str| {
            let pointer = literal(&format!("/{}/{}", part(metric), part(signal)));
            format!(r#"json_extract_string("signals", {pointer})"#)
        };
        if let Some((_, metric, signal)) = self.cells.iter().find(|(column, ..)| column == name) {
            return value(metric, signal);
        }
        let all = self.metrics().map(|metric| value(metric, name)).collect::<Vec<_>>();
        format!("coalesce({}, null)", all.join(", "))
    }
}

fn count(connection: &Connection, condition: &str, params: Vec<duckdb::types::Value>) -> Result<u64> {
    let sql = format!("select count(*) from {}{condition}", ident(RELATION));
    let rows: i64 = connection
        .query_row(&sql, duckdb::params_from_iter(params), |row| row.get(0))
        .map_err(fault::store("signals.read"))?;
    Ok(rows.cast_unsigned())
}

fn cases(connection: &Connection, sql: &str, params: Vec<duckdb::types::Value>) -> Result<Vec<Case>> {
    let fault = fault::store("signals.read");
    let mut statement = connection.prepare(sql).map_err(&fault)?;
    let rows = statement
        .query_map(duckdb::params_from_iter(params), read)
        .map_err(&fault)?;
    rows.collect::<duckdb::Result<_>>().map_err(&fault)
}

fn read(row: &StoredRow<'_>) -> duckdb::Result<Case> {
    let conversation: String = row.get(8)?;
    let (signals, categories): (String, String) = (row.get(15)?, row.get(16)?);
    Ok(Case {
        case_id: row.get(0)?,
        source: [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?],
        slack_url: row.get(5)?,
        agent_name: row.get(6)?,
        business: row.get(7)?,
        conversation: serde_json::from_str(&conversation).unwrap_or_default(),
        message_count: row.get(9)?,
        timestamp: row.get(10)?,
        carried: [row.get(11)?, row.get(12)?, row.get(13)?],
        additional_input: row.get(14)?,
        metrics: read_metrics(&signals, &categories),
    })
}
