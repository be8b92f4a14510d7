//! The texts that `search` looks into, in memory: those of a joined relation's records, in small letters and one after the other,
//! so that one pass finds a word in all of them. A record is looked at once, however many results it has.

use std::collections::HashMap;

use arrow::array::AsArray;
use arrow::record_batch::RecordBatch;
use duckdb::Connection;
use regex::bytes::RegexBuilder;

use super::page::SEARCHED;
use crate::analytics::frame::{Frame, Records};
use crate::config::ViewConfig;
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::columns_of;
use crate::source::ident::ident;
use crate::store::{Limits, Reason, each_batch, stored_generation};

/// Stands between texts. None of PostgreSQL's has it, and a search that has it is not looked for here.
const BETWEEN: char = '\0';

/// The texts of all records.
#[derive(Debug)]
pub(crate) struct Texts {
    all: Vec<u8>,
    /// Where the texts of each record begin.
    starts: Vec<usize>,
    /// The code of each record in the frame; 0 when it has no results.
    records: Vec<u32>,
}

impl Texts {
    /// Returns the texts for a frame, reading them at the first call; `None` when the search cannot be told from them.
    pub(crate) async fn of<'f>(dataset: &Dataset, frame: &'f Frame) -> Result<Option<&'f Self>> {
        let texts = frame.texts.get_or_try_init(|| load(dataset, frame)).await?;
        Ok(texts.as_ref())
    }

    /// Tells of each record's code whether one of its texts contains `wanted`, which is in small letters; `None` when that cannot be
    /// told.
    pub(super) fn matching(&self, wanted: &str, cardinality: usize) -> Option<Vec<bool>> {
        if wanted.contains(BETWEEN) {
            return None;
        }
        let pattern = RegexBuilder::new(&regex::escape(wanted)).unicode(false).build().ok()?;
        let mut matching = vec![false; cardinality];
        let mut from = 0;
        while let Some(found) = pattern.find_at(&self.all, from) {
            let record = self.starts.partition_point(|start| *start <= found.start()) - 1;
            matching[self.records[record] as usize] = true;
            match self.starts.get(record + 1) {
                Some(next) => from = *next,
                None => break,
            }
        }
        // Those without results are all called so.
        matching[0] = false;
        Some(matching)
    }
}

async fn load(dataset: &Dataset, frame: &Frame) -> Result<Option<Texts>> {
    let (
        ViewConfig::Join {
            dataset: left, results, ..
        },
        Some(records),
    ) = (&dataset.config().view, &frame.records)
    else {
        return Ok(None);
    };
    let (left, results) = (left.clone(), results.clone());
    let codes = codes(records);
    let (name, generation) = (dataset.name().to_owned(), frame.generation);
    let store = dataset.engine().readable().await?;
    let limit = dataset.engine().config.store.frame_memory_limit;
    let limit = usize::try_from(limit.unwrap_or(store.pool.memory()) / 2).unwrap_or(usize::MAX);
    let work = move |connection: &Connection, reason: &Reason| {
        if stored_generation(connection, &name)? != generation {
            return Ok(None);
        }
        read(connection, reason, &left, &results, &codes, limit)
    };
    store.pool.snapshot(Limits::default(), work).await
}

fn codes(records: &Records) -> HashMap<std::sync::Arc<str>, u32> {
    (1..)
        .zip(&records.names)
        .map(|(code, name)| (std::sync::Arc::clone(name), code))
        .collect()
}

fn read(
    connection: &Connection,
    reason: &Reason,
    left: &str,
    results: &str,
    codes: &HashMap<std::sync::Arc<str>, u32>,
    limit: usize,
) -> Result<Option<Texts>> {
    let is_searched = |name: &str| SEARCHED.iter().any(|searched| searched.eq_ignore_ascii_case(name));
    let of_results = columns_of(connection, results)?;
    if of_results.iter().any(|column| is_searched(&column.column_name)) {
        // Results have texts of their own.
        return Ok(None);
    }
    let columns = columns_of(connection, left)?;
    let searched = columns.iter().filter(|column| is_searched(&column.column_name));
    let list: Vec<String> = searched
        .map(|column| format!("coalesce(lower({}::varchar), '')", ident(&column.column_name)))
        .collect();
    if list.is_empty()
        || !columns
            .iter()
            .any(|column| column.column_name.eq_ignore_ascii_case("dataset_id"))
    {
        return Ok(None);
    }
    let sql = format!("select dataset_id::varchar, {} from {}", list.join(", "), ident(left));
    let mut texts = Texts {
        all: Vec::new(),
        starts: Vec::new(),
        records: Vec::new(),
    };
    let mut seen = vec![false; codes.len() + 1];
    let mut fits = true;
    each_batch(connection, &sql, "query.search", |batch| {
        reason.check()?;
        fits = fits && texts.all.len() <= limit && texts.push(&batch, codes, &mut seen)?;
        Ok(())
    })?;
    Ok(Some(texts).filter(|_| fits))
}

impl Texts {
    /// Takes the records of a batch; false when there are several of one name, which multiply their results.
    fn push(
        &mut self,
        batch: &RecordBatch,
        codes: &HashMap<std::sync::Arc<str>, u32>,
        seen: &mut [bool],
    ) -> Result<bool> {
        let columns = batch.columns().iter().map(|column| column.as_string_opt::<i32>());
        let columns = columns.collect::<Option<Vec<_>>>().ok_or_else(|| {
            Error::new(ErrorKind::Internal, "a column has another type than was asked for").during("query.search")
        })?;
        let Some((names, texts)) = columns.split_first() else {
            return Ok(false);
        };
        for (row, name) in names.iter().enumerate() {
            let code = name.and_then(|name| codes.get(name)).copied().unwrap_or_default();
            if code != 0 && std::mem::replace(&mut seen[code as usize], true) {
                return Ok(false);
            }
            self.starts.push(self.all.len());
            self.records.push(code);
            for text in texts {
                self.all.extend_from_slice(text.value(row).as_bytes());
                self.all.push(BETWEEN as u8);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_their_records_and_never_across_two_texts() {
        let mut texts = Texts {
            all: Vec::new(),
            starts: Vec::new(),
            records: Vec::new(),
        };
        for (record, words) in [
            (2, ["ab", "c"]),
            (0, ["ab", "ab"]),
            (1, ["", "x.*"]),
            (3, ["c", "aaaa"]),
        ] {
            texts.starts.push(texts.all.len());
            texts.records.push(record);
            for word in words {
                texts.all.extend_from_slice(word.as_bytes());
                texts.all.push(0);
            }
        }
        for (wanted, expected) in [
            ("a", [false, false, true, true]),
            ("ab", [false, false, true, false]),
            ("bc", [false; 4]),
            ("c", [false, false, true, true]),
            (".*", [false, true, false, false]),
            ("aaaaa", [false; 4]),
        ] {
            assert_eq!(texts.matching(wanted, 4).unwrap(), expected, "{wanted}");
        }
        assert_eq!(texts.matching("a\0", 4), None);
    }
}
