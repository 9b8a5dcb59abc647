//! URLs with gaps for what is asked: `https://api.example.com/v1/quotes?symbols={symbols}`.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::{Invalid, http::HttpRequest};

/// A URL template, checked: its gaps are known ones, and lie behind the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// Where it leads, up to the path: `https://api.example.com`.
    pub(super) origin: String,
    segments: Vec<Text>,
    query: Vec<(String, Text)>,
}

/// A text with gaps.
type Text = Vec<Piece>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Gap(Gap),
}

/// What can be put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Gap {
    Symbol,
    Symbols,
    Market,
    From,
    To,
    Interval,
}

const GAPS: [(&str, Gap); 6] = [
    ("symbol", Gap::Symbol),
    ("symbols", Gap::Symbols),
    ("market", Gap::Market),
    ("from", Gap::From),
    ("to", Gap::To),
    ("interval", Gap::Interval),
];

impl Gap {
    /// Returns what it is called between braces.
    pub(super) fn name(self) -> &'static str {
        GAPS.iter().find(|(_, gap)| *gap == self).map_or("", |(name, _)| name)
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// If a brace or a gap's name is wrong, the URL is not one of http or https, a gap stands before its path
    /// or names a parameter, or the path has an empty segment.
    pub(super) fn read(text: &str) -> Result<Self, Invalid> {
        let wrong = |why: &str| Invalid::new(format!("the URL {text:?} {why}"));
        let (before, query) =
            text.split_once('?').map_or((text, None), |(before, query)| (before, Some(query)));
        let rest = before.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let origin = &before[..before.len() - rest.len() + host.len()];
        let url: Option<Url> =
            origin.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
        let Some(url) = url.filter(|_| !host.contains(['{', '}'])) else {
            return Err(wrong("must begin with http:// or https:// and a whole host: gaps come behind it"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Invalid::new("the URL names a user before its host: use headers"));
        }
        if text.contains('#') {
            return Err(wrong("has a fragment, which is not sent: leave it out"));
        }
        let segments = match path.trim_end_matches('/') {
            "" => Vec::new(),
            path => path.split('/').map(|segment| pieces(text, segment, false)).collect::<Result<_, _>>()?,
        };
        if segments.iter().any(|segment| matches!(plain(segment).as_str(), "" | "." | "..")) {
            return Err(wrong("has a segment in its path that leads nowhere: leave it out"));
        }
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name.contains(['{', '}']) {
                true => Err(wrong("has a gap in place of a parameter's name: only its value can be one")),
                false => Ok((decoded(name, true), pieces(text, value, true)?)),
            }
        };
        let pairs = query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty());
        Ok(Self { origin: origin.to_owned(), segments, query: pairs.map(pair).collect::<Result<_, _>>()? })
    }

    /// Returns whether a gap is in it.
    pub(super) fn has(&self, gap: Gap) -> bool {
        let texts = self.segments.iter().chain(self.query.iter().map(|(_, text)| text));
        texts.flatten().any(|piece| *piece == Piece::Gap(gap))
    }

    /// Returns the call with each gap filled; `None` if what is put in leaves no segment of a path: nothing,
    /// `.`, `..`.
    pub(super) fn fill(&self, value: impl Fn(Gap) -> String) -> Option<HttpRequest> {
        let filled = |text: &Text| -> String {
            let piece = |piece: &Piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Gap(gap) => value(*gap),
            };
            text.iter().map(piece).collect()
        };
        let segments: Vec<String> = self.segments.iter().map(filled).collect();
        if segments.iter().any(|segment| matches!(segment.as_str(), "" | "." | "..")) {
            return None;
        }
        let call = HttpRequest::get(segments.iter().map(String::as_str));
        Some(self.query.iter().fold(call, |call, (name, text)| call.query(name, filled(text))))
    }
}

