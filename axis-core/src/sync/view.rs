//! The SQL of the relation that readers see.

use std::collections::HashSet;

use super::plan::TablePlan;
use crate::column::Column;
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

/// One column of the built-in join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joined<'n> {
    /// Whether it is the results' column; else it is the dataset's.
    pub(crate) of_results: bool,
    /// Its name there.
    pub(crate) name: &'n str,
    /// Its name in the join.
    pub(crate) shown: String,
}

/// Every results column by name, then every other dataset column by name, prefixed `dataset_` where the name is taken.
pub(crate) fn layout<'n>(dataset: &'n [Column], results: &'n [Column]) -> Vec<Joined<'n>> {
    let names = |columns: &'n [Column]| {
        let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        names.sort_unstable();
        names
    };
    let mut taken: HashSet<String> = results.iter().map(|column| column.name.to_lowercase()).collect();
    let mut list: Vec<Joined<'n>> = names(results)
        .into_iter()
        .map(|name| Joined {
            of_results: true,
            name,
            shown: name.to_owned(),
        })
        .collect();
    for name in names(dataset).into_iter().filter(|name| !is_key(name)) {
        let mut shown = name.to_owned();
        while !taken.insert(shown.to_lowercase()) {
            shown = format!("dataset_{shown}");
        }
        list.push(Joined {
            of_results: false,
            name,
            shown,
        });
    }
    list
}

/// Tells whether both sides are joined by a column of this name.
pub(crate) fn is_key(name: &str) -> bool {
    name.eq_ignore_ascii_case("dataset_id")
}

fn join(dataset: &TablePlan, results: &TablePlan) -> String {
    let list: Vec<String> = layout(&dataset.columns, &results.columns)
        .iter()
        .map(|column| match column.of_results {
            true => format!("r.{}", ident(column.name)),
            false => format!("d.{} as {}", ident(column.name), ident(&column.shown)),
        })
        .collect();
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
