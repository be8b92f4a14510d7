//! The table of types: how each PostgreSQL type is carried.

use tokio_postgres::types::{Kind, Type};

use crate::column::ColumnType;
use crate::config::TypePolicy;
use crate::source::OnBadValue;

/// The most digits that a `DECIMAL` can have.
const MOST_DIGITS: u8 = 38;

/// How a column's values arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PgWire {
    /// How to decode a value.
    pub(super) format: Format,
    /// The type that the wrapping SELECT casts the column to.
    pub(super) cast: Option<String>,
}

/// The binary format of a value, and what to make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Boolean,
    Int2,
    Int4,
    Int8,
    /// An unsigned number of four bytes, kept in eight.
    Oid,
    Float4,
    Float8,
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// A `numeric` that becomes the nearest double.
    NumericDouble,
    Text,
    /// Text that is padded with blanks, which casts and comparisons would take away.
    PaddedText,
    /// Text behind one byte of version.
    Jsonb,
    Bytes,
    Uuid,
    Date,
    Time,
    TimeTz,
    Timestamp,
    Interval,
    /// Of one dimension whose subscripts begin at `first`: a list begins with its first element and has no say in that.
    Array {
        element: Box<Format>,
        first: i32,
    },
}

/// How a column of some type is carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Carriage {
    pub(super) ty: ColumnType,
    pub(super) wire: PgWire,
    pub(super) on_bad_value: OnBadValue,
}

impl Carriage {
    /// Returns how a column is carried under a policy; `None` when the policy names a type that no column can have.
    pub(super) fn of(ty: &Type, modifier: i32, policy: &TypePolicy) -> Option<Self> {
        let mut natural = natural(ty, modifier);
        Some(match policy {
            TypePolicy::Error => natural,
            TypePolicy::Null => {
                natural.on_bad_value = OnBadValue::Null;
                natural
            }
            TypePolicy::Varchar => Self::requested(natural, &ColumnType::Varchar)?,
            TypePolicy::Type(wanted) => Self::requested(natural, wanted)?,
        })
    }

    fn requested(natural: Self, wanted: &ColumnType) -> Option<Self> {
        if natural.ty == *wanted {
            return Some(natural);
        }
        // The server need not cast what the decoder turns into the nearest double anyway.
        let numeric = matches!(natural.wire.format, Format::Decimal { .. }) && natural.wire.cast.is_none();
        if numeric && *wanted == ColumnType::Double {
            return Some(Self::plain(ColumnType::Double, Format::NumericDouble));
        }
        let (name, format) = cast_target(wanted)?;
        Some(Self::cast(wanted.clone(), format, name))
    }

    fn plain(ty: ColumnType, format: Format) -> Self {
        Self {
            ty,
            wire: PgWire { format, cast: None },
            on_bad_value: OnBadValue::Fail,
        }
    }

    fn cast(ty: ColumnType, format: Format, name: String) -> Self {
        Self {
            ty,
            wire: PgWire {
                format,
                cast: Some(name),
            },
            on_bad_value: OnBadValue::Fail,
        }
    }

    fn text() -> Self {
        Self::cast(ColumnType::Varchar, Format::Text, "text".to_owned())
    }
}

/// Returns the type's own name with the modifiers that matter, such as `numeric(12,6)` or `shop.mood[]`.
pub(super) fn source_name(ty: &Type, modifier: i32) -> String {
    if let Kind::Array(element) = ty.kind()
        && ty.name().starts_with('_')
    {
        return format!("{}[]", source_name(element, modifier));
    }
    match (numeric_modifier(modifier), ty.schema()) {
        (Some((precision, scale)), _) if *ty == Type::NUMERIC => format!("numeric({precision},{scale})"),
        (_, "pg_catalog") => ty.name().to_owned(),
        (_, schema) => format!("{schema}.{}", ty.name()),
    }
}

