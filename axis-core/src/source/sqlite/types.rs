//! The table of declared types.

use crate::column::ColumnType;

/// Returns what a column of this declared type is kept as; `None` when its values have to decide.
pub(super) fn natural(declared: &str) -> Option<ColumnType> {
    let (base, digits) = split(declared);
    let ty = match base.as_str() {
        "BOOLEAN" | "BOOL" => ColumnType::Boolean,
        "DECIMAL" | "NUMERIC" | "DEC" => decimal(digits.as_deref()),
        "DATE" => ColumnType::Date,
        "TIME" | "TIME WITHOUT TIME ZONE" => ColumnType::Time,
        "TIMESTAMP" | "DATETIME" | "TIMESTAMP WITHOUT TIME ZONE" => ColumnType::Timestamp,
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" => ColumnType::TimestampTz,
        "UUID" | "GUID" => ColumnType::Uuid,
        "JSON" | "STRING" => ColumnType::Varchar,
        // From here on SQLite's own order of rules.
        _ if base.contains("INT") => ColumnType::BigInt,
        _ if has_any(&base, &["CHAR", "CLOB", "TEXT"]) => ColumnType::Varchar,
        _ if base.contains("BLOB") => ColumnType::Blob,
        _ if has_any(&base, &["REAL", "FLOA", "DOUB"]) => ColumnType::Double,
        _ => return None,
    };
    Some(ty)
}

/// Tells whether SQLite turns numbers into text in a column of this declared type, and in comparisons with it.
pub(super) fn has_text_affinity(declared: &str) -> bool {
    let declared = declared.to_ascii_uppercase();
    !declared.contains("INT") && has_any(&declared, &["CHAR", "CLOB", "TEXT"])
}

/// Tells whether values can be converted to this type.
pub(super) fn is_supported(ty: &ColumnType) -> bool {
    !matches!(ty, ColumnType::TimeTz | ColumnType::Interval | ColumnType::List(_))
}

fn has_any(text: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| text.contains(part))
}

/// Splits `DECIMAL (10, 2)` into `DECIMAL` and `10, 2`; what stands behind the bracket belongs to the name.
fn split(declared: &str) -> (String, Option<String>) {
    let upper = declared.to_ascii_uppercase();
    let (name, digits) = match upper
        .split_once('(')
        .and_then(|(head, rest)| Some((head, rest.split_once(')')?)))
    {
        Some((head, (digits, tail))) => (format!("{head} {tail}"), Some(digits.to_owned())),
        None => (upper, None),
    };
    (name.split_whitespace().collect::<Vec<_>>().join(" "), digits)
}

fn decimal(digits: Option<&str>) -> ColumnType {
    let parsed = digits.and_then(|digits| {
        let (precision, scale) = digits.split_once(',').unwrap_or((digits, "0"));
        Some((precision.trim().parse::<u8>().ok()?, scale.trim().parse::<u8>().ok()?))
    });
    match parsed {
        Some((precision @ 1..=38, scale)) if scale <= precision => ColumnType::Decimal { precision, scale },
        _ => ColumnType::Double,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_follow_the_table() {
        let table = [
            ("INTEGER", "BIGINT"),
            ("int", "BIGINT"),
            ("BIGINT", "BIGINT"),
            ("UNSIGNED BIG INT", "BIGINT"),
            ("tinyint(1)", "BIGINT"),
            ("BOOLEAN", "BOOLEAN"),
            ("bool", "BOOLEAN"),
            ("REAL", "DOUBLE"),
            ("DOUBLE PRECISION", "DOUBLE"),
            ("FLOAT", "DOUBLE"),
            ("DECIMAL(12,6)", "DECIMAL(12,6)"),
            ("numeric ( 10 , 2 )", "DECIMAL(10,2)"),
            ("DECIMAL(9)", "DECIMAL(9,0)"),
            ("DECIMAL(38,38)", "DECIMAL(38,38)"),
            ("DECIMAL(39,2)", "DOUBLE"),
            ("DECIMAL(4,5)", "DOUBLE"),
            ("NUMERIC", "DOUBLE"),
            ("TEXT", "VARCHAR"),
            ("VARCHAR(20)", "VARCHAR"),
            ("NATIVE CHARACTER(70)", "VARCHAR"),
            ("CLOB", "VARCHAR"),
            ("JSON", "VARCHAR"),
            ("BLOB", "BLOB"),
            ("DATE", "DATE"),
            ("TIME", "TIME"),
            ("TIMESTAMP", "TIMESTAMP"),
            ("DATETIME", "TIMESTAMP"),
            ("timestamp(3) without time zone", "TIMESTAMP"),
            ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"),
            ("timestamp(6) with time zone", "TIMESTAMP WITH TIME ZONE"),
            ("UUID", "UUID"),
        ];
        for (declared, kept) in table {
            assert_eq!(natural(declared).unwrap().to_string(), kept, "{declared}");
        }
        assert_eq!(natural("ANY"), None);
        assert_eq!(natural(""), None);
    }

    #[test]
    fn affinity_follows_sqlite() {
        assert!(has_text_affinity("varchar(3)"));
        assert!(!has_text_affinity("CHARINT"));
        assert!(!has_text_affinity("TIMESTAMP"));
    }
}
