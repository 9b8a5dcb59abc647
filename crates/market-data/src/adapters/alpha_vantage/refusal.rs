//! Errors that Alpha Vantage reports with status 200.

/// The reason, by the words of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The quota of a minute is used up.
    Minute,
    /// The quota of the day is used up.
    Day,
    /// The API key is missing, wrong, or doesn't allow this endpoint.
    Key,
    /// The request is bad: most often its symbol is unknown.
    HttpRequest,
    /// There are no news.
    NoArticles,
}

/// A text under `Error Message`, `Information` or `Note`, and its reason. The text may contain the API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    pub(super) text: String,
}

impl Refusal {
    /// Reads a text under `key`; `None` if that is no key of a refusal.
    pub(super) fn read(key: &str, text: String) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let reason = match key {
            "Error Message" if says(&["apikey", "api key"]) => Reason::Key,
            "Error Message" => Reason::HttpRequest,
            "Note" | "Information" if says(&["premium endpoint", "demo** api key", "apikey is invalid"]) => {
                Reason::Key
            }
            "Information" if says(&["no articles found"]) => Reason::NoArticles,
            "Information" if says(&["invalid inputs"]) => Reason::HttpRequest,
            "Note" | "Information" if says(&["per minute", "per second"]) => Reason::Minute,
            "Note" | "Information" if says(&["per day", "rate limit", "call frequency", "call volume"]) => {
                Reason::Day
            }
            // An unknown text is treated like a used-up minute: pause, and ask again.
            "Note" | "Information" => Reason::Minute,
            _ => return None,
        };
        Some(Self { reason, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_by_its_key_and_its_words() {
        for (key, text, reason) in [
            (
                "Error Message",
                "Invalid API call. Please retry or visit the documentation",
                Reason::HttpRequest,
            ),
            ("Error Message", "the parameter apikey is invalid or missing.", Reason::Key),
            (
                "Note",
                "Our standard API call frequency is 5 calls per minute and 500 calls per day.",
                Reason::Minute,
            ),
            ("Information", "our standard API rate limit is 25 requests per day.", Reason::Day),
            ("Information", "The **demo** API key is for demo purposes only.", Reason::Key),
            ("Information", "This is a premium endpoint.", Reason::Key),
            (
                "Information",
                "No articles found. Please adjust the time range or refer to the API documentation",
                Reason::NoArticles,
            ),
            ("Information", "Invalid inputs. Please refer to the API documentation", Reason::HttpRequest),
            ("Information", "Come back later.", Reason::Minute),
        ] {
            assert_eq!(Refusal::read(key, text.into()).unwrap().reason, reason, "{text}");
        }
        assert_eq!(Refusal::read("Meta Data", "Information".into()), None);
    }
}
