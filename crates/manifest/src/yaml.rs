//! YAML as trees whose nodes know their lines.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError};

/// The limit of nodes in a file, those that aliases repeat included: a few lines of aliases can
/// stand for billions.
const MOST_NODES: usize = 1_000_000;

/// A value and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A text, and whether it is written without quotes: then it may be a number.
    Scalar(String, bool),
    Sequence(Vec<Node>),
    /// Keys and values in the order of the file.
    Mapping(Vec<(Node, Node)>),
}

/// The text is not YAML, or too large.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) line: usize,
    pub(crate) reason: String,
}

impl Node {
    /// Returns the value of a key of a mapping. The last of several counts; a merge (`<<`) counts
    /// where there is none.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Mapping(pairs) = &self.value else { return None };
        let find = |key: &str| {
            pairs.iter().rev().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
        };
        find(key).or_else(|| match &find("<<")?.value {
            Value::Mapping(_) => find("<<")?.get(key),
            Value::Sequence(merged) => merged.iter().find_map(|node| node.get(key)),
            Value::Scalar(..) => None,
        })
    }

    /// Returns the value below several keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Returns the elements of a sequence; none of any other value.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::Sequence(items) => items,
            Value::Scalar(..) | Value::Mapping(_) => &[],
        }
    }

    /// Returns the text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, _) => Some(text),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// Whether the value is absent for the API: `null`, `~` or nothing.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(text, true) if matches!(&**text, "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Whether the API reads the value as a text: it is quoted, or looks like no number, boolean or
    /// null. The words are those of kubectl's parser, which reads YAML 1.1.
    pub(crate) fn is_string(&self) -> bool {
        let Value::Scalar(text, is_plain) = &self.value else { return false };
        if !is_plain {
            return true;
        }
        let word = text.to_ascii_lowercase();
        let is_word = matches!(&*word, "true" | "false" | "yes" | "no" | "on" | "off");
        !is_word && !self.is_null() && !is_number(text)
    }

    /// Returns a number.
    pub(crate) fn number(&self) -> Option<i64> {
        match &self.value {
            Value::Scalar(text, true) => text.parse().ok(),
            _ => None,
        }
    }

    /// Returns a boolean.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match &self.value {
            Value::Scalar(text, true) => match &*text.to_ascii_lowercase() {
                "true" | "yes" | "on" => Some(true),
                "false" | "no" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let has_prefix = |prefix: &str| {
        digits.strip_prefix(prefix).is_some_and(|rest| u64::from_str_radix(rest, 16).is_ok())
    };
    let begins = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    begins && (has_prefix("0x") || digits.parse::<f64>().is_ok())
}

/// Returns the documents of a text; those before the first error, if there is one.
pub(crate) fn parse(text: &str) -> (Vec<Node>, Option<SyntaxError>) {
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text.trim_start_matches('\u{feff}')) {
        let outcome = event
            .map_err(|error| syntax(&error))
            .and_then(|(event, span)| tree.add(event, span.start.line()));
        if let Err(error) = outcome {
            return (tree.documents, Some(error));
        }
    }
    (tree.documents, None)
}

fn syntax(error: &ScanError) -> SyntaxError {
    SyntaxError {
        line: error.marker().line().max(1),
        reason: format!("the file is no YAML from here on: {}", error.info()),
    }
}

/// Documents that are being built.
#[derive(Default)]
struct Tree {
    documents: Vec<Node>,
    /// The collections that are not complete, the innermost last: their nodes so far, the line and
    /// the anchor.
    open: Vec<Open>,
    /// Complete nodes with an anchor.
    anchors: HashMap<usize, (Node, usize)>,
    /// The number of nodes.
    count: usize,
}

struct Open {
    line: usize,
    anchor: usize,
    is_mapping: bool,
    nodes: Vec<Node>,
    /// The nodes before this collection.
    count_before: usize,
}

