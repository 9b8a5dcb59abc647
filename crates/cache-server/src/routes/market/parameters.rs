//! The parameters of a request that name a document.

use std::collections::BTreeMap;

use cache_http::{
    Problem,
    request::query::{MAX_OTHERS, echo, too_many},
};
use cache_market::StandardKey;
use market_data::{Asset, DataType, DocumentId};

/// The longest name of a parameter, in bytes.
const MAX_NAME: usize = 32;
/// The longest value of a parameter, in bytes. With as many parameters as there may be, a key is within its limit.
const MAX_VALUE: usize = 64;

/// Checks that a parameter of a document can have this name.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    let mut bytes = name.bytes();
    let begins = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase());
    let goes_on = bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if begins && goes_on && name.len() <= MAX_NAME {
        return Ok(());
    }
    let detail = format!(
        "{:?} is no name of a parameter: write 1 to {MAX_NAME} of a-z, 0-9 and _, a letter first, as in \
         function=SMA&period=20",
        echo(name)
    );
    Err(Problem::parameter(&echo(name), detail))
}

/// Returns the key of the document of an asset with these parameters.
pub(super) fn document_key(
    data: DataType,
    asset: Asset,
    parameters: BTreeMap<String, String>,
) -> Result<StandardKey, Problem> {
    if parameters.len() > MAX_OTHERS {
        return Err(too_many());
    }
    let mut id = DocumentId::new(asset);
    for (name, value) in parameters {
        check_name(&name)?;
        let wrong = if value.is_empty() {
            Some("is empty: leave it out, or give it a value".to_owned())
        } else if value.len() > MAX_VALUE {
            Some(format!("has {} bytes: the limit is {MAX_VALUE}", value.len()))
        } else if value.contains(char::is_control) {
            Some("holds a control character: write text".to_owned())
        } else {
            None
        };
        if let Some(wrong) = wrong {
            let detail = format!("{name}={:?} {wrong}", echo(&value));
            return Err(Problem::parameter(&name, detail));
        }
        id.parameters.insert(name, value);
    }
    let id = id.canonical(data).map_err(|invalid| Problem::parameter("parameters", format!("{invalid}")))?;
    Ok(StandardKey::Document { data, id })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(data: DataType, pairs: &[(&str, &str)]) -> Result<StandardKey, Problem> {
        let parameters = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        document_key(data, "AAPL".parse().unwrap(), parameters.collect())
    }

    #[test]
    fn one_document_has_one_key_however_its_parameters_are_written() {
        let sma = key(DataType::Technical, &[("function", "sMa"), ("period", "020")]).unwrap();
        assert_eq!(sma.to_string(), "technical:AAPL:function=SMA&interval=1d&of=close&period=20");
        let other = key(DataType::News, &[("function", "sMa")]).unwrap();
        assert_eq!(other.to_string(), "news:AAPL:function=sMa");
        let refused =
            key(DataType::TotalReturn, &[("from", "2020-02-01"), ("to", "2020-01-01")]).unwrap_err();
        assert!(refused.public_detail().contains("lies after"), "{refused:?}");
    }

    #[test]
    fn what_is_no_parameter_is_refused_with_the_reason() {
        let long = "x".repeat(65);
        for (name, value, why) in [
            ("", "1", "no name of a parameter"),
            ("Function", "SMA", "no name of a parameter"),
            ("1st", "a", "no name of a parameter"),
            (long.as_str(), "a", "no name of a parameter"),
            ("période", "a", "no name of a parameter"),
            ("period", "", "is empty"),
            ("period", long.as_str(), "has 65 bytes"),
            ("period", "1\n", "control character"),
        ] {
            let problem = key(DataType::Technical, &[(name, value)]).unwrap_err();
            assert!(problem.public_detail().contains(why), "{name}={value}: {problem:?}");
        }
    }

    proptest! {
        /// Whatever is accepted is a key that is read as it is written.
        #[test]
        fn what_is_accepted_is_a_key(pairs in prop::collection::btree_map("[a-z][a-z0-9_]{0,31}", ".{1,64}", 0..18)) {
            let few = pairs.len() <= MAX_OTHERS;
            let sound = pairs.values().all(|value| value.len() <= MAX_VALUE && !value.contains(char::is_control));
            match document_key(DataType::News, "BRK.B@XNYS".parse().unwrap(), pairs) {
                Ok(key) => {
                    prop_assert!(few && sound);
                    prop_assert_eq!(StandardKey::of(&key.within("md").unwrap()).unwrap(), key);
                }
                Err(_) => prop_assert!(!few || !sound),
            }
        }
    }
}
