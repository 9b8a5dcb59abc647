//! The reply to a request: status, headers, and a body of bounded size.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use cache_core::Secret;

use crate::{ProviderError, ProviderErrorKind};

/// How much of a body an error message shows, in characters.
const EXCERPT: usize = 160;

/// The reply to a request. Its `Debug` and its errors show none of the request's secrets, even where the upstream
/// repeats them.
#[derive(Clone)]
pub struct HttpReply {
    /// The status: 200, 404, 429.
    pub status: u16,
    /// The body, decompressed.
    pub body: Bytes,
    pub(super) provider: Arc<str>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) retry_after: Option<Duration>,
    pub(super) secrets: Vec<Secret>,
    pub(super) timeout: Duration,
}

/// How large a body is parsed at once; a larger one is parsed where it may block, in bytes.
const PARSED_AT_ONCE: usize = 64 << 10;

impl HttpReply {
    /// Returns the values of a header; `name` is in lower case.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns whether the status is 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns the reply itself if its status is 200 to 299.
    ///
    /// # Errors
    ///
    /// [`HttpReply::failure`] for any other status.
    pub fn succeeded(self) -> Result<Self, ProviderError> {
        if self.is_success() { Ok(self) } else { Err(self.failure()) }
    }

    /// Returns the error that the status means, with the beginning of the body.
    #[must_use]
    pub fn failure(&self) -> ProviderError {
        let kind = match self.status {
            429 => ProviderErrorKind::Throttled { retry_after: self.retry_after },
            // A 503 that says for how long is throttling as well.
            503 if self.retry_after.is_some() => {
                ProviderErrorKind::Throttled { retry_after: self.retry_after }
            }
            401 | 403 | 407 => ProviderErrorKind::Refused,
            408 => ProviderErrorKind::TimedOut,
            500.. => ProviderErrorKind::Broken,
            400..500 => ProviderErrorKind::BadRequest,
            _ => ProviderErrorKind::BadAnswer,
        };
        self.error(kind, &self.excerpt())
    }

    /// Returns an error about this reply, with secrets redacted.
    #[must_use]
    pub fn error(&self, kind: ProviderErrorKind, what: &str) -> ProviderError {
        // Redact before the text is cut, so that no part of a secret is left at its end.
        let said = self.redacted(what);
        let said: String = said.chars().take(2 * EXCERPT).collect();
        let colon = if said.is_empty() { "" } else { ": " };
        ProviderError::new(kind, format!("{} answered {}{colon}{said}", self.provider, self.status))
    }

    /// Parses the body. A large one is parsed on a thread that may block, for as long as a call may take; after
    /// that, or if this is dropped, nobody waits for it any more.
    ///
    /// # Errors
    ///
    /// `TimedOut`; `Broken` if the parser panicked.
    pub(crate) async fn parse<T: Send + 'static>(
        &self,
        read: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, ProviderError> {
        if self.body.len() <= PARSED_AT_ONCE {
            return Ok(read(&self.body));
        }
        let body = self.body.clone();
        let parsed = tokio::task::spawn_blocking(move || read(&body));
        match tokio::time::timeout(self.timeout, parsed).await {
            Ok(Ok(parsed)) => Ok(parsed),
            Ok(Err(_)) => Err(self.error(ProviderErrorKind::Broken, "parsing its body was broken off")),
            Err(_) => {
                let what =
                    format!("its {} bytes could not be parsed within {:?}", self.body.len(), self.timeout);
                Err(self.error(ProviderErrorKind::TimedOut, &what))
            }
        }
    }

    fn redacted(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| redact(&text, secret))
    }

    /// Returns the pause that the upstream asked for by `Retry-After`, if any.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns the beginning of the body as one line of text, with secrets redacted.
    #[must_use]
    pub fn excerpt(&self) -> String {
        // Redact before the text is cut, so that no part of a secret is left at its end.
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(64 << 10)]);
        let text = self.redacted(&text);
        let line = text.split(|char: char| char.is_whitespace() || char.is_control());
        let line = line.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let mut start: String = line.chars().take(EXCERPT).collect();
        if start.len() < line.len() {
            start.push_str("...");
        }
        start
    }
}

/// Replaces `secret` in `text`, as it is and percent-encoded.
fn redact(text: &str, secret: &Secret) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.reveal().as_bytes()).collect();
    text.replace(secret.reveal(), "…").replace(&encoded, "…")
}

impl fmt::Debug for HttpReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} answered {} ({} bytes): {}",
            self.provider,
            self.status,
            self.body.len(),
            self.excerpt()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_in_a_text_plainly_and_percent_encoded() {
        let secret = Secret::from("a/b c&d");
        assert_eq!(redact("?key=a%2Fb+c%26d&x, a/b c&d", &secret), "?key=…&x, …");
    }

    fn large(timeout: Duration) -> HttpReply {
        let body = Bytes::from(vec![b' '; PARSED_AT_ONCE + 1]);
        let (headers, secrets) = (Vec::new(), Vec::new());
        HttpReply { status: 200, body, provider: "acme".into(), headers, retry_after: None, secrets, timeout }
    }

    /// On a runtime of one thread the sender is only reached if the parser is on another.
    #[tokio::test]
    async fn a_large_body_is_parsed_off_the_runtime() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let reply = large(Duration::from_secs(60));
        let parsed = reply.parse(move |_| receiver.recv());
        let (parsed, sent) = futures_util::future::join(parsed, async move { sender.send(7) }).await;
        assert_eq!((parsed.unwrap(), sent), (Ok(7), Ok(())));
    }

    #[tokio::test]
    async fn a_parser_that_takes_longer_than_a_call_may_is_abandoned() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let error = large(Duration::ZERO).parse(move |_| receiver.recv()).await.unwrap_err();
        assert_eq!(error.kind(), ProviderErrorKind::TimedOut);
        drop(sender);
    }
}