impl Tree {
    fn add(&mut self, event: Event<'_>, line: usize) -> Result<(), SyntaxError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                // A tag such as `!!str` makes a text of a number.
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                let node = Node { line, value: Value::Scalar(text.into_owned(), is_plain) };
                self.place(node, anchor, 1)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(line, anchor, false),
            Event::MappingStart(_, anchor, _) => self.begin(line, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some((node, count)) => self.place(node, 0, count),
                // A collection that contains itself.
                None => {
                    Err(SyntaxError { line, reason: "an alias stands in its own value".to_owned() })
                }
            },
            Event::DocumentStart(..) => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "an arm of those that may fail")]
    fn begin(&mut self, line: usize, anchor: usize, is_mapping: bool) -> Result<(), SyntaxError> {
        self.open.push(Open {
            line,
            anchor,
            is_mapping,
            nodes: Vec::new(),
            count_before: self.count,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), SyntaxError> {
        let Some(Open { line, anchor, is_mapping, nodes, count_before }) = self.open.pop() else {
            return Ok(());
        };
        let value = if is_mapping {
            let mut pairs = Vec::with_capacity(nodes.len() / 2);
            let mut nodes = nodes.into_iter();
            while let (Some(key), Some(value)) = (nodes.next(), nodes.next()) {
                pairs.push((key, value));
            }
            Value::Mapping(pairs)
        } else {
            Value::Sequence(nodes)
        };
        let own = self.count - count_before;
        self.count = count_before;
        self.place(Node { line, value }, anchor, own + 1)
    }

    /// Adds a complete node, which consists of `count` nodes.
    fn place(&mut self, node: Node, anchor: usize, count: usize) -> Result<(), SyntaxError> {
        self.count += count;
        if self.count > MOST_NODES {
            let reason =
                format!("the file has more than {MOST_NODES} values, those of aliases included");
            return Err(SyntaxError { line: node.line, reason });
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), count));
        }
        match self.open.last_mut() {
            Some(open) => open.nodes.push(node),
            None => self.documents.push(node),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        let (mut documents, error) = parse(text);
        assert_eq!((documents.len(), error), (1, None), "{text}");
        documents.remove(0)
    }

    #[test]
    fn nodes_know_their_lines() {
        let node = one("a:\n  - b: 1\n    c: [x, \"2\"]\n# comment\nd: |\n  text\n");
        let item = &node.get("a").unwrap().items()[0];
        assert_eq!((item.line, item.get("b").unwrap().number()), (2, Some(1)));
        let list = item.get("c").unwrap();
        assert_eq!((list.line, list.items()[1].line), (3, 3));
        assert!(list.items()[0].is_string() && list.items()[1].is_string());
        assert_eq!(node.get("d").unwrap().text(), Some("text\n"));
        assert_eq!(node.at(&["a", "b"]), None);
        let (documents, error) = parse("a: 1\n---\nb: 2\n---\n{\"c\": [3]}\n");
        assert_eq!((documents.len(), error), (3, None));
        assert_eq!(documents[2].line, 5);
    }

    #[test]
    fn texts_and_other_scalars_are_told_apart() {
        for (text, is_string) in [
            ("x", true),
            ("'1'", true),
            ("!!str 1", true),
            ("/app", true),
            ("-v", true),
            ("1.2.3", true),
            (".hidden", true),
            ("infinity", true),
            ("1", false),
            ("-1", false),
            ("0x1F", false),
            ("1e3", false),
            (".5", false),
            ("yes", false),
            ("True", false),
            ("~", false),
        ] {
            assert_eq!(
                one(&format!("a: {text}")).get("a").unwrap().is_string(),
                is_string,
                "{text}"
            );
        }
        assert!(one("a:\n").get("a").unwrap().is_null());
        assert_eq!(one("a: \"true\"").get("a").unwrap().boolean(), None);
    }

    #[test]
    fn aliases_and_merges_are_followed() {
        let node = one("base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  y: 3\nlist: {<<: [*b]}\n");
        let number = |path: &[&str]| node.at(path).and_then(Node::number);
        assert_eq!((number(&["own", "x"]), number(&["own", "y"])), (Some(1), Some(3)));
        assert_eq!(number(&["list", "y"]), Some(2));
    }

    #[test]
    fn errors_have_lines_and_bombs_an_end() {
        let (documents, error) = parse("a: 1\n---\nb: [1\nc: 2\n");
        assert_eq!(documents.len(), 1);
        assert!(error.unwrap().line >= 3);
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let below = format!("*a{}", level - 1);
            bomb = format!("{bomb}a{level}: &a{level} [{}]\n", [&*below; 10].join(", "));
        }
        let (_, error) = parse(&bomb);
        assert!(error.unwrap().reason.contains("more than"));
        assert!(parse(&"[".repeat(100_000)).1.is_some());
        assert!(parse("a: &a [*a]").1.is_some());
    }
}
