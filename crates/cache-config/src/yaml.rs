//! YAML as nodes that know where they stand.
//!
//! The subset that a configuration needs: one document, names that are texts, each once; no anchors,
//! aliases or tags, so a short file is never a large one.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use crate::node::{Name, Node, Place, Said};

/// How deep lists and maps may lie in each other.
const DEEPEST: usize = 32;

/// What is wrong with a file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) place: Option<Place>,
    pub(crate) why: String,
}

/// Reads a document: `None` if there is nothing in it but comments.
pub(crate) fn read(text: &str) -> Result<Option<Node>, Broken> {
    Reader { parser: Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) }.document()
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn document(mut self) -> Result<Option<Node>, Broken> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(broken(span.start, "a second document begins here: give one"));
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.inside()?;
                    root = Some(self.node(event, span, 0)?);
                }
                _ => {}
            }
        }
        Ok(root)
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Broken> {
        if depth > DEEPEST {
            return Err(broken(span.start, format!("more than {DEEPEST} lists and maps lie in each other")));
        }
        let said = match event {
            Event::Scalar(text, style, 0, None) => {
                Said::Scalar { text: text.into_owned(), quoted: style != ScalarStyle::Plain }
            }
            Event::SequenceStart(0, None) => Said::List(self.list(depth)?),
            Event::MappingStart(0, None) => Said::Map(self.map(depth)?),
            Event::Alias(_) => return Err(broken(span.start, "an alias (*) is not read: write it out")),
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                return Err(broken(span.start, "a tag (!) is not read: leave it out"));
            }
            _ => return Err(broken(span.start, "an anchor (&) is not read: leave it out")),
        };
        Ok(Node { said, place: Some(place(span.start)) })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Broken> {
        let mut items = Vec::new();
        loop {
            match self.inside()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(Name, Node)>, Broken> {
        let mut members: Vec<(Name, Node)> = Vec::new();
        loop {
            let name = match self.inside()? {
                (Event::MappingEnd, _) => return Ok(members),
                (Event::Scalar(text, _, 0, None), span) => {
                    Name { text: text.into_owned(), place: Some(place(span.start)) }
                }
                (_, span) => return Err(broken(span.start, "a name is to be a text")),
            };
            if let Some((first, _)) = members.iter().find(|(known, _)| *known == name) {
                let line = first.place.map_or(0, |place| place.line);
                let why = format!("{} is given a second time, first in line {line}: give it once", name.text);
                return Err(Broken { place: name.place, why });
            }
            let (event, span) = self.inside()?;
            let value = self.node(event, span, depth + 1)?;
            members.push((name, value));
        }
    }

    /// The next event where there must be one.
    fn inside(&mut self) -> Result<(Event<'a>, Span), Broken> {
        self.next()?.ok_or_else(|| Broken { place: None, why: "the file ends too early".to_owned() })
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Broken> {
        self.parser.next().transpose().map_err(|error: ScanError| broken(*error.marker(), error.info()))
    }
}

fn place(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

fn broken(marker: Marker, why: impl Into<String>) -> Broken {
    Broken { place: Some(place(marker)), why: why.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_know_where_they_stand() {
        let root = read("# first\nmemory:\n  mib: 64\n").unwrap().unwrap();
        let Said::Map(sections) = root.said else { panic!("a map") };
        let Said::Map(settings) = &sections[0].1.said else { panic!("a map") };
        assert_eq!(settings[0].0.place, Some(Place { line: 3, column: 3 }));
        assert_eq!(settings[0].1.place, Some(Place { line: 3, column: 8 }));
        assert_eq!(settings[0].1, Node::plain("64"));
    }

    #[test]
    fn comments_alone_say_nothing() {
        for text in ["", "# a\n\n# b: c\n", "\u{feff}"] {
            assert_eq!(read(text), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_read_is_refused_where_it_stands() {
        for (text, line, part) in [
            ("a: 1\nb: &x 2\n", 2, "anchor"),
            ("a: &x {}\nb: *x\n", 1, "anchor"),
            ("a: !!str 1\n", 1, "tag"),
            ("a: 1\nb: 2\na: 3\n", 3, "first in line 1"),
            ("a: 1\n---\nb: 2\n", 2, "second document"),
            ("? [a]\n: 1\n", 1, "a name"),
            ("a: [1, 2\n", 2, ""),
        ] {
            let broken = read(text).unwrap_err();
            assert_eq!(broken.place.map(|place| place.line), Some(line), "{text:?}: {broken:?}");
            assert!(broken.why.contains(part), "{text:?}: {broken:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(&format!("a: {deep}")).is_err());
        let deep = format!("a: {}1{}", "[".repeat(100), "]".repeat(100));
        assert!(read(&deep).unwrap_err().why.contains("in each other"));
    }

    proptest! {
        #[test]
        fn hostile_text_is_read_or_refused(text in "[ -~\n\t\u{0}\u{85}é&*!|>\\[\\]{}:,#'\"-]{0,200}") {
            let _ = read(&text);
        }
    }
}
