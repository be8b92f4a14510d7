//! No text is too strange to be refused politely.

use proptest::prelude::*;

use crate::config::{Config, Connection, Env, Files};

const NAMES: [&str; 10] = [
    "duckdb.yaml",
    "server.yaml",
    "monitoring_db.yaml",
    "eval_db.yaml",
    "human_signals_db.yaml",
    "kpi_db.yaml",
    "datasets/a.yaml",
    "theme.yaml",
    "agents.yaml",
    "memory.yaml",
];

fn everywhere(text: &str) {
    for name in NAMES {
        let block = name.strip_suffix(".yaml").unwrap().rsplit('/').next().unwrap();
        for text in [text.to_owned(), format!("{block}:\n{text}"), format!("{block}: {text}")] {
            let _ = Config::resolve(&Files::new("/r", [(format!("config/{name}"), text)]), &Env::default());
        }
    }
}

/// Text that is nearly YAML of ours.
fn nearly_yaml() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "duckdb",
        "kpi_db",
        "url",
        "host",
        "tables",
        "types",
        "view",
        "columns",
        "trend_lines",
        "palettes",
        "contradictory_pairs",
        "thresholds",
        "default",
        "anomaly_detection",
        "z_score",
        "z_score_",
        "filters",
        "postgresql://a:b@[::1]:5/d?host=x",
        "sqlite://",
        "${A",
        "${A:-b}",
        "$${",
        "&a",
        "*a",
        "<<",
        "!t",
        "!!str",
        "- ",
        ": ",
        ":",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\n",
        "\n  ",
        "\n    ",
        "'",
        "\"",
        "|",
        ">",
        "?",
        "#",
        "1",
        "-1",
        "1e9",
        ".inf",
        "~",
        "true",
        "decimal(1,0)",
        "\t",
        "---",
        "...",
        "%",
    ]);
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn arbitrary_text_in_any_file(text in any::<String>()) {
        everywhere(&text);
    }

    #[test]
    fn nearly_right_text_in_any_file(text in nearly_yaml()) {
        everywhere(&text);
    }

    #[test]
    fn arbitrary_urls(tail in any::<String>(), part in "[a-z:@/?#%\\[\\]&=,0-9]{0,30}") {
        for scheme in ["", "postgresql://", "sqlite:"] {
            let _ = Connection::from_url(&format!("{scheme}{tail}"));
            let _ = Connection::from_url(&format!("{scheme}{part}"));
        }
    }

    #[test]
    fn arbitrary_env_files(text in any::<String>(), part in "[A-B=${}:'\"#\\\\\n -]{0,30}") {
        let _ = Env::default().with_dotenv(&text, ".env");
        let _ = Env::default().with_dotenv(&part, ".env");
    }

    #[test]
    fn arbitrary_variables(value in any::<String>()) {
        let names = ["URL", "HOST", "PORT", "NAME", "USER", "SSL_MODE", "QUERY", "QUERY_TIMEOUT", "ROW_LIMIT", "AUTO_LOAD"];
        let variables = names.iter().map(|name| (format!("KPI_DB_{name}"), value.clone()));
        let _ = Config::resolve(&Files::default(), &Env::new(variables.chain([("PORT".to_owned(), value.clone())])));
    }
}