/// What happens to a column that no policy speaks of.
fn natural(ty: &Type, modifier: i32) -> Carriage {
    use ColumnType as T;
    let (column, format) = match *ty {
        Type::BOOL => (T::Boolean, Format::Boolean),
        Type::INT2 => (T::SmallInt, Format::Int2),
        Type::INT4 => (T::Integer, Format::Int4),
        Type::INT8 => (T::BigInt, Format::Int8),
        Type::OID => (T::BigInt, Format::Oid),
        Type::FLOAT4 => (T::Float, Format::Float4),
        Type::FLOAT8 => (T::Double, Format::Float8),
        Type::NUMERIC => match numeric_modifier(modifier).and_then(digits) {
            Some((precision, scale)) => (T::Decimal { precision, scale }, Format::Decimal { precision, scale }),
            None => (T::Double, Format::NumericDouble),
        },
        Type::TEXT | Type::VARCHAR | Type::NAME | Type::XML | Type::JSON | Type::UNKNOWN => (T::Varchar, Format::Text),
        Type::BPCHAR => (T::Varchar, Format::PaddedText),
        Type::JSONB => (T::Varchar, Format::Jsonb),
        Type::BYTEA => (T::Blob, Format::Bytes),
        Type::UUID => (T::Uuid, Format::Uuid),
        Type::DATE => (T::Date, Format::Date),
        Type::TIME => (T::Time, Format::Time),
        Type::TIMETZ => (T::TimeTz, Format::TimeTz),
        Type::TIMESTAMP => (T::Timestamp, Format::Timestamp),
        Type::TIMESTAMPTZ => (T::TimestampTz, Format::Timestamp),
        Type::INTERVAL => (T::Interval, Format::Interval),
        _ => match ty.kind() {
            Kind::Enum(_) => (T::Varchar, Format::Text),
            Kind::Simple if ty.name() == "citext" => (T::Varchar, Format::Text),
            // Only elements can be domains: of a column the server describes the type below the domain.
            Kind::Domain(base) => return natural(base, modifier),
            Kind::Array(element) => match natural(element, modifier) {
                Carriage {
                    ty: kept,
                    wire: PgWire { format, cast: None },
                    ..
                } if !matches!(format, Format::Array { .. }) => {
                    let element = Box::new(format);
                    // Of the server's own vectors every value begins at 0.
                    let first = i32::from(*ty != Type::INT2_VECTOR && *ty != Type::OID_VECTOR);
                    (T::List(Box::new(kept)), Format::Array { element, first })
                }
                _ => return Carriage::text(),
            },
            _ => return Carriage::text(),
        },
    };
    Carriage::plain(column, format)
}

/// Returns the name that SQL casts to, and the format in which the values then arrive.
fn cast_target(wanted: &ColumnType) -> Option<(String, Format)> {
    use ColumnType as T;
    let (name, format) = match wanted {
        T::Boolean => ("boolean", Format::Boolean),
        T::SmallInt => ("smallint", Format::Int2),
        T::Integer => ("integer", Format::Int4),
        T::BigInt => ("bigint", Format::Int8),
        T::Float => ("real", Format::Float4),
        T::Double => ("double precision", Format::Float8),
        &T::Decimal { precision, scale } => {
            return Some((
                // The server rounds, and leaves it to the decoder, which knows the column's name, to find numbers too large.
                format!("numeric(1000,{scale})"),
                Format::Decimal { precision, scale },
            ));
        }
        T::Varchar => ("text", Format::Text),
        T::Blob => ("bytea", Format::Bytes),
        T::Uuid => ("uuid", Format::Uuid),
        T::Date => ("date", Format::Date),
        T::Time => ("time", Format::Time),
        T::TimeTz => ("timetz", Format::TimeTz),
        T::Timestamp => ("timestamp", Format::Timestamp),
        T::TimestampTz => ("timestamptz", Format::Timestamp),
        T::Interval => ("interval", Format::Interval),
        T::List(_) => return None,
    };
    Some((name.to_owned(), format))
}