/// Returns a part of the template, taken apart; what is percent-encoded in it is decoded, to be encoded once.
fn pieces(whole: &str, part: &str, query: bool) -> Result<Text, Invalid> {
    let wrong = |why: &str| Invalid::new(format!("the URL {whole:?} {why}"));
    let mut pieces = Vec::new();
    let mut rest = part;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| wrong("has a { without its }"))?;
        pieces.push(before);
        pieces.push(name);
        rest = after;
    }
    pieces.push(rest);
    // Texts and gaps in turn.
    let piece = |(at, text): (usize, &str)| match at % 2 {
        0 if text.contains('}') => Err(wrong("has a } without its {")),
        0 => Ok(Piece::Text(decoded(text, query))),
        _ => gap(text).map(Piece::Gap),
    };
    pieces.into_iter().enumerate().map(piece).collect()
}

/// Returns the text with a letter in each gap.
fn plain(text: &Text) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Gap(_) => "x".to_owned(),
    };
    text.iter().map(piece).collect()
}

fn decoded(text: &str, query: bool) -> String {
    let text = if query { text.replace('+', " ") } else { text.to_owned() };
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

fn gap(name: &str) -> Result<Gap, Invalid> {
    let known = GAPS.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, gap)| gap).ok_or_else(|| {
        let name: String = name.chars().take(32).collect();
        let known = GAPS.map(|(known, _)| format!("{{{known}}}")).join(", ");
        Invalid::new(format!("{{{name}}} is no gap of a URL: there are {known}"))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_template_that_could_lead_anywhere_is_refused_with_the_reason() {
        for (text, why) in [
            ("https://{symbol}.example.com/", "whole host"),
            ("https://example.com{symbol}", "whole host"),
            ("{symbol}", "whole host"),
            ("ftp://example.com/{symbol}", "whole host"),
            ("https:///x?{symbol}", "whole host"),
            ("https://me:pw@example.com/", "use headers"),
            ("https://example.com/{ticker}", "there are {symbol}, {symbols}"),
            ("https://example.com/{symbol", "without its }"),
            ("https://example.com/symbol}", "without its {"),
            ("https://example.com/?{symbol}=1", "parameter's name"),
            ("https://example.com/a//b", "leads nowhere"),
            ("https://example.com/a/%2e%2E/b", "leads nowhere"),
            ("https://example.com/a#b", "fragment"),
        ] {
            let message = Template::read(text).unwrap_err().to_string();
            assert!(message.contains(why) && !message.contains("pw"), "{message}");
        }
    }

    #[test]
    fn what_is_put_in_is_encoded_and_what_was_encoded_stays_so() {
        let template = Template::read("https://example.com:8443/v1/{symbol}?s={symbols}&m=a%26b&t").unwrap();
        let value = |gap| match gap {
            Gap::Symbol => "^G/S&P".to_owned(),
            _ => "A,B=C".to_owned(),
        };
        assert_eq!(template.origin, "https://example.com:8443");
        let call = format!("{:?}", template.fill(value).unwrap());
        assert_eq!(call, "GET v1/%5EG%2FS%26P?s=A%2CB%3DC&m=a%26b&t=");
        assert!(template.has(Gap::Symbols) && !template.has(Gap::From));
    }

    #[test]
    fn dots_do_not_lead_out_of_the_path() {
        let template = Template::read("https://example.com/v1/{symbol}").unwrap();
        for (text, led) in [("..", false), (".", false), ("", false), ("...", true), ("../x", true)] {
            assert_eq!(template.fill(|_| text.to_owned()).is_some(), led, "{text}");
        }
        for text in ["https://example.com/.{symbol}/x", "https://example.com/%2e{symbol}/x"] {
            assert!(Template::read(text).unwrap().fill(|_| ".".to_owned()).is_none());
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_or_filling_a_template_panic(
            text in "\\PC{0,60}|https://[a-z{}/?]{0,30}|https://e.x/[a-z{}?&=]{0,9}\\{symbol\\}[a-z?&=%+]{0,9}",
            value in "\\PC{0,9}",
        ) {
            if let Ok(template) = Template::read(&text) {
                let _ = template.fill(|_| value.clone());
            }
        }
    }
}
