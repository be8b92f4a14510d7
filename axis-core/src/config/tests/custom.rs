//! The user's own datasets.

use std::time::Duration;

use super::{broken, resolve, setting, warned};
use crate::config::{Config, DatasetKind, ViewConfig};

fn own(text: &str) -> Config {
    resolve(&[("datasets/own.yaml", text)], &[("PW", "x")])
}

#[test]
fn several_tables_with_a_view() {
    let config = own("
orders:
  url: \"postgresql://reader:${PW}@db/shop\"
  incremental_lookback_seconds: 60
  types: {note: varchar, price: double}
  tables:
    orders: {query: \" select * from orders \", primary_key: id, incremental_column: updated_at}
    lines:  {relation: public.order_lines, primary_key: [order_id, line_no], types: {price: \"decimal(12, 2)\"}}
    odd:    {relation: 'we\"ird'}
  view: {name: orders_full, sql: \"select * from orders join lines using (order_id)\"}
");
    let orders = config.dataset("orders").unwrap();
    assert_eq!(broken(orders), "not broken");
    assert!(orders.enabled && orders.auto_load);
    assert_eq!(orders.kind, DatasetKind::Custom);
    let queries: Vec<_> = orders
        .tables
        .iter()
        .map(|table| (table.name.as_str(), table.query.as_str()))
        .collect();
    let expected = [
        ("orders", "select * from orders"),
        ("lines", "select * from \"public\".\"order_lines\""),
        ("odd", "select * from \"we\"\"ird\""),
    ];
    assert_eq!(queries, expected);
    assert_eq!(orders.tables[0].primary_key, ["id"]);
    assert_eq!(orders.tables[0].incremental_column.as_deref(), Some("updated_at"));
    assert_eq!(orders.tables[1].primary_key, ["order_id", "line_no"]);
    assert_eq!(orders.tables[1].lookback, Some(Duration::from_secs(60)));
    assert_eq!(
        format!("{:?}", orders.tables[1].types["price"]),
        "Type(Decimal { precision: 12, scale: 2 })"
    );
    assert_eq!(format!("{:?}", orders.tables[0].types["price"]), "Type(Double)");
    let sql = "select * from orders join lines using (order_id)".to_owned();
    assert_eq!(
        orders.view,
        ViewConfig::Sql {
            name: "orders_full".to_owned(),
            sql
        }
    );
    assert_eq!(
        setting(&config, "orders.tables.lines.relation").value,
        "public.order_lines"
    );
    assert!(warned(&config).is_empty(), "{:?}", warned(&config));
}

#[test]
fn one_table_is_its_own_relation_and_several_have_none() {
    let config = own("
b: {url: 'sqlite:a.db', query: select 1, enabled: no, auto_load: off}
a: {url: 'sqlite:a.db', tables: {one: {query: select 1}}}
c: {url: 'sqlite:a.db', tables: {two: {query: select 1}, three: {query: select 1}}}
");
    let names: Vec<_> = config.datasets[4..]
        .iter()
        .map(|dataset| dataset.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c"], "by name");
    let view = |name: &str| config.dataset(name).unwrap().view.clone();
    assert_eq!(view("a"), ViewConfig::Table { name: "one".to_owned() });
    assert_eq!(view("b"), ViewConfig::Table { name: "b".to_owned() });
    assert_eq!(view("c"), ViewConfig::None);
    assert!(!config.dataset("b").unwrap().enabled && !config.dataset("b").unwrap().auto_load);
}

#[test]
fn wrong_datasets_are_listed_with_their_error() {
    let name_rule = "allowed are 1 to 63 of the characters a-z, 0-9 and _, beginning with a letter";
    let cases = [
        (
            "a: {url: 'sqlite:x'}",
            "a",
            "`a` has neither a `query` nor `tables`".to_owned(),
        ),
        (
            "a: {url: 'sqlite:x', query: s, tables: {b: {query: s}}}",
            "a",
            "`a.tables` stands beside a `query`, allowed is one of the two".to_owned(),
        ),
        (
            "a: {tables: {b: {}}}",
            "a",
            "`a.tables.b` has neither a `query` nor a `relation`".to_owned(),
        ),
        (
            "a: {tables: {b: {query: s, relation: r}}}",
            "a",
            "`a.tables.b` has both a `query` and a `relation`, allowed is one of the two".to_owned(),
        ),
        (
            "a: {tables: {b: {relation: a.b.c}}}",
            "a",
            "`a.tables.b.relation` is \"a.b.c\", allowed is a table, or a schema and a table as in `public.orders`"
                .to_owned(),
        ),
        (
            "a: {tables: {B: {query: s}}}",
            "a",
            format!("`a.tables.B` is no name for a table: {name_rule}"),
        ),
        (
            "a: {query: s, view: {name: v}}",
            "a",
            "`a.view.sql` is missing, a view needs `name` and `sql`".to_owned(),
        ),
        (
            "a: {query: s, view: {name: V, sql: s}}",
            "a",
            format!("`a.view.name` is \"V\", which is no name for a view: {name_rule}"),
        ),
        (
            "a: {query: s, view: {name: a, sql: s}}",
            "a",
            "`a` uses the relation `a`, which is in use already".to_owned(),
        ),
        (
            "a: {tables: {monitoring_data: {query: s}}}",
            "a",
            "`a` uses the relation `monitoring_data`, which is in use already".to_owned(),
        ),
        ("a: 5", "a", "`a` is a text, allowed is a mapping".to_owned()),
        (
            "A b: {query: s}",
            "config/datasets/own.yaml:1",
            format!("`A b` is no name for a dataset: {name_rule}"),
        ),
        (
            "kpi: {query: s}",
            "config/datasets/own.yaml:1",
            "`kpi` is a name that AXIS itself uses, choose another".to_owned(),
        ),
        (
            "kpi_data: {query: s}",
            "config/datasets/own.yaml:1",
            "`kpi_data` is a name that AXIS itself uses, choose another".to_owned(),
        ),
        (
            "duckdb: {path: s}",
            "config/datasets/own.yaml:1",
            "`duckdb` is a name that AXIS itself uses, choose another".to_owned(),
        ),
    ];
    for (text, name, message) in cases {
        let config = own(text);
        assert_eq!(config.datasets.len(), 5, "{text}");
        let dataset = config.dataset(name).unwrap_or_else(|| panic!("{text}: no `{name}`"));
        assert_eq!(broken(dataset), format!("config/datasets/own.yaml:1: {message}"));
        assert!(config.datasets[..4].iter().all(|dataset| dataset.broken.is_none()));
    }
    let config = own(&format!("{}: {{url: 'sqlite:x', query: select 1}}", "a".repeat(63)));
    assert_eq!(broken(&config.datasets[4]), "not broken");
}

#[test]
fn names_are_unique_over_all_files() {
    let files = [
        (
            "datasets/1.yaml",
            "a: {url: 'sqlite:x', query: select 1}\nb: {url: 'sqlite:x', tables: {c: {query: select 1}}}",
        ),
        (
            "datasets/2.yml",
            "a: {url: 'sqlite:x', query: select 1}\nc: {url: 'sqlite:x', query: select 1}",
        ),
        ("datasets/a.yaml", "- 1"),
        ("datasets/kpi.yaml", "'"),
    ];
    let config = resolve(&files, &[]);
    let message = |name: &str| broken(config.dataset(name).unwrap()).to_owned();
    assert_eq!(
        message("a"),
        "config/datasets/2.yml:1: `a` is defined twice, first at config/datasets/1.yaml:1"
    );
    assert_eq!(message("b"), "not broken");
    assert_eq!(
        message("c"),
        "config/datasets/2.yml:2: `c` uses the relation `c`, which is in use already"
    );
    let expected = "config/datasets/a.yaml:1: the file is a list, allowed is a mapping of names to datasets";
    assert_eq!(message("config/datasets/a.yaml"), expected);
    assert!(message("config/datasets/kpi.yaml").starts_with("config/datasets/kpi.yaml:"));
    assert_eq!(config.datasets.len(), 9);
}

#[test]
fn an_alias_and_a_merge_share_keys() {
    let config = own("
a: &base {url: 'sqlite:x', query: select 1, row_limit: 5}
b:
  <<: *base
  row_limit: 6
");
    let b = config.dataset("b").unwrap();
    assert_eq!(
        (broken(b), b.row_limit, b.tables[0].name.as_str()),
        ("not broken", 6, "b")
    );
    let bomb = "x1: &a [1,1,1,1,1,1,1,1,1,1]\nx2: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nx3: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                x4: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\nx5: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";
    let expected = "config/datasets/own.yaml:5: the YAML cannot be read: aliases make it too large";
    assert_eq!(broken(own(bomb).dataset("own").unwrap()), expected);
}