/// Splits the modifier of a `numeric` into precision and scale; the scale has eleven bits and a sign.
fn numeric_modifier(modifier: i32) -> Option<(i32, i32)> {
    let packed = modifier.checked_sub(4).filter(|packed| *packed >= 0)?;
    Some((packed >> 16, ((packed & 0x7ff) ^ 0x400) - 0x400))
}

/// Returns precision and scale of the `DECIMAL` that holds every value of a `numeric`; `None` when none has enough digits.
///
/// A negative scale rounds to tens and more, and a scale above the precision demands zeros behind the point.
fn digits((precision, scale): (i32, i32)) -> Option<(u8, u8)> {
    let total = if scale < 0 {
        precision - scale
    } else {
        precision.max(scale)
    };
    let small = |number| u8::try_from(number).ok().filter(|number| *number <= MOST_DIGITS);
    Some((small(total)?, small(scale.max(0))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_numeric_modifier_finds_its_place() {
        let modifier = |precision: i32, scale: i32| (precision << 16 | scale & 0x7ff) + 4;
        let decimal = |precision, scale| ColumnType::Decimal { precision, scale };
        for (modifier, name, ty) in [
            (-1, "numeric", ColumnType::Double),
            (modifier(12, 6), "numeric(12,6)", decimal(12, 6)),
            (modifier(38, 38), "numeric(38,38)", decimal(38, 38)),
            (modifier(38, 0), "numeric(38,0)", decimal(38, 0)),
            (modifier(39, 0), "numeric(39,0)", ColumnType::Double),
            (modifier(5, -2), "numeric(5,-2)", decimal(7, 0)),
            (modifier(37, -2), "numeric(37,-2)", ColumnType::Double),
            (modifier(3, 5), "numeric(3,5)", decimal(5, 5)),
            (modifier(3, 39), "numeric(3,39)", ColumnType::Double),
        ] {
            assert_eq!(source_name(&Type::NUMERIC, modifier), name);
            assert_eq!(natural(&Type::NUMERIC, modifier).ty, ty, "{name}");
        }
    }

    #[test]
    fn policies_change_the_type_and_cast_only_when_needed() {
        let of = |ty: &Type, policy: TypePolicy| {
            let carriage = Carriage::of(ty, -1, &policy)?;
            Some((carriage.ty.to_string(), carriage.wire.cast, carriage.on_bad_value))
        };
        let fail = OnBadValue::Fail;
        let some = |ty: &str, cast: Option<&str>, bad| Some((ty.to_owned(), cast.map(str::to_owned), bad));
        assert_eq!(
            of(&Type::NUMERIC, TypePolicy::Null),
            some("DOUBLE", None, OnBadValue::Null)
        );
        assert_eq!(
            of(&Type::NUMERIC, TypePolicy::Varchar),
            some("VARCHAR", Some("text"), fail)
        );
        assert_eq!(of(&Type::TEXT, TypePolicy::Varchar), some("VARCHAR", None, fail));
        assert_eq!(
            of(&Type::INT4, TypePolicy::Type(ColumnType::BigInt)),
            some("BIGINT", Some("bigint"), fail)
        );
        assert_eq!(
            of(&Type::INT8, TypePolicy::Type(ColumnType::BigInt)),
            some("BIGINT", None, fail)
        );
        let list = ColumnType::List(Box::new(ColumnType::Integer));
        assert_eq!(of(&Type::INT4, TypePolicy::Type(list)), None);
        let exact = Carriage::of(
            &Type::NUMERIC,
            (12 << 16 | 6) + 4,
            &TypePolicy::Type(ColumnType::Double),
        )
        .unwrap();
        assert_eq!(
            exact.wire,
            PgWire {
                format: Format::NumericDouble,
                cast: None
            }
        );
    }
}
