//! What commands print: results on stdout, everything else on stderr.

use std::io::{self, IsTerminal as _, Write as _};

use axis_core::{Error, ErrorKind};
use indicatif::{MultiProgress, ProgressDrawTarget};
use serde_json::{Value, json};

use super::Exit;

/// Standard output and standard error. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    json: bool,
    bars: MultiProgress,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
        }
    }

    /// Tells whether results are JSON documents.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Tells whether somebody looks at stderr.
    pub(crate) fn is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// The progress bars on stderr.
    pub(crate) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Runs something that writes, with the bars out of the way.
    pub(crate) fn above_bars<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bars.suspend(write)
    }

    /// Prints text for people on stdout.
    pub(crate) fn text(&self, text: &str) -> io::Result<()> {
        self.above_bars(|| {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            if !text.ends_with('\n') {
                out.write_all(b"\n")?;
            }
            out.flush()
        })
    }

    /// Prints the one JSON document on stdout.
    pub(crate) fn json(&self, document: &Value) -> io::Result<()> {
        self.text(&format!("{document:#}"))
    }

    /// Prints a line on stderr.
    pub(crate) fn note(&self, line: &str) {
        self.above_bars(|| {
            // There is nobody to tell when stderr has gone.
            let _ = writeln!(io::stderr().lock(), "{}", one_line(line));
        });
    }

    /// Prints an error, with a hint where there is one: a line on stderr and, for programs, the document on stdout.
    pub(crate) fn fail(&self, error: &Error) -> Exit {
        self.note_error(error);
        if self.json {
            // The exit code tells it, too.
            let _ = self.json(&json!({ "error": error }));
        }
        exit_of(error)
    }

    /// Prints an error and its hint on stderr.
    pub(crate) fn note_error(&self, error: &Error) {
        self.note(&format!("error: {error} [{}]", error.code()));
        if let Some(hint) = hint(error) {
            self.note(&format!("hint: {hint}"));
        }
    }
}

/// The exit code of an error: 2 when the call or the configuration is wrong, 1 for everything else.
pub(crate) fn exit_of(error: &Error) -> Exit {
    match error.kind() {
        ErrorKind::Config | ErrorKind::InvalidArgument | ErrorKind::NotFound => Exit::Wrong,
        _ => Exit::Failed,
    }
}

fn hint(error: &Error) -> Option<String> {
    match error.kind() {
        ErrorKind::Locked => {
            let pid = error
                .context()
                .find(|(key, _)| *key == "pid")
                .map_or("unknown", |(_, pid)| pid);
            Some(format!(
                "stop process {pid}, or ask it over HTTP if it is `axis serve`, as with curl http://HOST:PORT/api/store/status"
            ))
        }
        ErrorKind::SourceUnavailable => {
            Some("`axis config explain` shows host, port and TLS as they are used".to_owned())
        }
        _ => None,
    }
}

/// Aligns rows below their headers.
pub(crate) fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = headers.iter().map(|header| header.chars().count()).collect();
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| one_line(cell)).collect())
        .collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let mut push = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(cells) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    push(&mut headers.iter().copied());
    for row in &rows {
        push(&mut row.iter().map(String::as_str));
    }
    text
}

/// Replaces control characters, so that no value can move the cursor or begin a line.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_its_cells_are_lines() {
        let text = table(
            &["a", "long"],
            &[vec!["wide\ncell".into(), "1".into()], vec!["é".into(), String::new()]],
        );
        assert_eq!(text, "a          long\nwide cell  1\né\n");
    }

    #[test]
    fn exit_codes_follow_the_kind() {
        let exit = |kind| exit_of(&Error::new(kind, "x"));
        assert_eq!(exit(ErrorKind::Config), Exit::Wrong);
        assert_eq!(exit(ErrorKind::NotFound), Exit::Wrong);
        assert_eq!(exit(ErrorKind::Locked), Exit::Failed);
        assert_eq!(exit(ErrorKind::Query), Exit::Failed);
    }
}
