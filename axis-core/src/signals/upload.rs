//! CSV files with rows of signals.

use std::collections::BTreeMap;

use csv::{ReaderBuilder, StringRecord};

use super::case::{Case, Row};
use super::columns::{Columns, SHARED};
use super::record::fields;
use super::schema::{Collector, Description};
use crate::error::{Error, ErrorKind, Result};
use crate::uploads::{Limits, over};

/// How programs write a cell that holds nothing.
const NOTHING: [&str; 6] = ["", "NaN", "nan", "NULL", "null", "None"];

/// Reads the cases of a CSV file, ascending by id, and what they have in common.
///
/// # Errors
/// `InvalidArgument` when the file is no UTF-8 or no CSV, lacks columns or rows, or has a row that is longer than the header; when
/// it is too large, during [`OVER_LIMIT`](crate::uploads::OVER_LIMIT).
pub(super) fn read(bytes: &[u8], limits: Limits) -> Result<(Vec<Case>, Description)> {
    if bytes.len() > limits.bytes {
        return Err(over(format!("the file has more than {} bytes", limits.bytes)));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        wrong(format!("the file is not UTF-8; the first bad byte is in line {line}"))
    })?;
    if text.trim().is_empty() {
        return Err(wrong("the file is empty"));
    }
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(unreadable)?.clone();
    if header.len() > limits.columns {
        return Err(over(format!("the file has more than {} columns", limits.columns)));
    }
    let columns = Columns::find(&header)?;
    let mut cells = 0;
    let mut groups: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut count = 0_u64;
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        if record.len() > header.len() {
            let line = record.position().map_or(0, csv::Position::line);
            let message = format!(
                "line {line} has {} fields, the header has {}",
                record.len(),
                header.len()
            );
            return Err(wrong(message));
        }
        count += 1;
        cells += header.len();
        if cells > limits.cells {
            return Err(over(format!("the file has more than {} fields", limits.cells)));
        }
        if let Some(row) = row(&record, &columns) {
            groups.entry(row.case_id.clone()).or_default().push(row);
        }
    }
    if count == 0 {
        return Err(wrong("the file has a header and no rows"));
    }
    let cases: Vec<Case> = groups.into_values().filter_map(Case::of).collect();
    if cases.is_empty() {
        return Err(wrong("no row has a dataset_id"));
    }
    let mut collector = Collector::default();
    cases.iter().for_each(|case| collector.add(&case.metrics));
    Ok((cases, collector.finish(&columns, &fields())))
}

fn row(record: &StringRecord, columns: &Columns) -> Option<Row> {
    let cell = |index: usize| {
        let text = record.get(index)?;
        (!NOTHING.contains(&text.trim())).then(|| text.to_owned())
    };
    let mut shared = [const { None }; SHARED.len()];
    for (slot, index) in shared.iter_mut().zip(&columns.shared) {
        *slot = index.and_then(cell);
    }
    Some(Row {
        case_id: cell(columns.dataset_id)?,
        timestamp: columns.timestamp.and_then(cell),
        metric_name: cell(columns.metric_name),
        metric_category: columns.metric_category.and_then(cell),
        signals: cell(columns.signals),
        shared,
    })
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).during("signals.upload")
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over errors")]
fn unreadable(error: csv::Error) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    wrong(format!("the file cannot be read as CSV at line {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uploads::OVER_LIMIT;

    #[test]
    fn cases_are_read_from_rows() {
        let text = "\u{feff}Dataset ID,metric name,Signals,Source_Name,timestamp\n\
                    007,a,\"{'x': True}\",claims,2026-01-02\n\
                    001,a,\"{\"\"x\"\": false}\",,2026-01-01\n\
                    007,b,{},claims,2026-01-01\n\
                    ,a,{},x,y\n\
                    009,a\n";
        let (cases, description) = read(text.as_bytes(), Limits::default()).unwrap();
        let ids: Vec<&str> = cases.iter().map(|case| case.case_id.as_str()).collect();
        assert_eq!(ids, ["001", "007", "009"]);
        assert_eq!(cases[1].timestamp, "2026-01-01");
        assert_eq!(cases[0].source[0], None);
        assert_eq!(cases[1].metrics["a"].values["x"], true);
        assert_eq!(description.schema.metrics.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert!(description.schema.has_timestamp);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let header = "dataset_id,metric_name,signals,source_name\n";
        let says = |bytes: &[u8]| read(bytes, Limits::default()).unwrap_err().message().to_owned();
        assert_eq!(says(b" \n "), "the file is empty");
        assert_eq!(says(header.as_bytes()), "the file has a header and no rows");
        assert!(says(b"a,b\n1,2\n").contains("dataset_id"));
        assert_eq!(
            says(&[header.as_bytes(), b"1,m,{},\xff\n"].concat()),
            "the file is not UTF-8; the first bad byte is in line 2"
        );
        assert_eq!(
            says(format!("{header}1,m,{{}},s\n1,m,{{}},s,x\n").as_bytes()),
            "line 3 has 5 fields, the header has 4"
        );
        assert_eq!(
            says(format!("{header},m,{{}},s\n").as_bytes()),
            "no row has a dataset_id"
        );
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let file = b"dataset_id,metric_name,signals,source_name\n1,m,{},s\n2,m,{},s\n";
        let limits = Limits::default().bytes(file.len()).columns(4).cells(8);
        assert!(read(file, limits).is_ok());
        for (limits, words) in [
            (limits.bytes(file.len() - 1), "bytes"),
            (limits.columns(3), "3 columns"),
            (limits.cells(7), "7 fields"),
        ] {
            let error = read(file, limits).unwrap_err();
            assert_eq!(error.operation(), OVER_LIMIT);
            assert!(error.message().contains(words), "{error}");
        }
    }
}
