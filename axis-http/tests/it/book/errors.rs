//! `docs/errors.md`: a section for each code, with the facts of the program and something to do.

use axis_core::ErrorKind;

use super::root;

/// The line below the heading of a code.
fn facts(kind: ErrorKind) -> String {
    let again = if kind.is_retryable() {
        "trying again may help"
    } else {
        "trying again does not help"
    };
    format!(
        "HTTP {}, number {}, `axis.{}` in Python; {again}.",
        kind.http_status(),
        kind.number(),
        kind.python_class()
    )
}

#[test]
fn every_code_says_what_to_do() {
    let path = root().join("docs/errors.md");
    let mut page = std::fs::read_to_string(&path).unwrap();
    let mut expected = Vec::new();
    for kind in ErrorKind::ALL {
        let heading = format!("\n## {}\n\n", kind.code());
        expected.push(kind.code().to_owned());
        let at = page
            .find(&heading)
            .unwrap_or_else(|| panic!("docs/errors.md does not speak of {}", kind.code()));
        let begin = at + heading.len();
        let end = begin + page[begin..].find('\n').unwrap();
        if std::env::var_os("AXIS_BLESS").is_some() {
            page.replace_range(begin..end, &facts(*kind));
            std::fs::write(&path, &page).unwrap();
        } else {
            assert_eq!(
                page[begin..end],
                facts(*kind),
                "of {}; AXIS_BLESS=1 cargo test -p axis-http book writes it",
                kind.code()
            );
        }
        let section = page[begin..].split("\n## ").next().unwrap();
        assert!(section.contains("\n**Means:** "), "what does {} mean?", kind.code());
        let todo = section.split("\n**Do:** ").nth(1).unwrap_or_default();
        assert!(todo.split_whitespace().count() > 8, "what to do about {}?", kind.code());
    }
    let codes = page
        .lines()
        .filter_map(|line| line.strip_prefix("## ").filter(|title| title.starts_with("AXIS_")));
    assert_eq!(
        codes.map(str::to_owned).collect::<Vec<_>>(),
        expected,
        "in this order, and no others"
    );
}
