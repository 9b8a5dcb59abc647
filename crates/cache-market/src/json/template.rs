//! URLs with gaps for what is asked: `https://api.example.com/v1/quotes?symbols={symbols}`.

use crate::{Invalid, escape::escaped};

/// A URL template, checked: its gaps are known ones, and lie behind the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

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

impl Gap {
    const ALL: [(&str, Self); 6] = [
        ("symbol", Self::Symbol),
        ("symbols", Self::Symbols),
        ("market", Self::Market),
        ("from", Self::From),
        ("to", Self::To),
        ("interval", Self::Interval),
    ];
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// If a brace or a gap's name is wrong, the URL is not one of http or https, or a gap stands before its path.
    pub(super) fn read(text: &str) -> Result<Self, Invalid> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                return Err(Invalid::new(format!("the URL {text:?} has a {{ without its }}")));
            };
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Gap(gap(name)?));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let template = Self(pieces);
        template.check(text)?;
        Ok(template)
    }

    fn check(&self, text: &str) -> Result<(), Invalid> {
        if self.0.iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains('}'))) {
            return Err(Invalid::new(format!("the URL {text:?} has a }} without its {{")));
        }
        let start = match &self.0[0] {
            Piece::Text(start) => start.as_str(),
            Piece::Gap(_) => "",
        };
        let authority = start.strip_prefix("https://").or_else(|| start.strip_prefix("http://"));
        let Some((host, _)) = authority.and_then(|rest| rest.split_once(['/', '?'])) else {
            return Err(Invalid::new(format!(
                "the URL {text:?} must begin with http:// or https:// and a whole host: gaps come behind it"
            )));
        };
        if host.is_empty() || host.contains('@') {
            return Err(Invalid::new(format!(
                "the URL {text:?} names no host, or a user before it: use headers"
            )));
        }
        Ok(())
    }

    /// Whether a gap is in it.
    pub(super) fn has(&self, gap: Gap) -> bool {
        self.0.contains(&Piece::Gap(gap))
    }

    /// The URL with each gap filled, what is put in percent-encoded; `None` if what is put in would lead
    /// elsewhere in the path: `.` and `..` do, encoded or not.
    pub(super) fn fill(&self, value: impl Fn(Gap) -> String) -> Option<String> {
        let mut url = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => url.push_str(text),
                Piece::Gap(gap) => url.push_str(&escaped(&value(*gap))),
            }
        }
        (steps(&url) == steps(&self.plain())).then_some(url)
    }

    /// The URL with a letter in each gap.
    fn plain(&self) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Gap(_) => "x".to_owned(),
        };
        self.0.iter().map(text).collect()
    }
}

/// How many segments of a URL's path stay or lead up.
fn steps(url: &str) -> usize {
    let path = url.split('?').next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
    path.split('/').filter(|segment| matches!(*segment, "." | "..")).count()
}

fn gap(name: &str) -> Result<Gap, Invalid> {
    let known = Gap::ALL.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, gap)| gap).ok_or_else(|| {
        let name: String = name.chars().take(32).collect();
        let known = Gap::ALL.map(|(known, _)| format!("{{{known}}}")).join(", ");
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
            ("https:///x?{symbol}", "names no host"),
            ("https://me:pw@example.com/", "use headers"),
            ("https://example.com/{ticker}", "there are {symbol}, {symbols}"),
            ("https://example.com/{symbol", "without its }"),
            ("https://example.com/symbol}", "without its {"),
        ] {
            let message = Template::read(text).unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
        }
    }

    #[test]
    fn what_is_put_in_is_encoded() {
        let template = Template::read("https://example.com/v1/{symbol}?s={symbols}&m={market}").unwrap();
        let value = |gap| match gap {
            Gap::Symbol => "^G/S&P".to_owned(),
            Gap::Symbols => "A,B=C".to_owned(),
            _ => "a b#?é".to_owned(),
        };
        let url = template.fill(value).unwrap();
        assert_eq!(url, "https://example.com/v1/%5EG%2FS%26P?s=A%2CB%3DC&m=a%20b%23%3F%C3%A9");
    }

    #[test]
    fn dots_do_not_lead_out_of_the_path() {
        let template = Template::read("https://example.com/v1/{symbol}?s={symbols}").unwrap();
        for (text, led) in [("..", false), (".", false), ("...", true), ("../x", true), ("A..B", true)] {
            assert_eq!(template.fill(|_| text.to_owned()).is_some(), led, "{text}");
        }
        for text in ["https://example.com/.{symbol}/x", "https://example.com/%2e{symbol}/x"] {
            assert_eq!(Template::read(text).unwrap().fill(|_| ".".to_owned()), None);
        }
    }

    proptest! {
        #[test]
        fn nothing_put_in_changes_the_host_the_depth_or_the_parameters(text in "\\PC{0,20}|[.%/?#&=@:]{0,6}") {
            let template = Template::read("https://example.com/v1/{symbol}/x?s={symbols}&t=1").unwrap();
            if let Some(url) = template.fill(|_| text.clone()) {
                let rest = url.strip_prefix("https://example.com/v1/").unwrap();
                let (path, query) = rest.split_once('?').unwrap();
                prop_assert!(path.ends_with("/x") && path.matches('/').count() == 1);
                prop_assert!(query.ends_with("&t=1") && query.matches('&').count() == 1);
                prop_assert!(query.matches('=').count() == 2 && !url.contains('#'));
            }
        }

        #[test]
        fn no_text_makes_reading_a_template_panic(text in "\\PC{0,60}|https://[a-z{}/?]{0,30}") {
            let _ = Template::read(&text);
        }
    }
}
