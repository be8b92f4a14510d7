//! Options as structures that can grow, and what they are in JSON, which the core reads.

use std::ffi::c_char;
use std::ptr::null;

use axis_core::Result;
use serde_json::{Map, Value, json};

use crate::gate::Gate;

/// A structure that begins with its size.
///
/// The bytes of it are any bytes: members are numbers and pointers.
pub(crate) trait Options: Default {
    /// The size that the first version had.
    const FIRST_SIZE: usize;
    /// More than any version will have: whoever says more has not set it.
    const LARGEST: usize = 1024;
    /// The macro that initialises it.
    const INITIALISER: &'static str;
}

/// How to sync. Begin with AXIS_SYNC_OPTIONS_INIT.
#[repr(C)]
#[derive(Debug)]
pub struct axis_sync_options {
    /// The size of the structure.
    pub struct_size: usize,
    /// AXIS_SYNC_MODE_AUTO, AXIS_SYNC_MODE_FULL or AXIS_SYNC_MODE_RECONCILE.
    pub mode: u32,
    /// The longest time in milliseconds; 0 for that of the dataset.
    pub timeout_ms: u64,
    /// A JSON object of options as in other languages, {"mode": "full", "timeout_ms": 1000}; its members win. NULL for none.
    pub json: *const c_char,
}

/// Incremental where possible.
pub const AXIS_SYNC_MODE_AUTO: u32 = 0;
/// A rebuild of every table.
pub const AXIS_SYNC_MODE_FULL: u32 = 1;
/// Incremental, and rows that were deleted in the source are looked for.
pub const AXIS_SYNC_MODE_RECONCILE: u32 = 2;

/// How to verify. Begin with AXIS_VERIFY_OPTIONS_INIT.
#[repr(C)]
#[derive(Debug)]
pub struct axis_verify_options {
    /// The size of the structure.
    pub struct_size: usize,
    /// 1 to sync first and compare in the snapshot of that sync, 0 to compare what is there.
    pub sync: u32,
    /// The longest time in milliseconds; 0 for that of the dataset.
    pub timeout_ms: u64,
    /// A JSON object of options as in other languages, {"sync": true, "timeout_ms": 1000}; its members win. NULL for none.
    pub json: *const c_char,
}

/// How to query. Begin with AXIS_QUERY_OPTIONS_INIT.
#[repr(C)]
#[derive(Debug)]
pub struct axis_query_options {
    /// The size of the structure.
    pub struct_size: usize,
    /// The longest time in milliseconds, reading of the answer included; 0 for none.
    pub timeout_ms: u64,
    /// The most rows; 0 for all.
    pub max_rows: u64,
    /// The UUID by which the query can be cancelled; NULL for a new one.
    pub id: *const c_char,
    /// Who asks, for the list of queries; NULL for nobody.
    pub client: *const c_char,
    /// A JSON object of options as in other languages, {"timeout_ms": 1000, "max_rows": 10}; its members win. NULL for none.
    pub json: *const c_char,
}

/// How to back up. Begin with AXIS_BACKUP_OPTIONS_INIT.
#[repr(C)]
#[derive(Debug)]
pub struct axis_backup_options {
    /// The size of the structure.
    pub struct_size: usize,
    /// AXIS_BACKUP_FORMAT_DUCKDB or AXIS_BACKUP_FORMAT_PARQUET.
    pub format: u32,
    /// A JSON object of options as in other languages, {"format": "parquet"}; its members win. NULL for none.
    pub json: *const c_char,
}

/// One file, with the DuckDB file in it.
pub const AXIS_BACKUP_FORMAT_DUCKDB: u32 = 0;
/// A folder with a Parquet file a table.
pub const AXIS_BACKUP_FORMAT_PARQUET: u32 = 1;

impl Default for axis_sync_options {
    fn default() -> Self {
        Self {
            struct_size: size_of::<Self>(),
            mode: AXIS_SYNC_MODE_AUTO,
            timeout_ms: 0,
            json: null(),
        }
    }
}

