//! The reference of the routes: a page for each tag of `/openapi.json`, and one that lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::links::slug;

/// How a reference to an object begins.
const OBJECTS: &str = "#/components/schemas/";

const HEAD: &str = "\
# HTTP reference

Made from `/openapi.json`, which a running server has as well; `/docs` there shows it and tries it out.
[Answers over HTTP](../http.md) walks through the routes with examples and says what holds for all of them,
[Errors](../errors.md) what codes mean. The role is what a client needs where keys or tokens are configured.
";

/// One operation.
struct Operation<'d> {
    method: String,
    path: &'d str,
    document: &'d Value,
}

/// Returns the pages by name.
pub(super) fn pages(document: &Value) -> Vec<(String, String)> {
    let mut tags: BTreeMap<&str, Vec<Operation<'_>>> = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let tag = operation["tags"][0]
                .as_str()
                .unwrap_or_else(|| panic!("{path} has no tag"));
            tags.entry(tag).or_default().push(Operation {
                method: method.to_uppercase(),
                path,
                document: operation,
            });
        }
    }
    let mut list = HEAD.to_owned();
    let mut pages = Vec::new();
    for (tag, operations) in &tags {
        let file = format!("{}.md", tag.replace(' ', "-"));
        let _ = write!(list, "\n## {}\n\n| Route | Role | |\n|---|---|---|\n", title(tag));
        for operation in operations {
            let heading = operation.heading();
            // The book and the repository call the heading of `GET /` by different names.
            let anchor = match operation.path {
                "/" => String::new(),
                _ => format!("#{}", slug(&heading)),
            };
            let summary = line(&operation.document["summary"]);
            let summary = summary.trim_end_matches('.');
            let _ = writeln!(
                list,
                "| [`{heading}`](http/{file}{anchor}) | {} | {summary} |",
                operation.role()
            );
        }
        pages.push((format!("reference/http/{file}"), page(tag, operations, document)));
    }
    pages.push(("reference/http.md".to_owned(), list));
    pages
}

impl Operation<'_> {
    fn heading(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn role(&self) -> &str {
        self.document["x-role"].as_str().unwrap_or("none")
    }
}

fn page(tag: &str, operations: &[Operation<'_>], document: &Value) -> String {
    let mut page = format!(
        "# {}\n\nMade from `/openapi.json`; [all routes](../http.md).\n",
        title(tag)
    );
    let mut objects = BTreeSet::new();
    for operation in operations {
        let about = operation.document;
        let _ = write!(
            page,
            "\n## `{}`\n\n{}\n",
            operation.heading(),
            sentence(&about["summary"])
        );
        if let Some(more) = about["description"].as_str() {
            let _ = write!(page, "\n{}\n", more.trim());
        }
        let _ = write!(page, "\nRole: {}.\n", operation.role());
        parameters(about, &mut page, &mut objects);
        if let Some(content) = about["requestBody"]["content"].as_object() {
            let _ = writeln!(page, "\nBody: {}.", forms(content, &mut objects));
        }
        page.push_str("\n| Status | Answer |\n|---|---|\n");
        for (status, answer) in about["responses"].as_object().unwrap() {
            let forms = answer["content"]
                .as_object()
                .map_or_else(String::new, |content| format!(": {}", forms(content, &mut objects)));
            let _ = writeln!(page, "| {status} | {}{forms} |", line(&answer["description"]));
        }
    }
    describe(&mut page, objects, &document["components"]["schemas"]);
    page
}

fn parameters(operation: &Value, page: &mut String, objects: &mut BTreeSet<String>) {
    let Some(parameters) = operation["parameters"].as_array().filter(|all| !all.is_empty()) else {
        return;
    };
    page.push_str("\n| Parameter | In | Allowed | Meaning |\n|---|---|---|---|\n");
    for parameter in parameters {
        let required = if parameter["required"] == true && parameter["in"] != "path" {
            ", required"
        } else {
            ""
        };
        let name = parameter["name"].as_str().unwrap();
        let place = parameter["in"].as_str().unwrap();
        let allowed = kind(&parameter["schema"], objects);
        let _ = writeln!(
            page,
            "| `{name}` | {place}{required} | {allowed} | {} |",
            line(&parameter["description"])
        );
    }
}

/// Describes the objects that a page speaks of, and those that these speak of.
fn describe(page: &mut String, mut wanted: BTreeSet<String>, schemas: &Value) {
    let mut done: BTreeMap<String, String> = BTreeMap::new();
    while let Some(name) = wanted.pop_first() {
        let mut text = format!("\n### {name}\n\n");
        let schema = &schemas[&name];
        if let Some(about) = schema["description"].as_str() {
            let _ = write!(text, "{}\n\n", line(&Value::from(about)));
        }
        let mut more = BTreeSet::new();
        let members = members(schema, schemas);
        if members.is_empty() {
            let _ = writeln!(text, "{}.", kind(schema, &mut more));
        } else {
            text.push_str("| Member | Type | Meaning |\n|---|---|---|\n");
            for (member, (schema, always)) in members {
                let optional = if always { "" } else { ", may be missing" };
                let _ = writeln!(
                    text,
                    "| `{member}` | {}{optional} | {} |",
                    kind(schema, &mut more),
                    line(&schema["description"])
                );
            }
        }
        done.insert(name, text);
        wanted.extend(more.into_iter().filter(|name| !done.contains_key(name)));
    }
    if !done.is_empty() {
        page.push_str("\n## Objects\n");
        page.extend(done.into_values());
    }
}

/// The members of an object, those of its parts included, and whether they are always there.
fn members<'s>(schema: &'s Value, schemas: &'s Value) -> BTreeMap<&'s str, (&'s Value, bool)> {
    let mut found = BTreeMap::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        found.extend(members(part, schemas));
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix(OBJECTS)) {
        found.extend(members(&schemas[name], schemas));
    }
    let required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|known| known == name))
    };
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(name, (member, required(name)));
    }
    found
}

