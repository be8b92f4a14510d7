//! The decoder alone: any cut, any bytes.

use axis_testkit::postgres::{TestDatabase, shared};
use futures::TryStreamExt as _;
use proptest::prelude::*;

use super::super::decode::Decoder;
use super::{Batch, Bench, Value};
use crate::column::BATCH_ROWS;
use crate::error::{ErrorKind, Result};
use crate::source::SourceColumn;

const QUERY: &str = "select n, n::numeric(20,4) / 7 as d, repeat('é', n % 40) as t, nullif(n % 3, 0) as z,
    array[n, null, n + 1] as l, now() as w, (n || ' days')::interval as i, n::numeric(12,3) as e
    from generate_series(1, 5000) as n";

/// A real stream, and the columns that describe it.
fn recorded() -> (Vec<SourceColumn>, Vec<u8>) {
    let database = TestDatabase::create("stream");
    let bench = Bench::on(&database);
    let mut snapshot = bench.snapshot().unwrap();
    let columns = bench.describe(&mut snapshot, QUERY).unwrap();
    let bytes = bench.runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&shared().url(&database.name), tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let stream = client
            .copy_out(&format!("copy ({QUERY}) to stdout (format binary)"))
            .await
            .unwrap();
        stream
            .try_fold(Vec::new(), async |mut all, chunk| {
                all.extend_from_slice(&chunk);
                Ok(all)
            })
            .await
            .unwrap()
    });
    (columns, bytes)
}

/// Decodes chunks the way the reader does.
fn decode(columns: &[SourceColumn], chunks: impl IntoIterator<Item = Vec<u8>>) -> Result<Vec<Vec<Value>>> {
    let mut decoder = Decoder::new(columns.to_vec())?;
    let (mut rows, mut batch, mut filled) = (Vec::new(), Batch::new(columns.len()), 0);
    for chunk in chunks {
        let mut chunk = chunk.as_slice();
        while !chunk.is_empty() {
            filled = decoder.decode(&mut chunk, &mut batch, filled)?;
            if filled == BATCH_ROWS {
                rows.extend(batch.rows(filled));
                (batch, filled) = (Batch::new(columns.len()), 0);
            }
        }
    }
    rows.extend(batch.rows(filled));
    decoder.finish().map(|()| rows)
}

#[test]
fn a_stream_may_be_cut_anywhere_and_survives_damage() {
    let (columns, bytes) = recorded();
    let whole = decode(&columns, [bytes.clone()]).unwrap();
    assert_eq!(whole.len(), 5000);
    assert_eq!(whole[6][0], Value::Integer(7));
    assert_eq!(whole[6][7], Value::Integer(7000));
    for size in [1, 2, 3, 7, 64, 1000, 65_536] {
        assert!(
            decode(&columns, bytes.chunks(size).map(<[u8]>::to_vec)).unwrap() == whole,
            "chunks of {size}"
        );
    }
    let config = ProptestConfig::with_cases(200);
    proptest!(config.clone(), |(cuts in proptest::collection::vec(0..bytes.len(), 0..20))| {
        let mut cuts = cuts;
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec());
        prop_assert!(decode(&columns, chunks).unwrap() == whole);
    });
    let start = &bytes[..4000];
    proptest!(config.clone(), |(at in 0..4000_usize, value: u8, cut in 0..4000_usize)| {
        let mut damaged = start.to_vec();
        damaged[at] = value;
        // Whatever comes out, it is an answer or an error; the trailer is missing, so a clean end is impossible.
        prop_assert!(decode(&columns, [damaged[..cut].to_vec(), damaged[cut..].to_vec()]).is_err());
    });
    proptest!(config, |(tail in proptest::collection::vec(any::<u8>(), 0..200))| {
        let _ = decode(&columns, [[&bytes[..19], &tail].concat()]);
        let _ = decode(&columns, [tail]);
    });
}

#[test]
fn a_wrong_stream_is_named() {
    let (columns, bytes) = recorded();
    let kind = |bytes: &[u8]| decode(&columns, [bytes.to_vec()]).unwrap_err().kind();
    assert_eq!(kind(&bytes[..bytes.len() - 2]), ErrorKind::SourceUnavailable);
    assert_eq!(kind(&bytes[..100]), ErrorKind::SourceUnavailable);
    assert_eq!(kind(b""), ErrorKind::SourceUnavailable);
    assert_eq!(kind(b"not a copy stream at all"), ErrorKind::Internal);
    assert_eq!(kind(&[&bytes[..], b"x"].concat()), ErrorKind::Internal);
    let flags = [&bytes[..11], &[0, 1, 0, 0], &bytes[15..]].concat();
    assert_eq!(kind(&flags), ErrorKind::Internal);
    let huge_extension = [&bytes[..15], &[0x7f, 0xff, 0xff, 0xff], &bytes[19..]].concat();
    assert_eq!(kind(&huge_extension), ErrorKind::SourceUnavailable);
    let extension = [&bytes[..15], &[0, 0, 0, 3, 1, 2, 3], &bytes[19..]].concat();
    assert_eq!(decode(&columns, [extension]).unwrap().len(), 5000);
    let fields = [&bytes[..19], &[0, 9], &bytes[21..]].concat();
    assert_eq!(kind(&fields), ErrorKind::SchemaMismatch);
    let negative = [&bytes[..21], &[0xff, 0xff, 0xff, 0xfe], &bytes[25..]].concat();
    assert_eq!(kind(&negative), ErrorKind::Internal);
}
