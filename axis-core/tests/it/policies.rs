//! Columns that are carried otherwise than by their natural type.

use std::collections::BTreeMap;

use axis_core::ErrorKind;
use axis_core::column::ColumnType;
use axis_core::config::{TableConfig, TypePolicy};

use super::support::{Shop, text};

/// Opens one table `odd` whose column `v` is carried by a policy.
async fn with_policy(expression: &str, policy: Option<TypePolicy>) -> Shop {
    let mut table = TableConfig::new("odd", format!("select 1 as n, {expression} as v"));
    table.types = policy
        .map(|policy| ("v".to_owned(), policy))
        .into_iter()
        .collect::<BTreeMap<_, _>>();
    Shop::open("policy", "", vec![table]).await
}

#[tokio::test]
async fn values_that_cannot_be_carried_follow_their_policy() {
    for (expression, as_text) in [
        ("'{{1,2},{3,4}}'::int[]", "{{1,2},{3,4}}"),
        ("'294276-12-31'::timestamp", "294276-12-31 00:00:00"),
        ("'NaN'::numeric(10,2)", "NaN"),
    ] {
        let shop = with_policy(expression, None).await;
        let error = shop.try_sync().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{expression}: {error}");
        assert!(error.message().contains("column `v`"), "{error}");
        assert!(error.context().any(|pair| pair == ("table", "odd")), "{error}");
        shop.engine.close().await.unwrap();

        let shop = with_policy(expression, Some(TypePolicy::Null)).await;
        shop.sync().await;
        assert_eq!(
            shop.number("select count(*) from odd where v is null and n = 1").await,
            1
        );
        shop.engine.close().await.unwrap();

        let shop = with_policy(expression, Some(TypePolicy::Varchar)).await;
        shop.sync().await;
        assert_eq!(
            text(&shop.engine, "select v from odd").await,
            [[Some(as_text.to_owned())]]
        );
        shop.engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_policy_may_ask_for_a_type() {
    for (expression, wanted, stored) in [
        ("1.1::numeric(12,6)", ColumnType::Double, "1.1"),
        (
            "123456789012345678901234567890.5::numeric",
            ColumnType::Decimal {
                precision: 38,
                scale: 2,
            },
            "123456789012345678901234567890.50",
        ),
        ("'42'::text", ColumnType::BigInt, "42"),
        ("'2026-01-01'::text", ColumnType::Date, "2026-01-01"),
    ] {
        let shop = with_policy(expression, Some(TypePolicy::Type(wanted.clone()))).await;
        shop.sync().await;
        let found = text(&shop.engine, "select v::varchar as v, typeof(v) as ty from odd").await;
        assert_eq!(
            found,
            [[Some(stored.to_owned()), Some(wanted.to_string())]],
            "{expression}"
        );
        shop.engine.close().await.unwrap();
    }
}
