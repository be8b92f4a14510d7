//! YAML text to a tree that knows the line of every node and keeps scalars as they are written.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use crate::error::{Error, ErrorKind, Result};

/// Deeper than any configuration; keeps recursion over the tree within the stack.
const MAX_DEPTH: usize = 32;
/// How many nodes aliases may copy, so that a few nested ones cannot fill the memory.
const MAX_COPIES: usize = 50_000;

/// Where something was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A line of a file.
    File {
        /// The file.
        file: Arc<str>,
        /// The line, from 1.
        line: usize,
    },
    /// A variable.
    Env {
        /// The variable.
        name: String,
        /// Where the variable comes from.
        label: String,
    },
}

impl Place {
    /// `file:line`, `environment`, or the label of a `.env` file.
    pub(super) fn text(&self) -> String {
        match self {
            Self::File { file, line } => format!("{file}:{line}"),
            Self::Env { label, .. } => label.clone(),
        }
    }
}

/// One node of the tree.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) data: Data,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Nothing, `~` or `null`.
    Null {
        /// Whether it was written out.
        word: bool,
    },
    /// A scalar as written.
    Scalar {
        /// The text without its quotes.
        text: String,
        /// Whether it stood without quotes, so that it may be a number or a truth value.
        plain: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

/// Reads one document; an empty file is [`Data::Null`].
pub(super) fn parse(file: &str, text: &str) -> Result<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder {
        file: Arc::from(file),
        stack: Vec::new(),
        anchors: HashMap::new(),
        copies: MAX_COPIES,
        root: None,
        documents: 0,
        lines: text.lines().count().max(1),
    };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            // The one message that quotes the file is cut: a stray character may belong to a password.
            let info = error.info();
            let what = info.split_once(": `").map_or(info, |(what, _)| what);
            builder.error(error.marker().line(), what)
        })?;
        builder.take(event, span.start.line())?;
    }
    let place = builder.place(1);
    Ok(builder.root.unwrap_or(Node {
        place,
        data: Data::Null { word: false },
    }))
}

struct Builder {
    file: Arc<str>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    copies: usize,
    root: Option<Node>,
    documents: usize,
    /// How many lines there are: an error at the end is not beyond it.
    lines: usize,
}

/// A collection that is not complete yet.
struct Frame {
    line: usize,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        key: Option<(String, usize)>,
        merges: Vec<Entry>,
    },
}

impl Builder {
    fn place(&self, line: usize) -> Place {
        Place::File {
            file: Arc::clone(&self.file),
            line: line.clamp(1, self.lines),
        }
    }

    fn error(&self, line: usize, what: &str) -> Error {
        let place = self.place(line).text();
        Error::new(ErrorKind::Config, format!("{place}: the YAML cannot be read: {what}")).during("config.parse")
    }

