//! URL templates: `https://api.example.com/v1/quotes?symbols={symbols}`.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::{Invalid, http::HttpRequest};

/// A valid URL template: its placeholders are known, and stand after the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// The URL up to the path: `https://api.example.com`.
    pub(super) origin: String,
    segments: Vec<Text>,
    query: Vec<(String, Text)>,
}

/// A text with placeholders.
type Text = Vec<Piece>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Placeholder(Placeholder),
    /// A parameter of a document, by its name.
    Parameter(String),
}

/// A placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Placeholder {
    Symbol,
    Symbols,
    Market,
    From,
    To,
    Interval,
}

const PLACEHOLDERS: [(&str, Placeholder); 6] = [
    ("symbol", Placeholder::Symbol),
    ("symbols", Placeholder::Symbols),
    ("market", Placeholder::Market),
    ("from", Placeholder::From),
    ("to", Placeholder::To),
    ("interval", Placeholder::Interval),
];

impl Placeholder {
    /// Returns its name, as between braces.
    pub(super) fn name(self) -> &'static str {
        PLACEHOLDERS.iter().find(|(_, placeholder)| *placeholder == self).map_or("", |(name, _)| name)
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// If a brace is unmatched, a placeholder is unknown or stands before the path or in a parameter's name,
    /// the URL is not http or https, or its path has an empty segment.
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
            return Err(wrong(
                "must begin with http:// or https:// and a whole host: placeholders come behind it",
            ));
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
                true => {
                    Err(wrong("has a placeholder in place of a parameter's name: only its value can be one"))
                }
                false => Ok((decoded(name, true), pieces(text, value, true)?)),
            }
        };
        let pairs = query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty());
        Ok(Self { origin: origin.to_owned(), segments, query: pairs.map(pair).collect::<Result<_, _>>()? })
    }

    /// Returns whether it has a placeholder.
    pub(super) fn has(&self, placeholder: Placeholder) -> bool {
        let texts = self.segments.iter().chain(self.query.iter().map(|(_, text)| text));
        texts.flatten().any(|piece| *piece == Piece::Placeholder(placeholder))
    }

    /// Returns the names of the parameters that it has.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &str> {
        let texts = self.segments.iter().chain(self.query.iter().map(|(_, text)| text));
        texts.flatten().filter_map(|piece| match piece {
            Piece::Parameter(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Returns the request with the placeholders filled, and with the parameters, those not given being empty;
    /// `None` if that makes a segment of the path empty, `.` or `..`.
    pub(super) fn fill(
        &self,
        value: impl Fn(Placeholder) -> String,
        parameters: &BTreeMap<String, String>,
    ) -> Option<HttpRequest> {
        let filled = |text: &Text| -> String {
            let piece = |piece: &Piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Placeholder(placeholder) => value(*placeholder),
                Piece::Parameter(name) => parameters.get(name).cloned().unwrap_or_default(),
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

/// Splits a part of the template into texts and placeholders. Texts are percent-decoded, since they are encoded
/// later.
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
    // Texts and placeholders in turn.
    let piece = |(at, text): (usize, &str)| match at % 2 {
        0 if text.contains('}') => Err(wrong("has a } without its {")),
        0 => Ok(Piece::Text(decoded(text, query))),
        _ => placeholder(text),
    };
    pieces.into_iter().enumerate().map(piece).collect()
}

/// Returns the text with a letter for each placeholder.
fn plain(text: &Text) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Placeholder(_) | Piece::Parameter(_) => "x".to_owned(),
    };
    text.iter().map(piece).collect()
}

fn decoded(text: &str, query: bool) -> String {
    let text = if query { text.replace('+', " ") } else { text.to_owned() };
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

fn placeholder(name: &str) -> Result<Piece, Invalid> {
    if let Some(parameter) = name.strip_prefix("param:").filter(|parameter| is_name(parameter)) {
        return Ok(Piece::Parameter(parameter.to_owned()));
    }
    let known = PLACEHOLDERS.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, placeholder)| Piece::Placeholder(placeholder)).ok_or_else(|| {
        let name: String = name.chars().take(32).collect();
        let known = PLACEHOLDERS.map(|(known, _)| format!("{{{known}}}")).join(", ");
        Invalid::new(format!("{{{name}}} is no placeholder: there are {known}, {{param:NAME}}"))
    })
}

/// Returns whether a text can be the name of a parameter.
fn is_name(text: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(sound)
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
            ("https://example.com/{param:}", "no placeholder"),
            ("https://example.com/{param:a b}", "there are {symbol}"),
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
        let template =
            Template::read("https://example.com:8443/v1/{symbol}?s={symbols}&m=a%26b&t&n={param:n}").unwrap();
        let value = |placeholder| match placeholder {
            Placeholder::Symbol => "^G/S&P".to_owned(),
            _ => "A,B=C".to_owned(),
        };
        assert_eq!(template.origin, "https://example.com:8443");
        let parameters = BTreeMap::from([("n".to_owned(), "1&m=2".to_owned())]);
        let call = format!("{:?}", template.fill(value, &parameters).unwrap());
        assert_eq!(call, "GET v1/%5EG%2FS%26P?s=A%2CB%3DC&m=a%26b&t=&n=1%26m%3D2");
        assert_eq!(template.parameters().collect::<Vec<_>>(), ["n"]);
        assert!(template.has(Placeholder::Symbols) && !template.has(Placeholder::From));
    }

    #[test]
    fn dots_do_not_lead_out_of_the_path() {
        let template = Template::read("https://example.com/v1/{symbol}").unwrap();
        for (text, led) in [("..", false), (".", false), ("", false), ("...", true), ("../x", true)] {
            assert_eq!(template.fill(|_| text.to_owned(), &BTreeMap::new()).is_some(), led, "{text}");
        }
        for text in ["https://example.com/.{symbol}/x", "https://example.com/%2e{symbol}/x"] {
            assert!(Template::read(text).unwrap().fill(|_| ".".to_owned(), &BTreeMap::new()).is_none());
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_or_filling_a_template_panic(
            text in "\\PC{0,60}|https://[a-z{}/?]{0,30}|https://e.x/[a-z{}?&=]{0,9}\\{symbol\\}[a-z?&=%+]{0,9}",
            value in "\\PC{0,9}",
        ) {
            if let Ok(template) = Template::read(&text) {
                let _ = template.fill(|_| value.clone(), &BTreeMap::new());
            }
        }
    }
}
