//! The fenced blocks of a page, and what is shown in them.

use std::fmt::Write as _;

/// A block that something is done with.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Where it begins, for messages.
    pub(super) line: usize,
    /// What it is: the first word of its fence.
    pub(super) kind: String,
    /// The status that every answer has; none means success.
    pub(super) status: Option<String>,
    /// The exit code of the last command; that of others is 0.
    pub(super) exit: Option<i32>,
    /// Whether the server is stopped before it.
    pub(super) stop: bool,
    pub(super) body: Vec<String>,
}

/// Finds the blocks of a page.
pub(super) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((line, text)) = lines.next() {
        let Some(info) = text.strip_prefix("```") else {
            continue;
        };
        let body = lines
            .by_ref()
            .map(|(_, text)| text.to_owned())
            .take_while(|text| text != "```");
        let mut block = Block {
            line: line + 1,
            body: body.collect(),
            ..Block::default()
        };
        for (index, word) in info.split_whitespace().enumerate() {
            match word.split_once('=') {
                None if index == 0 => word.clone_into(&mut block.kind),
                None if word == "stop" => block.stop = true,
                Some(("status", status)) => block.status = Some(status.to_owned()),
                Some(("exit", code)) => block.exit = Some(code.parse().unwrap()),
                _ => panic!("line {}: `{word}` means nothing", line + 1),
            }
        }
        if ["yaml", "dotenv", "sql", "sh", "console"].contains(&block.kind.as_str()) {
            blocks.push(block);
        }
    }
    blocks
}

/// Takes a session apart into commands and what they print.
pub(super) fn console(lines: &[String]) -> Vec<(String, Option<String>)> {
    let mut commands: Vec<(String, Option<String>)> = Vec::new();
    for line in lines {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push((command.to_owned(), None));
            continue;
        }
        let Some((command, output)) = commands.last_mut() else {
            panic!("a session begins with `$ `, not with {line:?}");
        };
        match (line.strip_prefix("> "), &mut *output) {
            (Some(more), None) => {
                let _ = write!(command, "\n{more}");
            }
            (_, shown) => {
                let shown = shown.get_or_insert_default();
                let _ = writeln!(shown, "{line}");
            }
        }
    }
    commands
}

/// Tells whether an output is what is shown, where `...` is any text. Blanks at the ends of lines do not count.
pub(super) fn matches(shown: &str, output: &str) -> bool {
    let trimmed = |text: &str| text.trim().lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let (shown, output) = (trimmed(shown), trimmed(output));
    let parts: Vec<&str> = shown.split("...").collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return shown == output;
    };
    let Some(mut rest) = output.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn blocks_are_found_and_outputs_compared() {
    let document = "\
```sh
axis serve
```
text
```console status=404 exit=1 stop
$ curl a \\
>   -X POST
{\"a\": ..., \"b\": 2}
$ curl b
```
```yaml
# custom/config/duckdb.yaml
```
```json
curl
```
";
    let blocks = blocks(document);
    let found: Vec<_> = blocks
        .iter()
        .map(|block| {
            (
                block.line,
                block.kind.as_str(),
                block.status.as_deref(),
                block.exit,
                block.stop,
            )
        })
        .collect();
    let expected = [
        (1, "sh", None, None, false),
        (5, "console", Some("404"), Some(1), true),
        (11, "yaml", None, None, false),
    ];
    assert_eq!(found, expected);
    let commands = console(&blocks[1].body);
    assert_eq!(commands[0].0, "curl a \\\n  -X POST");
    assert_eq!(commands[0].1.as_deref(), Some("{\"a\": ..., \"b\": 2}\n"));
    assert_eq!(commands[1], ("curl b".to_owned(), None));

    assert!(matches("a", " a \n") && matches("a...c", "abc") && matches("a...", "a") && matches("...", ""));
    assert!(matches("{\"a\":...,\"b\":...}", "{\"a\":1,\"b\":2}") && matches("a\nb", "a  \nb"));
    for (shown, output) in [
        ("a", "ab"),
        ("a...c", "abcd"),
        ("b...", "abc"),
        ("a...x...c", "abc"),
        ("", "a"),
    ] {
        assert!(!matches(shown, output), "{shown:?} {output:?}");
    }
}
