//! The parameters of a document, read one by one. A request with one that is unknown or wrong is never sent.

use std::ops::RangeInclusive;

use crate::{DocumentId, Invalid, parse::start_of};

/// Reads the parameters of one document, and knows which of them were asked for.
pub(crate) struct GivenParameters<'a> {
    id: &'a DocumentId,
    known: Vec<&'static str>,
}

impl<'a> GivenParameters<'a> {
    pub(crate) fn of(id: &'a DocumentId) -> Self {
        Self { id, known: Vec::new() }
    }

    /// Returns a parameter as it is written.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<&'a str> {
        self.known.push(name);
        self.id.parameters.get(name).map(String::as_str)
    }

    /// Returns a parameter that is one of a few words, in any case.
    ///
    /// # Errors
    ///
    /// If it is another word.
    pub(crate) fn one_of(
        &mut self,
        name: &'static str,
        words: impl IntoIterator<Item = &'static str> + Clone,
    ) -> Result<Option<&'static str>, Invalid> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match words.clone().into_iter().find(|word| word.eq_ignore_ascii_case(text)) {
            Some(word) => Ok(Some(word)),
            None => {
                let words = words.into_iter().collect::<Vec<_>>().join(", ");
                Err(self.wrong(name, text, &format!("is one of {words}")))
            }
        }
    }

    /// Returns a parameter that is a whole number.
    ///
    /// # Errors
    ///
    /// If it isn't, or out of range.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, Invalid> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse().ok().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(name, text, &format!("is {} to {}", range.start(), range.end()))),
        }
    }

    /// Checks that no other parameter was given.
    ///
    /// # Errors
    ///
    /// If one was: the message names those that there are.
    pub(crate) fn end(self) -> Result<(), Invalid> {
        let Some(other) = self.id.parameters.keys().find(|name| !self.known.contains(&name.as_str())) else {
            return Ok(());
        };
        let known = match &self.known[..] {
            [] => "it takes none".to_owned(),
            known => format!("it takes {}", known.join(", ")),
        };
        Err(Invalid::new(format!(
            "{:?} is no parameter of such a document about {}: {known}",
            start_of(other),
            self.id.asset
        )))
    }

    fn wrong(&self, name: &str, text: &str, wanted: &str) -> Invalid {
        Invalid::new(format!("{name} of {} is {:?}: it {wanted}", self.id.asset, start_of(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (Option<&'static str>, Option<u32>);

    fn read(id: &str) -> Result<Read, Invalid> {
        let id: DocumentId = id.parse().unwrap();
        let mut parameters = GivenParameters::of(&id);
        let read = (parameters.one_of("of", ["open", "close"])?, parameters.number("n", 1..=9)?);
        parameters.end().map(|()| read)
    }

    #[test]
    fn what_is_given_is_read_and_what_is_not_is_left_to_the_reader() {
        assert_eq!(read("A"), Ok((None, None)));
        assert_eq!(read("A:of=CLOSE&n=9"), Ok((Some("close"), Some(9))));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_is_wanted() {
        for (id, why) in [
            ("A:of=high", "of of A is \"high\": it is one of open, close"),
            ("A:n=0", "it is 1 to 9"),
            ("A:n=10", "it is 1 to 9"),
            ("A:n=x", "it is 1 to 9"),
            ("A:day=1", "\"day\" is no parameter of such a document about A: it takes of, n"),
        ] {
            let told = read(id).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
        let id = "A:x=1".parse().unwrap();
        assert!(GivenParameters::of(&id).end().unwrap_err().to_string().ends_with("it takes none"));
    }
}