    fn take(&mut self, event: Event<'_>, line: usize) -> Result<()> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self.error(line, "there is a second document, allowed is one a file"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = self.is_plain(style, tag.as_deref(), line)?;
                if self.waits_for_key() {
                    return self.key(&text, line);
                }
                let data = if plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
                    Data::Null { word: !text.is_empty() }
                } else {
                    Data::Scalar {
                        text: text.into_owned(),
                        plain,
                    }
                };
                let node = Node {
                    place: self.place(line),
                    data,
                };
                self.complete(node, anchor)
            }
            Event::SequenceStart(anchor, tag) => self.open(line, anchor, tag.as_deref(), Content::List(Vec::new())),
            Event::MappingStart(anchor, tag) => {
                let content = Content::Map {
                    entries: Vec::new(),
                    key: None,
                    merges: Vec::new(),
                };
                self.open(line, anchor, tag.as_deref(), content)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(frame) = self.stack.pop() else { return Ok(()) };
                let data = match frame.content {
                    Content::List(items) => Data::List(items),
                    Content::Map {
                        mut entries, merges, ..
                    } => {
                        for entry in merges {
                            if !entries.iter().any(|own| own.key == entry.key) {
                                entries.push(entry);
                            }
                        }
                        Data::Map(entries)
                    }
                };
                let node = Node {
                    place: self.place(frame.line),
                    data,
                };
                self.complete(node, frame.anchor)
            }
            Event::Alias(anchor) => self.alias(anchor, line),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn waits_for_key(&self) -> bool {
        matches!(
            self.stack.last(),
            Some(Frame {
                content: Content::Map { key: None, .. },
                ..
            })
        )
    }

    fn is_plain(&self, style: ScalarStyle, tag: Option<&Tag>, line: usize) -> Result<bool> {
        match tag {
            None => Ok(style == ScalarStyle::Plain),
            Some(tag) if tag.is_yaml_core_schema() => Ok(tag.suffix != "str"),
            Some(_) => Err(self.error(line, "tags such as `!name` are not supported")),
        }
    }

    fn open(&mut self, line: usize, anchor: usize, tag: Option<&Tag>, content: Content) -> Result<()> {
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema()) {
            return Err(self.error(line, "tags such as `!name` are not supported"));
        }
        if self.waits_for_key() {
            return Err(self.error(line, "a key must be a text"));
        }
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.error(line, "it is nested more than 32 levels deep"));
        }
        self.stack.push(Frame { line, anchor, content });
        Ok(())
    }

    fn key(&mut self, text: &str, line: usize) -> Result<()> {
        let Some(Frame {
            content: Content::Map { entries, key, .. },
            ..
        }) = self.stack.last_mut()
        else {
            return Ok(());
        };
        if let Some(first) = entries
            .iter()
            .find(|entry| entry.key == text)
            .map(|entry| entry.place.text())
        {
            return Err(self.error(
                line,
                &format!("the key `{}` is there already, at {first}", text.escape_debug()),
            ));
        }
        *key = Some((text.to_owned(), line));
        Ok(())
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Result<()> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let file = Arc::clone(&self.file);
        match self.stack.last_mut().map(|frame| &mut frame.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { entries, key, merges }) => {
                let Some((key, line)) = key.take() else { return Ok(()) };
                if key != "<<" {
                    entries.push(Entry {
                        key,
                        place: Place::File { file, line },
                        node,
                    });
                } else if !merge(node.data, merges) {
                    return Err(self.error(line, "`<<` takes a mapping or a list of mappings"));
                }
            }
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, line: usize) -> Result<()> {
        if self.waits_for_key() {
            return Err(self.error(line, "a key must be a text"));
        }
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(self.error(line, "the alias refers to nothing that is complete"));
        };
        let (nodes, depth) = measure(node);
        if nodes > self.copies || self.stack.len() + depth > MAX_DEPTH {
            return Err(self.error(line, "aliases make it too large"));
        }
        self.copies -= nodes;
        let node = node.clone();
        self.complete(node, 0)
    }
}

/// Collects what `<<` brings in; of several mappings the first to name a key wins.
fn merge(data: Data, into: &mut Vec<Entry>) -> bool {
    match data {
        Data::Map(entries) => {
            for entry in entries {
                if !into.iter().any(|known| known.key == entry.key) {
                    into.push(entry);
                }
            }
            true
        }
        Data::List(items) => items
            .into_iter()
            .all(|item| matches!(item.data, Data::Map(_)) && merge(item.data, into)),
        Data::Null { .. } | Data::Scalar { .. } => false,
    }
}

/// Returns the number of nodes and the depth.
fn measure(node: &Node) -> (usize, usize) {
    let children: Vec<&Node> = match &node.data {
        Data::Null { .. } | Data::Scalar { .. } => return (1, 1),
        Data::List(items) => items.iter().collect(),
        Data::Map(entries) => entries.iter().map(|entry| &entry.node).collect(),
    };
    let (nodes, depth) = children
        .into_iter()
        .map(measure)
        .fold((0, 0), |a, b| (a.0 + b.0, a.1.max(b.1)));
    (nodes + 1, depth + 1)
}
