//! Links between files of the tree lead to a file, and to a heading of it.

use std::path::{Path, PathBuf};

use super::{pages, root};

/// The lines of a page that are text: without code blocks, and without what is code within a line.
fn prose(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            lines.push(line.split('`').step_by(2).collect::<Vec<_>>().join("`"));
        }
    }
    lines
}

/// The targets of a page's links that are files or headings of the tree.
fn links(text: &str) -> Vec<String> {
    let lines = prose(text).join("\n");
    let targets = lines
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .map(str::to_owned)
        .collect()
}

/// The anchor of a heading.
pub(super) fn slug(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " _-".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The anchors of a page's headings. Where the book and the repository would name one differently it cannot be linked.
fn anchors(text: &str) -> Vec<String> {
    let mut is_code = false;
    let headings = text.lines().filter(|line| {
        is_code ^= line.starts_with("```");
        !is_code && line.starts_with('#')
    });
    let slugs: Vec<String> = headings.map(|line| slug(line.trim_start_matches('#').trim())).collect();
    let is_plain = |slug: &&String| {
        !slug.contains("--") && !slug.ends_with('-') && slugs.iter().filter(|other| other == slug).count() == 1
    };
    slugs.iter().filter(is_plain).cloned().collect()
}

/// Every page that is written by hand or made: those of the book, of the crates, and above them.
fn documents() -> Vec<PathBuf> {
    let root = root();
    let mut found = [pages(&root.join("docs")), pages(&root.join("deploy"))].concat();
    for entry in std::fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        let readme = path.join("README.md");
        if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        } else if readme.exists() && !found.contains(&readme) {
            found.push(readme);
        }
    }
    found
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        for link in links(&text) {
            seen += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                path.clone()
            } else {
                path.parent().unwrap().join(file)
            };
            let is_there = target.exists()
                && (anchor.is_empty()
                    || anchors(&std::fs::read_to_string(&target).unwrap())
                        .iter()
                        .any(|known| known == anchor));
            if !is_there {
                wrong.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "these links lead nowhere:\n{}", wrong.join("\n"));
    assert!(seen > 100, "{seen} links");
}

/// Programs in the book are files of the tree, which other tests run.
#[test]
fn programs_are_shown_as_they_are_tested() {
    let mut shown = 0;
    for path in pages(&root().join("docs")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some(language) = line.strip_prefix("```") else {
                continue;
            };
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if ["rust", "python", "js", "c"].contains(&language) {
                let place = format!("{}: {body:?}", path.display());
                let file = body.join("\n");
                let file = file.strip_prefix("--8<-- \"").and_then(|rest| rest.strip_suffix('"'));
                assert!(file.is_some_and(|file| is_example(Path::new(file))), "{place}");
                shown += 1;
            }
        }
    }
    assert!(shown > 8, "{shown} programs");
}

fn is_example(file: &Path) -> bool {
    file.starts_with("examples") && root().join(file).is_file()
}

#[test]
fn links_and_anchors_are_found() {
    let text = "# One `two` three\n[a](b.md#c) `[no](d)` [e](#f-g)\n```sh\n# no heading\n[no](h)\n```\n## F, g!\n## G - h\n[i](https://j)\n";
    assert_eq!(links(text), ["b.md#c", "#f-g"]);
    assert_eq!(anchors(text), ["one-two-three", "f-g"]);
}
