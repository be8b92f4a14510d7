//! The SQL of the relation that readers see.

use std::collections::HashSet;

use super::plan::TablePlan;
use crate::config::ViewConfig;
use crate::source::ident::ident;

/// Returns the view to create: its name and what comes after `create view ... as`.
pub(crate) fn sql(view: &ViewConfig, plans: &[TablePlan]) -> Option<(String, String)> {
    match view {
        ViewConfig::Table { .. } | ViewConfig::None => None,
        ViewConfig::Sql { name, sql } => Some((name.clone(), sql.clone())),
        ViewConfig::Join { name, dataset, results } => {
            let find = |table: &str| plans.iter().find(|plan| plan.table == table);
            Some((name.clone(), join(find(dataset)?, find(results)?)))
        }
    }
}

/// Every results column by name, then every other dataset column by name, prefixed `dataset_` where the name is taken.
fn join(dataset: &TablePlan, results: &TablePlan) -> String {
    let names = |plan: &TablePlan| {
        let mut names: Vec<String> = plan.columns.iter().map(|column| column.name.clone()).collect();
        names.sort();
        names
    };
    let is_key = |name: &str| name.eq_ignore_ascii_case("dataset_id");
    let mut list: Vec<String> = names(results).iter().map(|name| format!("r.{}", ident(name))).collect();
    let mut taken: HashSet<String> = names(results).iter().map(|name| name.to_lowercase()).collect();
    for name in names(dataset).iter().filter(|name| !is_key(name)) {
        let mut shown = name.clone();
        while !taken.insert(shown.to_lowercase()) {
            shown = format!("dataset_{shown}");
        }
        list.push(format!("d.{} as {}", ident(name), ident(&shown)));
    }
    let key = |plan: &TablePlan| plan.columns.iter().find(|column| is_key(&column.name)).cloned();
    let on = match (key(results), key(dataset)) {
        // Keys of two types are compared as text, as their owners would write them.
        (Some(r), Some(d)) if r.ty != d.ty => {
            format!("r.{}::varchar = d.{}::varchar", ident(&r.name), ident(&d.name))
        }
        (Some(r), Some(d)) => format!("r.{} = d.{}", ident(&r.name), ident(&d.name)),
        _ => "false".to_owned(),
    };
    format!(
        "select {} from {} as r inner join {} as d on {on}",
        list.join(", "),
        ident(&results.table),
        ident(&dataset.table)
    )
}
