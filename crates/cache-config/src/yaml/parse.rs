//! Parses YAML into nodes with their positions.
//!
//! The subset that a configuration needs: one document, scalar keys, each once; no anchors, aliases or
//! tags, so a short file is never a large document.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::node::{Content, MapKey, Position, YamlNode};
use crate::errors::shortened;

/// How deep lists and maps may be nested.
const MAX_DEPTH: usize = 32;

/// Why a text is not valid YAML of that subset, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct YamlError {
    pub(crate) position: Option<Position>,
    pub(crate) message: String,
}

/// Parses a document. Returns `None` if it has nothing but comments.
pub(crate) fn parse(text: &str) -> Result<Option<YamlNode>, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    refuse_control_characters(text)?;
    DocumentParser { parser: Parser::new_from_str(text) }.document()
}

/// The parser takes a NUL for the end of the file, so what comes behind it would be left out unseen.
fn refuse_control_characters(text: &str) -> Result<(), YamlError> {
    let refused = |one: char| one.is_control() && !['\t', '\n', '\r'].contains(&one);
    let Some((at, found)) = text.char_indices().find(|(_, one)| refused(*one)) else { return Ok(()) };
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
    let message = format!("the control character U+{:04X} is here: remove it", u32::from(found));
    Err(YamlError { position: Some(Position { line, column }), message })
}

struct DocumentParser<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
}

impl<'a> DocumentParser<'a> {
    fn document(mut self) -> Result<Option<YamlNode>, YamlError> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(error_at(span.start, "a second document begins here: give one"));
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.event()?;
                    root = Some(self.node(event, span, 0)?);
                }
                _ => {}
            }
        }
        Ok(root)
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<YamlNode, YamlError> {
        if depth > MAX_DEPTH {
            return Err(error_at(span.start, format!("lists and maps are nested deeper than {MAX_DEPTH}")));
        }
        let content = match event {
            Event::Scalar(text, style, 0, None) => {
                Content::Scalar { text: text.into_owned(), quoted: style != ScalarStyle::Plain }
            }
            Event::SequenceStart(0, None) => Content::List(self.list(depth)?),
            Event::MappingStart(0, None) => Content::Map(self.map(depth)?),
            Event::Alias(_) => {
                return Err(error_at(span.start, "aliases (*) are not supported: write it out"));
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                return Err(error_at(span.start, "tags (!) are not supported: leave it out"));
            }
            _ => return Err(error_at(span.start, "anchors (&) are not supported: leave it out")),
        };
        Ok(YamlNode { content, position: Some(position(span.start)) })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<YamlNode>, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.event()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(MapKey, YamlNode)>, YamlError> {
        let mut members: Vec<(MapKey, YamlNode)> = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        loop {
            let key = match self.event()? {
                (Event::MappingEnd, _) => return Ok(members),
                (Event::Scalar(text, _, 0, None), span) => {
                    MapKey { text: text.into_owned(), position: Some(position(span.start)) }
                }
                (_, span) => return Err(error_at(span.start, "a key must be a text")),
            };
            let line = key.position.map_or(0, |position| position.line);
            if let Some(first) = lines.insert(key.text.clone(), line) {
                let message = format!(
                    "{} is given a second time, first on line {first}: give it once",
                    shortened(&key.text)
                );
                return Err(YamlError { position: key.position, message });
            }
            let (event, span) = self.event()?;
            let value = self.node(event, span, depth + 1)?;
            members.push((key, value));
        }
    }

    /// Returns the next event, where the document can't be over.
    fn event(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        self.next()?
            .ok_or_else(|| YamlError { position: None, message: "the file ends too early".to_owned() })
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, YamlError> {
        self.parser.next().transpose().map_err(|error: ScanError| {
            let info = error.info();
            let remedy = if info.contains("tab") { ": indent with spaces" } else { "" };
            error_at(*error.marker(), format!("{info}{remedy}"))
        })
    }
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

fn error_at(marker: Marker, message: impl Into<String>) -> YamlError {
    YamlError { position: Some(position(marker)), message: message.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_have_their_positions() {
        let root = parse("# first\nmemory:\n  mib: 64\n").unwrap().unwrap();
        let Content::Map(sections) = root.content else { panic!("a map") };
        let Content::Map(settings) = &sections[0].1.content else { panic!("a map") };
        assert_eq!(settings[0].0.position, Some(Position { line: 3, column: 3 }));
        assert_eq!(settings[0].1.position, Some(Position { line: 3, column: 8 }));
        assert_eq!(settings[0].1, YamlNode::unquoted("64"));
    }

    #[test]
    fn comments_alone_are_no_document() {
        for text in ["", "# a\n\n# b: c\n", "\u{feff}"] {
            assert_eq!(parse(text), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn rule_75_a_control_character_is_refused_with_its_position_and_hides_nothing() {
        for (text, line, column, part) in [
            ("log: info\n\0access_token: x\n", 2, 1, "U+0000"),
            ("# \u{1b}\na: 1\n", 1, 3, "U+001B"),
            ("a: 1\r\nb: 'é\u{7f}'\r\n", 2, 6, "U+007F"),
            ("a: |\n  x\u{85}\n", 2, 4, "U+0085"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.position, Some(Position { line, column }), "{text:?}: {error:?}");
            assert!(error.message.contains(part), "{text:?}: {error:?}");
        }
        assert!(parse("a: '\t'\r\nb: 2\r\n").is_ok());
    }

    #[test]
    fn rule_75_a_tab_as_indentation_is_refused_with_the_remedy() {
        for text in ["a:\n\tb: 1\n", "a:\n  b: 1\n\tc: 2\n", "a:\n\t- 1\n", "a: |\n\tx\n"] {
            let error = parse(text).unwrap_err();
            assert!(error.message.contains("indent with spaces"), "{text:?}: {error:?}");
        }
    }

    #[test]
    fn what_is_not_supported_is_refused_with_its_position() {
        for (text, line, part) in [
            ("a: 1\nb: &x 2\n", 2, "anchor"),
            ("a: &x {}\nb: *x\n", 1, "anchor"),
            ("a: !!str 1\n", 1, "tag"),
            ("a: 1\nb: 2\na: 3\n", 3, "first on line 1"),
            ("a: 1\n---\nb: 2\n", 2, "second document"),
            ("? [a]\n: 1\n", 1, "a key"),
            ("a: [1, 2\n", 2, ""),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.position.map(|position| position.line), Some(line), "{text:?}: {error:?}");
            assert!(error.message.contains(part), "{text:?}: {error:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(parse(&format!("a: {deep}")).is_err());
        let deep = format!("a: {}1{}", "[".repeat(100), "]".repeat(100));
        assert!(parse(&deep).unwrap_err().message.contains("nested deeper"));
    }

    proptest! {
        #[test]
        fn hostile_text_is_parsed_or_refused(text in "[ -~\n\t\u{0}\u{85}é&*!|>\\[\\]{}:,#'\"-]{0,200}") {
            let _ = parse(&text);
        }
    }
}