impl Default for axis_verify_options {
    fn default() -> Self {
        Self {
            struct_size: size_of::<Self>(),
            sync: 0,
            timeout_ms: 0,
            json: null(),
        }
    }
}

impl Default for axis_query_options {
    fn default() -> Self {
        Self {
            struct_size: size_of::<Self>(),
            timeout_ms: 0,
            max_rows: 0,
            id: null(),
            client: null(),
            json: null(),
        }
    }
}

impl Default for axis_backup_options {
    fn default() -> Self {
        Self {
            struct_size: size_of::<Self>(),
            format: AXIS_BACKUP_FORMAT_DUCKDB,
            json: null(),
        }
    }
}

impl Options for axis_sync_options {
    const FIRST_SIZE: usize = size_of::<Self>();
    const INITIALISER: &'static str = "AXIS_SYNC_OPTIONS_INIT";
}

impl Options for axis_verify_options {
    const FIRST_SIZE: usize = size_of::<Self>();
    const INITIALISER: &'static str = "AXIS_VERIFY_OPTIONS_INIT";
}

impl Options for axis_query_options {
    const FIRST_SIZE: usize = size_of::<Self>();
    const INITIALISER: &'static str = "AXIS_QUERY_OPTIONS_INIT";
}

impl Options for axis_backup_options {
    const FIRST_SIZE: usize = size_of::<Self>();
    const INITIALISER: &'static str = "AXIS_BACKUP_OPTIONS_INIT";
}

impl Gate {
    pub(crate) fn sync_options(&self, options: *const axis_sync_options) -> Result<Value> {
        let options = self.options(options, "options")?;
        let mut members = limits(options.timeout_ms);
        match options.mode {
            AXIS_SYNC_MODE_AUTO => {}
            AXIS_SYNC_MODE_FULL => drop(members.insert("mode".to_owned(), json!("full"))),
            AXIS_SYNC_MODE_RECONCILE => drop(members.insert("mode".to_owned(), json!("reconcile"))),
            // The core says what is allowed.
            unknown => drop(members.insert("mode".to_owned(), json!(unknown))),
        }
        self.with_more(members, options.json)
    }

    pub(crate) fn verify_options(&self, options: *const axis_verify_options) -> Result<Value> {
        let options = self.options(options, "options")?;
        let mut members = limits(options.timeout_ms);
        match options.sync {
            0 => {}
            1 => drop(members.insert("sync".to_owned(), json!(true))),
            unknown => drop(members.insert("sync".to_owned(), json!(unknown))),
        }
        self.with_more(members, options.json)
    }

    pub(crate) fn query_options(&self, options: *const axis_query_options) -> Result<Value> {
        let options = self.options(options, "options")?;
        let mut members = limits(options.timeout_ms);
        if options.max_rows > 0 {
            members.insert("max_rows".to_owned(), json!(options.max_rows));
        }
        for (name, text) in [("id", options.id), ("client", options.client)] {
            if let Some(text) = self.text_or_null(text, name)? {
                members.insert(name.to_owned(), json!(text));
            }
        }
        self.with_more(members, options.json)
    }

    pub(crate) fn backup_options(&self, options: *const axis_backup_options) -> Result<Value> {
        let options = self.options(options, "options")?;
        let mut members = Map::new();
        match options.format {
            AXIS_BACKUP_FORMAT_DUCKDB => {}
            AXIS_BACKUP_FORMAT_PARQUET => drop(members.insert("format".to_owned(), json!("parquet"))),
            // The core says what is allowed.
            unknown => drop(members.insert("format".to_owned(), json!(unknown))),
        }
        self.with_more(members, options.json)
    }

    fn with_more(&self, mut members: Map<String, Value>, more: *const c_char) -> Result<Value> {
        match self.json(more, "json")? {
            Value::Null => {}
            Value::Object(more) => members.extend(more),
            // The core says what is allowed.
            other => return Ok(other),
        }
        Ok(Value::Object(members))
    }
}

fn limits(timeout_ms: u64) -> Map<String, Value> {
    let mut members = Map::new();
    if timeout_ms > 0 {
        members.insert("timeout_ms".to_owned(), json!(timeout_ms));
    }
    members
}
