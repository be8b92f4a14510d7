//! Columns of text as numbers: a dictionary, and one code a row.

use std::collections::HashMap;
use std::sync::Arc;

/// The code of NULL; the others count from 1 in the order of their texts.
pub(crate) const NULL: u32 = 0;

/// One code a row, as narrow as the greatest code allows.
#[derive(Debug)]
pub(crate) enum Codes {
    /// Up to 256 codes.
    Byte(Vec<u8>),
    /// Up to 65,536 codes.
    Short(Vec<u16>),
    /// More.
    Word(Vec<u32>),
}

/// Runs the same expression over codes of any width.
macro_rules! with_codes {
    ($codes:expr, $slice:ident => $body:expr) => {
        match $codes {
            $crate::analytics::frame::codes::Codes::Byte($slice) => $body,
            $crate::analytics::frame::codes::Codes::Short($slice) => $body,
            $crate::analytics::frame::codes::Codes::Word($slice) => $body,
        }
    };
}
pub(crate) use with_codes;

/// A code as an index.
pub(crate) trait Code: Copy + PartialOrd {
    /// Returns it as an index.
    fn index(self) -> usize;

    /// Takes a code that is known to fit.
    fn narrow(code: u32) -> Self;
}

impl Code for u8 {
    fn index(self) -> usize {
        usize::from(self)
    }

    fn narrow(code: u32) -> Self {
        code as u8
    }
}

impl Code for u16 {
    fn index(self) -> usize {
        usize::from(self)
    }

    fn narrow(code: u32) -> Self {
        code as u16
    }
}

impl Code for u32 {
    fn index(self) -> usize {
        self as usize
    }

    fn narrow(code: u32) -> Self {
        code
    }
}

impl Codes {
    /// Takes the codes in the order of these rows, each replaced by its place in `renamed`.
    pub(super) fn arrange(codes: &[u32], rows: &[u32], renamed: impl Fn(u32) -> u32, greatest: usize) -> Self {
        let arranged = rows.iter().map(|row| renamed(codes[*row as usize]));
        // The greatest code fits, so nothing is cut off.
        match greatest {
            0..=0xff => Self::Byte(arranged.map(|code| code as u8).collect()),
            0x100..=0xffff => Self::Short(arranged.map(|code| code as u16).collect()),
            _ => Self::Word(arranged.collect()),
        }
    }

    /// Returns the code of a row.
    pub(crate) fn get(&self, row: usize) -> u32 {
        with_codes!(self, codes => codes[row].index() as u32)
    }
}

/// A column of text.
#[derive(Debug)]
pub(crate) struct Coded {
    /// The code of each row.
    pub(crate) codes: Codes,
    values: Vec<Arc<str>>,
}

impl Coded {
    /// Returns the number of codes, NULL's among them.
    pub(crate) fn cardinality(&self) -> usize {
        self.values.len() + 1
    }

    /// Returns the text behind a code; none for NULL.
    pub(crate) fn text(&self, code: u32) -> Option<&str> {
        let index = (code as usize).checked_sub(1)?;
        self.values.get(index).map(AsRef::as_ref)
    }

    /// Tells for every code whether its text, or NULL, is wanted.
    pub(crate) fn allowed(&self, wanted: impl Fn(Option<&str>) -> bool) -> Vec<bool> {
        (0..self.cardinality())
            .map(|code| wanted(self.text(code as u32)))
            .collect()
    }
}

/// Gives each new text the next code.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) codes: Vec<u32>,
    known: HashMap<Arc<str>, u32>,
    values: Vec<Arc<str>>,
    /// The last code of texts that look alike: most columns have few values, and comparing one is cheaper than hashing.
    recent: [u32; 256],
}

impl Default for Encoder {
    fn default() -> Self {
        Self {
            codes: Vec::new(),
            known: HashMap::new(),
            values: Vec::new(),
            recent: [NULL; 256],
        }
    }
}

impl Encoder {
    pub(super) fn push(&mut self, text: Option<&str>) {
        let code = text.map_or(NULL, |text| self.code(text));
        self.codes.push(code);
    }

    fn code(&mut self, text: &str) -> u32 {
        let bytes = text.as_bytes();
        let at = |index: usize| bytes.get(index).copied().map_or(0, usize::from);
        let look = at(0) ^ (at(bytes.len() / 2) << 1) ^ (at(bytes.len().wrapping_sub(1)) << 2) ^ bytes.len();
        let recent = &mut self.recent[look & 0xff];
        if *recent != NULL && *self.values[*recent as usize - 1] == *text {
            return *recent;
        }
        let code = match self.known.get(text) {
            Some(code) => *code,
            None => {
                let value: Arc<str> = Arc::from(text);
                self.values.push(Arc::clone(&value));
                let code = self.values.len() as u32;
                self.known.insert(value, code);
                code
            }
        };
        *recent = code;
        code
    }

    /// Returns the number of codes, NULL's among them.
    pub(super) fn cardinality(&self) -> usize {
        self.values.len() + 1
    }

    /// Returns the texts behind the codes from 1 on.
    pub(super) fn into_values(self) -> Vec<Arc<str>> {
        self.values
    }

    /// Orders the dictionary by text and the codes by these rows.
    pub(super) fn finish(self, rows: &[u32]) -> Coded {
        let mut order: Vec<u32> = (0..self.values.len() as u32).collect();
        order.sort_unstable_by(|a, b| self.values[*a as usize].cmp(&self.values[*b as usize]));
        let mut renamed = vec![NULL; self.values.len() + 1];
        for (place, old) in order.iter().enumerate() {
            renamed[*old as usize + 1] = place as u32 + 1;
        }
        Coded {
            codes: Codes::arrange(&self.codes, rows, |code| renamed[code as usize], self.values.len()),
            values: order
                .iter()
                .map(|old| Arc::clone(&self.values[*old as usize]))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_follow_the_order_of_texts() {
        let mut encoder = Encoder::default();
        for text in [Some("b"), None, Some("a"), Some(""), Some("b"), Some("ä")] {
            encoder.push(text);
        }
        let coded = encoder.finish(&[5, 4, 3, 2, 1, 0]);
        let texts: Vec<Option<&str>> = (0..6).map(|row| coded.text(coded.codes.get(row))).collect();
        assert_eq!(texts, [Some("ä"), Some("b"), Some(""), Some("a"), None, Some("b")]);
        assert_eq!(coded.cardinality(), 5);
        assert_eq!(
            coded.allowed(|text| text.is_none_or(|text| text >= "b")),
            [true, false, false, true, true]
        );
    }

    #[test]
    fn many_values_get_wider_codes() {
        for count in [255_u32, 256, 65_535, 65_536] {
            let mut encoder = Encoder::default();
            for value in 0..count {
                encoder.push(Some(&format!("{value:06}")));
            }
            let rows: Vec<u32> = (0..count).collect();
            let coded = encoder.finish(&rows);
            for row in [0, count - 1] {
                assert_eq!(
                    coded.text(coded.codes.get(row as usize)),
                    Some(format!("{row:06}").as_str())
                );
            }
        }
    }
}
