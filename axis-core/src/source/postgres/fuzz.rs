//! The decoder under any bytes in any pieces, beside a straightforward reading of the same bytes.

use tokio_postgres::types::Type;

use super::collected::{Batch, Value};
use super::decode::Decoder;
use super::types::Carriage;
use crate::column::{BATCH_ROWS, Column};
use crate::config::TypePolicy;
use crate::error::{Error, ErrorKind};
use crate::source::{SourceColumn, Wire};

/// Types and modifiers that a byte of the input chooses from.
const TYPES: [(Type, i32); 24] = [
    (Type::INT4, -1),
    (Type::TEXT, -1),
    (Type::NUMERIC, (12 << 16 | 6) + 4),
    (Type::NUMERIC, (38 << 16) + 4),
    (Type::NUMERIC, -1),
    (Type::INT4_ARRAY, -1),
    (Type::TEXT_ARRAY, -1),
    (Type::NUMERIC_ARRAY, (38 << 16 | 38) + 4),
    (Type::BOOL, -1),
    (Type::INT2, -1),
    (Type::INT8, -1),
    (Type::OID, -1),
    (Type::FLOAT4, -1),
    (Type::FLOAT8, -1),
    (Type::BYTEA, -1),
    (Type::UUID, -1),
    (Type::DATE, -1),
    (Type::TIME, -1),
    (Type::TIMETZ, -1),
    (Type::TIMESTAMP, -1),
    (Type::TIMESTAMPTZ, -1),
    (Type::INTERVAL, -1),
    (Type::JSONB, -1),
    (Type::INT2_VECTOR, -1),
];
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// In the first byte: the signature is put before the rest.
const SIGNED: u8 = 0x80;
/// In the byte of a column: bad values become NULL.
const LENIENT: u8 = 0x80;

/// Decodes a stream: one byte with the number of columns, one for each column, one with the number of cuts, one for each
/// cut with the length of a piece, and the stream.
///
/// # Panics
/// When pieces give something else than the whole, or when a stream is accepted or refused against its own words.
pub fn copy_stream(input: &[u8]) {
    let Some((head, rest)) = input.split_first() else {
        return;
    };
    let Some((columns, rest)) = rest.split_at_checked(usize::from(head % 5)) else {
        return;
    };
    let Some((cuts, rest)) = rest.split_first() else { return };
    let Some((cuts, rest)) = rest.split_at_checked(usize::from(cuts % 16)) else {
        return;
    };
    let stream = if head & SIGNED == 0 {
        rest.to_vec()
    } else {
        [SIGNATURE, rest].concat()
    };
    let columns: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(index, byte)| column(index, *byte))
        .collect();

    let whole = decode(&columns, [stream.as_slice()]);
    let mut pieces = Vec::new();
    let mut left = stream.as_slice();
    for cut in cuts {
        let (piece, behind) = left.split_at(left.len().min(usize::from(*cut)));
        pieces.push(piece);
        left = behind;
    }
    pieces.push(left);
    let cut = decode(&columns, pieces);
    let ended_early =
        |outcome: &Result<_, Error>| matches!(outcome, Err(error) if error.kind() == ErrorKind::SourceUnavailable);
    // Numbers that are not equal to themselves are compared by their text. What is wrong with a stream that ends too early
    // may show in the whole and not in the pieces, which wait for more.
    assert!(
        format!("{whole:?}") == format!("{cut:?}") || ended_early(&cut) && whole.is_err(),
        "pieces and the whole differ: {cut:?} and {whole:?}"
    );

    match (reference(&stream, columns.len()), whole) {
        (Ok(fields), Ok(rows)) => {
            assert_eq!(fields.len(), rows.len());
            for (fields, row) in fields.iter().zip(&rows) {
                for ((field, value), column) in fields.iter().zip(row).zip(&columns) {
                    compare(*field, value, column);
                }
            }
        }
        // The frame is right, so a value is not: only these two say so.
        (Ok(_), Err(error)) => {
            let about_a_value = error.context().any(|(key, _)| key == "column");
            assert!(
                about_a_value && matches!(error.kind(), ErrorKind::SchemaMismatch | ErrorKind::Internal),
                "{error}"
            );
        }
        (Err(()), Ok(_)) => panic!("a stream that is no COPY was accepted"),
        (Err(()), Err(_)) => {}
    }
}

fn column(index: usize, byte: u8) -> SourceColumn {
    let (ty, modifier) = &TYPES[usize::from(byte & !LENIENT) % TYPES.len()];
    let policy = if byte & LENIENT == 0 {
        TypePolicy::Error
    } else {
        TypePolicy::Null
    };
    let carriage = Carriage::of(ty, *modifier, &policy).expect("no type is asked for");
    SourceColumn {
        origin: None,
        column: Column {
            name: format!("c{index}"),
            ty: carriage.ty,
        },
        source_type: ty.name().to_owned(),
        on_bad_value: carriage.on_bad_value,
        wire: Wire::Postgres(carriage.wire),
    }
}

