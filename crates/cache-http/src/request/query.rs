//! Query parameters, parsed strictly: unknown, repeated or badly encoded ones are refused.

use std::collections::BTreeMap;

use crate::problem::Problem;

/// How many characters of a request's text a response repeats.
const MAX_ECHO_CHARS: usize = 64;
/// How many parameters a request may have that its path does not know by name.
pub const MAX_OTHERS: usize = 16;

/// The parameters of a request.
#[derive(Debug)]
pub struct QueryParams<'a> {
    pairs: Vec<(&'a str, String)>,
}

impl<'a> QueryParams<'a> {
    /// Parses what follows the `?`. Only the parameters in `known` are accepted, each at most once.
    pub fn read(query: Option<&str>, known: &[&'a str]) -> Result<Self, Problem> {
        let (params, _) = Self::read_with_others(query, known, |name| Err(unknown(name, known)))?;
        Ok(params)
    }

    /// Parses what follows the `?`. Parameters that are not `known` are returned by name, if `others` lets them
    /// pass: at most 16. No parameter is accepted twice.
    pub fn read_with_others(
        query: Option<&str>,
        known: &[&'a str],
        others: impl Fn(&str) -> Result<(), Problem>,
    ) -> Result<(Self, BTreeMap<String, String>), Problem> {
        let mut pairs = Vec::new();
        let mut found = BTreeMap::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).map_err(|why| {
                Problem::parameter(&echo(name), format!("the parameter name {:?} {why}", echo(name)))
            })?;
            let own = known.iter().copied().find(|known| **known == name);
            if own.is_none() {
                others(&name)?;
            }
            if pairs.iter().any(|(seen, _)| *seen == name) || found.contains_key(&name) {
                let detail = format!("the parameter {name} is given more than once: give it once");
                return Err(Problem::parameter(&name, detail));
            }
            let value = decode(value)
                .map_err(|why| Problem::parameter(&name, format!("{name}={} {why}", echo(value))))?;
            match own {
                Some(own) => pairs.push((own, value)),
                None => drop(found.insert(name, value)),
            }
            if found.len() > MAX_OTHERS {
                return Err(too_many());
            }
        }
        Ok((Self { pairs }, found))
    }

    /// Parses parameters of any name, each as often as it is given, in their order. A `+` is a space, as forms
    /// write it.
    pub fn read_any(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let decoded = |text: &str| {
            decode(&text.replace('+', " ")).map_err(|why| {
                Problem::parameter(&echo(text), format!("the parameter {:?} {why}", echo(text)))
            })
        };
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decoded(name)?, decoded(value)?))
            })
            .collect()
    }

    /// Returns the decoded value of a parameter, if it was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the decoded value of a parameter, if it was given and is not empty.
    pub fn get_non_empty(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

/// Returns the start of a request's text, to repeat in a response.
pub fn echo(text: &str) -> String {
    let mut start: String = text.chars().take(MAX_ECHO_CHARS).collect();
    if start.len() < text.len() {
        start.push_str("...");
    }
    start
}

fn unknown(name: &str, known: &[&str]) -> Problem {
    let wanted = match known {
        [] => "this path takes none".to_owned(),
        known => format!("this path takes {}", known.join(", ")),
    };
    Problem::parameter(&echo(name), format!("unknown parameter {:?}: {wanted}", echo(name)))
}

/// Returns the problem of too many parameters.
pub fn too_many() -> Problem {
    let detail = format!("there are more than {MAX_OTHERS} parameters: a document has at most {MAX_OTHERS}");
    Problem::parameter("parameters", detail)
}

/// Decodes percent-encoding. A `+` stays as it is, since symbols and dates contain no spaces.
fn decode(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.split_at_checked(2).and_then(|(digits, tail)| Some((hex(digits)?, tail)));
        let Some((byte, tail)) = digits else {
            return Err("has a '%' without two hexadecimal digits after it: write '%' as %25");
        };
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 once decoded")
}

fn hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0, |byte, digit| Some(byte << 4 | char::from(*digit).to_digit(16)? as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(query: &str) -> String {
        format!("{:?}", QueryParams::read(Some(query), &["symbols", "from"]).unwrap_err())
    }

    #[test]
    fn values_are_decoded_and_empty_pairs_skipped() {
        let query = QueryParams::read(Some("&symbols=%5EGSPC,a%2cb&&from"), &["symbols", "from"]).unwrap();
        assert_eq!(query.get("symbols"), Some("^GSPC,a,b"));
        assert_eq!((query.get("from"), query.get_non_empty("from")), (Some(""), None));
        assert_eq!(query.get_non_empty("symbols"), query.get("symbols"));
        assert_eq!(query.get("to"), None);
        assert_eq!(QueryParams::read(None, &[]).unwrap().get("symbols"), None);
    }

    #[test]
    fn of_any_names_each_value_is_kept_in_its_order() {
        let read = QueryParams::read_any(Some("b=2&a=%31&&b=1&c")).unwrap();
        let read: Vec<(&str, &str)> = read.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(read, [("b", "2"), ("a", "1"), ("b", "1"), ("c", "")]);
        assert!(
            QueryParams::read_any(Some("a=%zz")).is_err() && QueryParams::read_any(Some("%ff=1")).is_err()
        );
    }

    #[test]
    fn what_is_malformed_is_refused_with_the_reason() {
        for (query, why) in [
            ("symbol=AAPL", "unknown parameter \\\"symbol\\\": this path takes symbols, from"),
            ("symbols=A&symbols=B", "more than once"),
            ("symbols=%", "symbols=% has a '%'"),
            ("symbols=%4", "two hexadecimal digits"),
            ("symbols=%zz", "two hexadecimal digits"),
            ("symbols=%+1", "two hexadecimal digits"),
            ("symbols=%ff", "not UTF-8"),
            ("%ff=1", "not UTF-8"),
        ] {
            assert!(detail(query).contains(why), "{query}: {}", detail(query));
        }
    }

    #[test]
    fn a_hostile_name_is_not_echoed_in_full() {
        assert!(detail(&"x".repeat(8000)).len() < 600);
    }
}