/// What media types there are, and what is in them.
fn forms(content: &serde_json::Map<String, Value>, objects: &mut BTreeSet<String>) -> String {
    let forms = content.iter().map(|(media, form)| match media.as_str() {
        "application/json" | "multipart/form-data" => format!("{} as `{media}`", kind(&form["schema"], objects)),
        _ => format!("`{media}`"),
    });
    forms.collect::<Vec<_>>().join(", or ")
}

/// A type in words.
fn kind(schema: &Value, objects: &mut BTreeSet<String>) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix(OBJECTS)) {
        objects.insert(name.to_owned());
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(values) = schema["enum"].as_array() {
        let values = values
            .iter()
            .map(|value| format!("`{}`", value.as_str().unwrap_or_default()));
        return values.collect::<Vec<_>>().join(", ");
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let words: Vec<String> = choices.iter().map(|choice| kind(choice, objects)).collect();
            return words.join(" or ");
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let words: Vec<String> = parts.iter().map(|part| kind(part, objects)).collect();
        return words.join(" and ");
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => return "any value".to_owned(),
    };
    let words = names.iter().map(|name| match *name {
        "array" => format!("list of {}", kind(&schema["items"], objects)),
        "object" if schema["additionalProperties"].is_object() => {
            format!("object of {}", kind(&schema["additionalProperties"], objects))
        }
        name => name.to_owned(),
    });
    let mut text = words.collect::<Vec<_>>().join(" or ");
    match (&schema["minimum"], &schema["maximum"]) {
        (Value::Number(from), Value::Number(to)) => write!(text, " from {from} to {to}").unwrap(),
        (Value::Number(from), _) => write!(text, " of at least {from}").unwrap(),
        _ => {}
    }
    if let Some(choices) = schema["pattern"]
        .as_str()
        .and_then(|text| text.strip_prefix("^(")?.strip_suffix(")$"))
    {
        text = choices
            .split('|')
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    text
}

/// A text on one line, without the links of the program's own documentation.
fn line(text: &Value) -> String {
    let words = text
        .as_str()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    words.replace("[`", "`").replace("`]", "`").replace('|', "\\|")
}

fn sentence(text: &Value) -> String {
    format!("{}.", line(text).trim_end_matches('.'))
}

fn title(tag: &str) -> String {
    match tag {
        "kpi" => "KPI".to_owned(),
        _ => tag[..1].to_uppercase() + &tag[1..],
    }
}
