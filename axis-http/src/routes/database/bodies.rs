//! What clients send to the database wizard. The fields are the document's, and are read by hand so that every wrong one is named.

use axis_core::browse::{TableName, TableRead};
use axis_core::config::TlsMode;
use serde_json::Value;
use utoipa::ToSchema;

use crate::extract::Fields;

/// The most rows that each kind of request may ask for.
pub(super) const PREVIEW_MAX: i64 = 1_000;
pub(super) const DISTINCT_MAX: i64 = 10_000;
pub(super) const SQL_PREVIEW_MAX: i64 = 100;
pub(super) const IMPORT_MAX: i64 = 10_000;
pub(super) const SQL_IMPORT_MAX: i64 = 50_000;
/// The longest name that PostgreSQL keeps whole.
const NAME_MAX: usize = 63;

const TLS: [(&str, TlsMode); 5] = [
    ("disable", TlsMode::Disable),
    ("prefer", TlsMode::Prefer),
    ("require", TlsMode::Require),
    ("verify-ca", TlsMode::VerifyCa),
    ("verify-full", TlsMode::VerifyFull),
];

/// A server to connect to.
#[derive(ToSchema)]
#[schema(as = DatabaseConnection)]
pub(super) struct ConnectBody {
    /// Host name or address.
    #[schema(min_length = 1)]
    pub(super) host: String,
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 65_535, default = 5432)]
    pub(super) port: u16,
    #[schema(min_length = 1)]
    pub(super) database: String,
    #[schema(min_length = 1)]
    pub(super) username: String,
    /// Eight asterisks stand for the password that is stored for this very server, database and user.
    #[schema(format = Password)]
    pub(super) password: String,
    /// `disable`, `prefer`, `require`, `verify-ca` or `verify-full`; the configuration of that server may demand more.
    #[schema(value_type = Option<String>, default = "require")]
    pub(super) ssl_mode: TlsMode,
    /// `postgres`, the only kind of database.
    #[schema(value_type = Option<String>, default = "postgres")]
    #[expect(dead_code, reason = "there is one value, which is checked when it is read")]
    pub(super) db_type: (),
}

impl ConnectBody {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        let words = TLS.map(|(word, _)| word);
        Self {
            host: plain(fields, "host"),
            port: u16::try_from(fields.integer("port", 1..=65_535, 5432)).unwrap_or(5432),
            database: plain(fields, "database"),
            username: plain(fields, "username"),
            password: fields.required_text("password"),
            ssl_mode: TLS[fields.choice("ssl_mode", &words, 2)].1,
            db_type: {
                fields.choice("db_type", &["postgres"], 0);
            },
        }
    }
}

/// A text that is not blank and has no control characters.
fn plain(fields: &Fields<'_>, name: &str) -> String {
    let text = fields.filled_text(name);
    if text.contains(char::is_control) {
        fields.wrong(
            name,
            "value_error",
            "Value error, control characters are not allowed",
            None,
        );
    }
    text
}

/// A column, and the name that it gets.
#[derive(ToSchema)]
#[schema(as = DatabaseMapping)]
pub(super) struct MappingBody {
    #[schema(min_length = 1)]
    source: String,
    #[schema(min_length = 1, max_length = 63)]
    target: String,
}

/// A column, and the value that it equals.
#[derive(ToSchema)]
#[schema(as = DatabaseFilter)]
pub(super) struct FilterBody {
    #[schema(min_length = 1)]
    column: String,
    /// A text, a number, a truth value or null.
    #[schema(value_type = Option<String>)]
    value: Value,
}

/// The distinct values of a column.
#[derive(ToSchema)]
#[schema(as = DatabaseDistinctValues)]
pub(super) struct DistinctBody {
    pub(super) table: TableName,
    #[schema(min_length = 1)]
    pub(super) column: String,
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 10_000, default = 100)]
    pub(super) limit: usize,
}

impl DistinctBody {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        Self {
            table: table(fields),
            column: fields.filled_text("column"),
            limit: rows(fields, DISTINCT_MAX, 100),
        }
    }
}

/// The first rows of a table.
#[derive(ToSchema)]
#[schema(as = DatabaseTablePreview)]
pub(super) struct PreviewBody {
    pub(super) table: TableName,
    /// All columns under their own names when empty.
    #[schema(value_type = Option<Vec<MappingBody>>)]
    mappings: Vec<MappingBody>,
    /// All of them must hold.
    #[schema(value_type = Option<Vec<FilterBody>>)]
    filters: Vec<FilterBody>,
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 1_000, default = 10)]
    pub(super) limit: usize,
}

