//! A request: path, query and headers, some of them secret.

use std::{borrow::Cow, fmt};

use cache_core::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::{ProviderError, ProviderErrorKind};

/// A `GET` request.
///
/// Each segment and value is percent-encoded, so a symbol can't break out of its part of the URL. `Debug` shows no
/// secret.
///
/// ```
/// use cache_core::Secret;
/// use market_data::http::HttpRequest;
///
/// let key = Secret::from("hunter2");
/// let call = HttpRequest::get(["v8", "chart", "^GSPC/../x?"]).query("interval", "1d").secret_query("key", &key);
/// assert_eq!(format!("{call:?}"), "GET v8/chart/%5EGSPC%2F..%2Fx%3F?interval=1d&key=…");
/// ```
#[derive(Clone)]
pub struct HttpRequest {
    segments: Vec<String>,
    query: Vec<(String, Part)>,
    headers: Vec<(Cow<'static, str>, Part)>,
}

#[derive(Clone)]
enum Part {
    Open(String),
    Secret { before: &'static str, secret: Secret },
}

impl Part {
    fn text(&self) -> String {
        match self {
            Self::Open(text) => text.clone(),
            Self::Secret { before, secret } => format!("{before}{}", secret.reveal()),
        }
    }

    fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Open(_) => None,
            Self::Secret { secret, .. } => Some(secret),
        }
    }
}

impl HttpRequest {
    /// Asks for a path under the client's base URL, given as segments.
    #[must_use]
    pub fn get<'a>(segments: impl IntoIterator<Item = &'a str>) -> Self {
        let segments = segments.into_iter().map(Into::into).collect();
        Self { segments, query: Vec::new(), headers: Vec::new() }
    }

    /// Adds a parameter to the query.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), Part::Open(value.into())));
        self
    }

    /// Adds a secret parameter to the query.
    #[must_use]
    pub fn secret_query(mut self, name: impl Into<String>, secret: &Secret) -> Self {
        self.query.push((name.into(), Part::Secret { before: "", secret: secret.clone() }));
        self
    }

    /// Adds a header; `name` is in lower case.
    #[must_use]
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), Part::Open(value.into())));
        self
    }

    /// Adds a secret header.
    #[must_use]
    pub fn secret_header(mut self, name: impl Into<Cow<'static, str>>, secret: &Secret) -> Self {
        self.headers.push((name.into(), Part::Secret { before: "", secret: secret.clone() }));
        self
    }

    /// Adds a bearer token.
    #[must_use]
    pub fn bearer(mut self, token: &Secret) -> Self {
        self.headers
            .push(("authorization".into(), Part::Secret { before: "Bearer ", secret: token.clone() }));
        self
    }

    /// Returns the whole URL, secrets included.
    pub(super) fn url(&self, base: &Url) -> Result<Url, ProviderError> {
        // As segments of a URL these have a meaning of their own, and would be dropped.
        if let Some(odd) = self.segments.iter().find(|segment| matches!(segment.as_str(), "." | ".." | "")) {
            return Err(ProviderError::new(
                ProviderErrorKind::BadRequest,
                format!("{odd:?} can't be part of a URL's path"),
            ));
        }
        let mut url = base.clone();
        url.set_path(&format!("{}/{}", base.path().trim_end_matches('/'), self.path()));
        if !self.query.is_empty() {
            let pairs = self.query.iter().map(|(name, part)| (name, part.text()));
            url.query_pairs_mut().extend_pairs(pairs);
        }
        Ok(url)
    }

    fn path(&self) -> String {
        self.segments.iter().map(|segment| encoded(segment)).collect::<Vec<_>>().join("/")
    }

    /// Returns the headers: name, value, and whether the value is secret.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, String, bool)> {
        self.headers.iter().map(|(name, part)| (&**name, part.text(), part.secret().is_some()))
    }

    /// Returns the secrets, to be redacted wherever the upstream repeats them.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let parts = self.query.iter().map(|(_, part)| part).chain(self.headers.iter().map(|(_, part)| part));
        parts.filter_map(Part::secret).cloned().collect()
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GET {}", self.path())?;
        for (at, (name, part)) in self.query.iter().enumerate() {
            let value = match part {
                Part::Open(text) => encoded(text),
                Part::Secret { .. } => "…".to_owned(),
            };
            write!(f, "{}{}={value}", if at == 0 { '?' } else { '&' }, encoded(name))?;
        }
        Ok(())
    }
}

/// Percent-encodes all but what RFC 3986 calls unreserved. (`Url` by itself would drop line ends and tabs.)
fn encoded(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_breaks_out_of_its_part(segment in ".{1,12}", value in ".{0,12}") {
            let base: Url = "https://api.example/v1/".parse().unwrap();
            let call = HttpRequest::get(["quote", segment.as_str(), "end"]).query("symbols", value.clone());
            match call.url(&base) {
                Err(_) => prop_assert!([".", ".."].contains(&segment.as_str())),
                Ok(url) => {
                    prop_assert_eq!(url.host_str(), Some("api.example"));
                    let path: Vec<_> = url.path_segments().unwrap().collect();
                    prop_assert_eq!((path.len(), path[0], path[1], path[3]), (4, "v1", "quote", "end"));
                    let read = percent_encoding::percent_decode_str(path[2]).decode_utf8().unwrap();
                    // A path keeps what was put into it.
                    prop_assert_eq!(read, segment);
                    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
                    prop_assert_eq!(pairs, [("symbols".to_owned(), value)]);
                    prop_assert_eq!(url.fragment(), None);
                }
            }
        }
    }
}
