//! What the library exports: the functions of the header, and nothing else.

use std::collections::BTreeSet;
use std::process::Command;

use super::support::{libraries, root};

#[test]
fn the_library_exports_what_the_header_declares() {
    let header = std::fs::read_to_string(root().join("include/axis.h")).unwrap();
    let declared: BTreeSet<&str> = header
        .match_indices("axis_")
        .filter_map(|(at, _)| {
            let name = &header[at..];
            let end = name.find(|letter: char| !letter.is_ascii_lowercase() && letter != '_')?;
            let before = header[..at].chars().next_back()?;
            // A function has its parenthesis right behind it; in a comment there is none.
            (name[end..].starts_with('(') && !before.is_ascii_alphanumeric()).then(|| &name[..end])
        })
        .collect();
    let library = libraries().join("libaxis.so");
    let output = Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(&library)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    let exported: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    assert!(exported.len() > 40, "{exported:?}");
    assert_eq!(exported, declared);
}