impl PreviewBody {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        Self {
            table: table(fields),
            mappings: mappings(fields),
            filters: filters(fields),
            limit: rows(fields, PREVIEW_MAX, 10),
        }
    }

    pub(super) fn what(&mut self) -> TableRead {
        what(std::mem::take(&mut self.mappings), std::mem::take(&mut self.filters))
    }
}

/// The rows of one SELECT.
#[derive(ToSchema)]
#[schema(as = DatabaseQuery)]
pub(super) struct QueryBody {
    /// One SELECT; its own LIMIT, comments and a semicolon at the end are fine.
    #[schema(min_length = 1)]
    pub(super) query: String,
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 100, default = 10)]
    pub(super) limit: usize,
}

impl QueryBody {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        Self {
            query: fields.filled_text("query"),
            limit: rows(fields, SQL_PREVIEW_MAX, 10),
        }
    }
}

/// Rows of a table to be imported.
#[derive(ToSchema)]
#[schema(as = DatabaseTableImport)]
pub(super) struct TableImportBody {
    /// The handle of the path, if given.
    pub(super) handle: Option<String>,
    pub(super) table: TableName,
    /// All columns under their own names when empty.
    #[schema(value_type = Option<Vec<MappingBody>>)]
    mappings: Vec<MappingBody>,
    /// All of them must hold.
    #[schema(value_type = Option<Vec<FilterBody>>)]
    filters: Vec<FilterBody>,
    /// The configured `row_limit` unless given.
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 10_000)]
    pub(super) limit: usize,
    /// Whether to leave out repetitions of the same id and metric.
    #[schema(value_type = Option<bool>, default = true)]
    pub(super) dedupe_on_id: bool,
}

impl TableImportBody {
    pub(super) fn read(fields: &Fields<'_>, default: i64) -> Self {
        Self {
            handle: fields.text("handle"),
            table: table(fields),
            mappings: mappings(fields),
            filters: filters(fields),
            limit: rows(fields, IMPORT_MAX, default.min(IMPORT_MAX)),
            dedupe_on_id: fields.boolean("dedupe_on_id", true),
        }
    }

    pub(super) fn what(&mut self) -> TableRead {
        what(std::mem::take(&mut self.mappings), std::mem::take(&mut self.filters))
    }
}

/// The rows of one SELECT to be imported.
#[derive(ToSchema)]
#[schema(as = DatabaseQueryImport)]
pub(super) struct QueryImportBody {
    /// The handle of the path, if given.
    pub(super) handle: Option<String>,
    /// One SELECT.
    #[schema(min_length = 1)]
    pub(super) query: String,
    /// The configured `row_limit` unless given.
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 50_000)]
    pub(super) limit: usize,
    /// Whether to leave out repetitions of the same id and metric.
    #[schema(value_type = Option<bool>, default = true)]
    pub(super) dedupe_on_id: bool,
}

impl QueryImportBody {
    pub(super) fn read(fields: &Fields<'_>, default: i64) -> Self {
        Self {
            handle: fields.text("handle"),
            query: fields.filled_text("query"),
            limit: rows(fields, SQL_IMPORT_MAX, default.min(SQL_IMPORT_MAX)),
            dedupe_on_id: fields.boolean("dedupe_on_id", true),
        }
    }
}

fn mappings(fields: &Fields<'_>) -> Vec<MappingBody> {
    fields.objects("mappings", |item| {
        let target = item.filled_text("target");
        if target.len() > NAME_MAX || target.contains('\0') {
            let message = "Value error, a name has at most 63 bytes";
            item.wrong("target", "value_error", message, None);
        }
        MappingBody {
            source: item.required_text("source"),
            target,
        }
    })
}

fn filters(fields: &Fields<'_>) -> Vec<FilterBody> {
    fields.objects("filters", |item| {
        let value = item.value("value").cloned().unwrap_or_default();
        if value.is_array() || value.is_object() {
            let message = "Value error, a text, a number, a truth value or null is allowed";
            item.wrong("value", "value_error", message, None);
        }
        FilterBody {
            column: item.required_text("column"),
            value,
        }
    })
}

fn what(mappings: Vec<MappingBody>, filters: Vec<FilterBody>) -> TableRead {
    let mappings = mappings.into_iter().map(|item| (item.source, item.target));
    let filters = filters.into_iter().map(|item| (item.column, item.value));
    TableRead::default()
        .mappings(mappings.collect())
        .filters(filters.collect())
}

fn table(fields: &Fields<'_>) -> TableName {
    fields.object("table", |table| {
        let schema = table.text("schema_name").unwrap_or_else(|| "public".to_owned());
        TableName::new(schema, table.filled_text("name"))
    })
}

fn rows(fields: &Fields<'_>, most: i64, default: i64) -> usize {
    usize::try_from(fields.integer("limit", 1..=most, default)).unwrap_or(1)
}
