//! `axis config reference`: every key and every variable, as a page or as JSON.

use std::fmt::Write as _;

use axis_core::config::{Key, reference};
use serde_json::json;

use super::{Context, Exit, Failure};

/// What stands above the tables.
const HEAD: &str = "\
# Configuration reference

Every key of the files in `custom/config/`, and every environment variable. This page is what `axis config reference` prints, which
reads it from the program; `--json` gives it to programs. [Configure](../configuration.md) says how files and variables go together,
`axis config explain` which values are in use, and `axis config check` what is wrong.

`<...>` in a key stands for a name that you choose, `[]` for an item of a list. `required` says that the item is refused without it.
";

const VARIABLES: &str = "
## Environment variables

They are read from the environment, then from `.env` beside the custom directory, then from `backend/.env` there. One that is empty counts
as not set. `<DATASET>` is `MONITORING`, `EVAL`, `HUMAN_SIGNALS` or `KPI`. Values of files may also name variables of your own, as
`${NAME}` or `${NAME:-default}`.

| Variable | Key | Meaning |
|---|---|---|
";

/// Read by the command itself.
const OF_THE_COMMAND: [(&str, &str); 3] = [
    (
        "AXIS_CUSTOM_DIR",
        "the custom directory, in place of `custom`; not from `.env`",
    ),
    (
        "AXIS_LOG",
        "the level of the log, such as `info` or `warn,axis_core=debug`; not from `.env`",
    ),
    ("RUST_LOG", "the same, where there is no `AXIS_LOG`"),
];

/// Prints the reference.
pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    let reference = reference();
    if context.output.is_json() {
        let command = OF_THE_COMMAND.map(|(name, meaning)| json!({ "name": name, "key": null, "meaning": meaning }));
        let mut document = json!(reference);
        if let Some(variables) = document["variables"].as_array_mut() {
            variables.extend(command);
        }
        context.output.json(&document)?;
        return Ok(Exit::Done);
    }
    let mut page = HEAD.to_owned();
    let mut file = "";
    for key in &reference.keys {
        if key.file != file {
            file = key.file;
            let _ = write!(
                page,
                "\n## {}\n\n| Key | Allowed | Default | Meaning |\n|---|---|---|---|\n",
                title(file)
            );
        }
        let Key {
            key,
            allowed,
            default,
            meaning,
            ..
        } = key;
        let _ = writeln!(page, "| `{key}` | {allowed} | {} | {meaning} |", value(default));
    }
    page.push_str(VARIABLES);
    for variable in &reference.variables {
        let key = variable.key.as_ref().map_or_else(String::new, |key| format!("`{key}`"));
        let _ = writeln!(page, "| `{}` | {key} | {} |", variable.name, variable.meaning);
    }
    for (name, meaning) in OF_THE_COMMAND {
        let _ = writeln!(page, "| `{name}` | | {meaning} |");
    }
    context.output.text(&page)?;
    Ok(Exit::Done)
}

/// A value as code; a default that is told in words stays words.
fn value(default: &str) -> String {
    if default.contains(' ') && !default.starts_with('[') || matches!(default, "none" | "required" | "-") {
        default.to_owned()
    } else {
        format!("`{default}`")
    }
}

/// The names of files as code, and what stands for many of them as a title.
fn title(file: &str) -> String {
    if file.contains(".yaml") {
        return format!("`{}`", file.replace(", ", "`, `"));
    }
    let mut letters = file.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_ascii_uppercase(), letters.as_str())
    })
}