/// Decodes pieces the way the reader does.
fn decode<'a>(columns: &[SourceColumn], pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Vec<Value>>, Error> {
    let mut decoder = Decoder::new(columns.to_vec())?;
    let (mut rows, mut batch, mut filled) = (Vec::new(), Batch::new(columns.len()), 0);
    for mut piece in pieces {
        while !piece.is_empty() {
            filled = decoder.decode(&mut piece, &mut batch, filled)?;
            if filled == BATCH_ROWS {
                rows.extend(batch.rows(filled));
                (batch, filled) = (Batch::new(columns.len()), 0);
            }
        }
    }
    rows.extend(batch.rows(filled));
    decoder.finish().map(|()| rows)
}

type Fields<'a> = Vec<Option<&'a [u8]>>;

/// Reads the frame of a whole stream: signature, flags, extension, rows of fields, trailer, and nothing behind it.
fn reference(stream: &[u8], columns: usize) -> Result<Vec<Fields<'_>>, ()> {
    let mut rest = stream.strip_prefix(&SIGNATURE[..11]).ok_or(())?;
    if number::<4>(&mut rest)? >> 16 != 0 {
        return Err(());
    }
    let extension = usize::try_from(number::<4>(&mut rest)?).map_err(|_| ())?;
    rest = rest.get(extension..).ok_or(())?;
    let mut rows = Vec::new();
    loop {
        let count = number::<2>(&mut rest)?;
        if count == -1 {
            return if rest.is_empty() { Ok(rows) } else { Err(()) };
        }
        if usize::try_from(count) != Ok(columns) {
            return Err(());
        }
        let mut fields = Vec::new();
        for _ in 0..columns {
            let length = number::<4>(&mut rest)?;
            if length == -1 {
                fields.push(None);
                continue;
            }
            let (field, behind) = rest
                .split_at_checked(usize::try_from(length).map_err(|_| ())?)
                .ok_or(())?;
            fields.push(Some(field));
            rest = behind;
        }
        rows.push(fields);
    }
}

/// Takes a signed number in network order from the front.
fn number<const N: usize>(rest: &mut &[u8]) -> Result<i64, ()> {
    let (bytes, behind) = rest.split_first_chunk::<N>().ok_or(())?;
    *rest = behind;
    let first = if bytes[0] < 0x80 { 0 } else { -1 };
    Ok(bytes.iter().fold(first, |value, byte| value << 8 | i64::from(*byte)))
}

/// Checks a value against its field, where that takes no more than a look.
fn compare(field: Option<&[u8]>, value: &Value, column: &SourceColumn) {
    use crate::column::ColumnType as T;
    let Some(field) = field else {
        return assert_eq!(*value, Value::Null);
    };
    if *value == Value::Null {
        return assert_eq!(
            column.on_bad_value,
            crate::source::OnBadValue::Null,
            "a value became NULL"
        );
    }
    let whole =
        || i128::from(number::<8>(&mut [&[0; 8][field.len().min(8)..], field].concat().as_slice()).unwrap_or(0));
    match (&column.column.ty, value) {
        (T::Integer, Value::Integer(value)) => {
            assert_eq!(
                *value,
                i128::from(i32::from_be_bytes(field.try_into().expect("four bytes")))
            );
        }
        (T::SmallInt, Value::Integer(value)) => {
            assert_eq!(
                *value,
                i128::from(i16::from_be_bytes(field.try_into().expect("two bytes")))
            );
        }
        (T::Boolean, Value::Boolean(value)) => assert_eq!(field, [u8::from(*value)]),
        (T::BigInt, Value::Integer(value)) => assert!(field.len() == 8 || field.len() == 4 && *value == whole()),
        (T::Varchar, Value::Bytes(bytes)) => {
            assert!(std::str::from_utf8(bytes).is_ok() && field.ends_with(bytes) && field.len() - bytes.len() <= 1);
        }
        (T::Blob, Value::Bytes(bytes)) => assert_eq!(field, bytes),
        (T::Uuid, Value::Uuid(bytes)) => assert_eq!(field, bytes),
        (T::Decimal { precision, .. }, Value::Integer(value)) => {
            assert!(value.unsigned_abs() < 10_u128.pow(u32::from(*precision)));
        }
        (T::List(_), Value::List(elements)) => assert!(elements.len() <= field.len() / 4),
        (
            T::Integer
            | T::SmallInt
            | T::Boolean
            | T::BigInt
            | T::Varchar
            | T::Blob
            | T::Uuid
            | T::Decimal { .. }
            | T::List(_),
            other,
        ) => {
            panic!("{other:?} is no value of {}", column.column.ty)
        }
        _ => {}
    }
}
