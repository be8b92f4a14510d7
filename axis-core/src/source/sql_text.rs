//! Looks at the text of a query without understanding SQL: where it ends, and what it begins with.

use crate::error::{Error, ErrorKind, Result};

/// Strips semicolons, white space and comments from the end of a query and checks that it is one SELECT.
///
/// Everything else stays as it is, byte for byte. Whatever this does not understand is left for the source to refuse.
///
/// # Errors
/// `Config` when there is no statement or more than one, or when the statement cannot return rows.
pub fn clean_query(text: &str) -> Result<String> {
    let config = |message: String| Err(Error::new(ErrorKind::Config, message));
    if text.contains('\0') {
        return config("query holds a NUL character; plain text is allowed".to_owned());
    }
    let mut statements: Vec<(usize, usize)> = Vec::new();
    let mut begun = false;
    for (piece, start, end) in (Pieces { text, at: 0 }) {
        match piece {
            Piece::Space => {}
            Piece::Semicolon => begun = false,
            Piece::Code if begun => statements.last_mut().expect("a statement has begun").1 = end,
            Piece::Code => {
                statements.push((start, end));
                begun = true;
            }
        }
    }
    let &[(start, end)] = statements.as_slice() else {
        return config(match statements.len() {
            0 => "query is empty; one SELECT is allowed".to_owned(),
            count => format!("query holds {count} statements; one SELECT is allowed"),
        });
    };
    let word: String = text[start..].chars().take_while(|c| is_word(*c)).collect();
    let found = if word.is_empty() {
        text[start..].chars().take(1).collect()
    } else {
        word
    };
    if !["select", "with", "values", "table", "("]
        .iter()
        .any(|allowed| found.eq_ignore_ascii_case(allowed))
    {
        return config(format!(
            "query begins with `{found}`; select, with, values and table are allowed"
        ));
    }
    // Comments before the query may be hints for the planner and stay; a stray semicolon must go.
    let head = if text[..start].contains(';') { start } else { 0 };
    Ok(text[head..end].to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// White space or a comment.
    Space,
    /// A semicolon outside of quotes.
    Semicolon,
    /// Anything else.
    Code,
}

/// Splits a text by PostgreSQL's lexical rules; an unfinished quote or comment reaches to the end.
struct Pieces<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Pieces<'_> {
    type Item = (Piece, usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let rest = &self.text[start..];
        let first = rest.chars().next()?;
        let mut piece = Piece::Code;
        let length = match first {
            ';' => {
                piece = Piece::Semicolon;
                1
            }
            // What PostgreSQL takes for white space; others, such as a no-break space, are part of names there.
            ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' => {
                piece = Piece::Space;
                1
            }
            '-' if rest.starts_with("--") => {
                piece = Piece::Space;
                rest.find(['\n', '\r']).unwrap_or(rest.len())
            }
            '/' if rest.starts_with("/*") => {
                piece = Piece::Space;
                block_comment(rest)
            }
            '\'' => quoted(rest, '\'', false),
            '"' => quoted(rest, '"', false),
            '$' => dollar_quoted(rest),
            c if is_word(c) => {
                let word = rest.find(|c| !is_word(c) && c != '$').unwrap_or(rest.len());
                // E'it\'s': the only form in which a backslash hides a quote.
                if rest[..word].eq_ignore_ascii_case("e") && rest[word..].starts_with('\'') {
                    word + quoted(&rest[word..], '\'', true)
                } else {
                    word
                }
            }
            c => c.len_utf8(),
        };
        self.at = start + length;
        Some((piece, start, self.at))
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// Returns the length of a quoted text; a doubled quote ends one and begins the next, which comes to the same.
fn quoted(text: &str, quote: char, backslash: bool) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((index, c)) = chars.next() {
        if c == quote {
            let doubled = text[index + 1..].starts_with(quote);
            if !doubled {
                return index + 1;
            }
            chars.next();
        } else if backslash && c == '\\' {
            chars.next();
        }
    }
    text.len()
}

/// Returns the length of `$tag$ ... $tag$`, or of the lone dollar.
fn dollar_quoted(text: &str) -> usize {
    let Some(end) = text[1..].find('$') else { return 1 };
    let tag = &text[..end + 2];
    let name = &tag[1..tag.len() - 1];
    if name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(is_word) {
        return 1;
    }
    text[tag.len()..]
        .find(tag)
        .map_or(text.len(), |close| tag.len() + close + tag.len())
}

/// Returns the length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_is_cleaned_and_the_rest_is_kept() {
        for (text, clean) in [
            ("select 1", "select 1"),
            ("select 1 ; ;\n", "select 1"),
            ("select 1 -- one;\n ; /* a /* b */ ; */", "select 1"),
            ("  -- hint\n select 1", "  -- hint\n select 1"),
            (" ; select 1;", "select 1"),
            ("select ';' || '--' ;", "select ';' || '--'"),
            ("select 'it''s;' ;", "select 'it''s;'"),
            ("select E'it\\';' , 'a\\' ;", "select E'it\\';' , 'a\\'"),
            ("select $$;--$$ ;", "select $$;--$$"),
            ("select $a$;$b$;$a$ ;", "select $a$;$b$;$a$"),
            ("select \"a;\"\"--\" from t;--", "select \"a;\"\"--\" from t"),
            ("select a$b$c, 1 ;", "select a$b$c, 1"),
            ("select 2/*x*/-1--", "select 2/*x*/-1"),
            ("VALUES (1)", "VALUES (1)"),
            ("(select 1) union (select 2);", "(select 1) union (select 2)"),
            ("table t", "table t"),
            (
                "With x as (select 1) select * from x",
                "With x as (select 1) select * from x",
            ),
            ("select 'never ends ; ", "select 'never ends ; "),
            ("select 'é;ü' as \"日;本\" ; ", "select 'é;ü' as \"日;本\""),
        ] {
            assert_eq!(clean_query(text).as_deref(), Ok(clean), "{text}");
        }
    }

    #[test]
    fn what_is_not_one_select_is_refused() {
        for (text, message) in [
            ("", "query is empty; one SELECT is allowed"),
            (" ; -- nothing\n", "query is empty; one SELECT is allowed"),
            ("select 1; select 2;", "query holds 2 statements; one SELECT is allowed"),
            (
                "select 1;;select 2;x",
                "query holds 3 statements; one SELECT is allowed",
            ),
            (
                "/* a */ Delete from t",
                "query begins with `Delete`; select, with, values and table are allowed",
            ),
            (
                "selected",
                "query begins with `selected`; select, with, values and table are allowed",
            ),
            (
                "{{query}}",
                "query begins with `{`; select, with, values and table are allowed",
            ),
            ("select '\0'", "query holds a NUL character; plain text is allowed"),
        ] {
            let error = clean_query(text).unwrap_err();
            assert_eq!((error.kind(), error.message()), (ErrorKind::Config, message), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_cleaning_twice_changes_nothing(text in "(select )?[;'\"$eE\\\\/*\\-a \n日]*") {
            if let Ok(clean) = clean_query(&text) {
                prop_assert!(text.contains(&clean));
                prop_assert_eq!(clean_query(&clean).unwrap(), clean);
            }
        }
    }
}
