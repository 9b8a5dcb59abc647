//! Versions in headers: the entity tag of a value, and the requests that depend on it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use cache_core::Timestamp;

use crate::http::{
    etag,
    problem::{Problem, ProblemKind},
    query::echo,
};

/// On what a change depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Nothing,
    /// `If-None-Match: *`: there is no fresh value.
    Absent,
    /// `If-Match: *`: there is a fresh value.
    Present,
    /// `If-Match: "1700000000000000"`: the value is of this version.
    Version(Timestamp),
}

impl Condition {
    /// Reads the condition of a put.
    pub(super) fn of_put(headers: &HeaderMap) -> Result<Self, Problem> {
        let none_match = one(headers, &header::IF_NONE_MATCH)?;
        match (Self::of_removal(headers)?, none_match) {
            (condition, None) => Ok(condition),
            (Self::Nothing, Some("*")) => Ok(Self::Absent),
            (Self::Nothing, Some(other)) => {
                let what = format!("If-None-Match is {:?}: a put takes * alone", echo(other));
                Err(Problem::parameter("If-None-Match", what))
            }
            _ => Err(Problem::parameter("If-None-Match", "give If-Match or If-None-Match, not both")),
        }
    }

    /// Reads the condition of a removal.
    pub(super) fn of_removal(headers: &HeaderMap) -> Result<Self, Problem> {
        match one(headers, &header::IF_MATCH)? {
            None => Ok(Self::Nothing),
            Some("*") => Ok(Self::Present),
            Some(tag) => {
                let micros = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')?.parse().ok());
                micros.map(|micros| Self::Version(Timestamp::from_micros(micros))).ok_or_else(|| {
                    let what = format!(
                        "If-Match is {:?}: give the one ETag of an earlier answer, such as \"1700000000000000\", or *",
                        echo(tag)
                    );
                    Problem::parameter("If-Match", what)
                })
            }
        }
    }

    /// Returns the problem of a change that was not made, since `born` is the version that is there.
    pub(super) fn failed(self, born: Option<Timestamp>) -> Problem {
        let there = match born {
            Some(born) => format!("version {} is there", born.as_micros()),
            None => "nothing is there".to_owned(),
        };
        let wanted = match self {
            Self::Absent => "nothing was to be there".to_owned(),
            Self::Version(version) => format!("{} was to be there", version.as_micros()),
            Self::Present | Self::Nothing => "a fresh value was to be there".to_owned(),
        };
        let detail = format!("{there}, {wanted}: nothing was changed; read it again and decide anew");
        Problem::new(ProblemKind::VersionDiffers, detail).with("born", born.map(Timestamp::as_micros))
    }
}

/// Returns the entity tag of a version: a strong one, for no two versions of a value are born at once.
pub(super) fn version_tag(born: Timestamp) -> HeaderValue {
    // A quoted number is a valid value.
    HeaderValue::from_str(&quoted(born)).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// Whether a client has this version: `If-None-Match` names it, or has `*`.
pub(super) fn is_known(born: Timestamp, headers: &HeaderMap) -> bool {
    let own = quoted(born);
    let lists = headers.get_all(header::IF_NONE_MATCH).iter();
    lists
        .map(|list| String::from_utf8_lossy(list.as_bytes()))
        .any(|list| list.trim() == "*" || etag::tags(&list).any(|tag| tag == own))
}

fn quoted(born: Timestamp) -> String {
    format!("\"{}\"", born.as_micros())
}

/// Returns the value of a header that may be given once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), more) = (values.next(), values.next()) else { return Ok(None) };
    match value.to_str() {
        Ok(text) if more.is_none() => Ok(Some(text.trim())),
        _ => Err(Problem::parameter(name.as_str(), format!("{name} can't be read: give it once, in ASCII"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_condition_is_one_version_or_a_star() {
        let version = Condition::Version(Timestamp::from_micros(17));
        for (given, condition) in [
            (&[][..], Some(Condition::Nothing)),
            (&[(header::IF_MATCH, "\"17\"")], Some(version)),
            (&[(header::IF_MATCH, " * ")], Some(Condition::Present)),
            (&[(header::IF_NONE_MATCH, "*")], Some(Condition::Absent)),
            (&[(header::IF_NONE_MATCH, "\"17\"")], None),
            (&[(header::IF_MATCH, "W/\"17\"")], None),
            (&[(header::IF_MATCH, "17")], None),
            (&[(header::IF_MATCH, "\"\"")], None),
            (&[(header::IF_MATCH, "\"17\", \"18\"")], None),
            (&[(header::IF_MATCH, "\"17\""), (header::IF_MATCH, "\"18\"")], None),
            (&[(header::IF_MATCH, "*"), (header::IF_NONE_MATCH, "*")], None),
        ] {
            assert_eq!(Condition::of_put(&headers(given)).ok(), condition, "{given:?}");
        }
    }

    #[test]
    fn a_client_may_know_several_versions() {
        let born = Timestamp::from_micros(17);
        for (list, known) in
            [("\"17\"", true), ("\"1\", W/\"17\"", true), ("*", true), ("\"1\"", false), ("17", false)]
        {
            assert_eq!(is_known(born, &headers(&[(header::IF_NONE_MATCH, list)])), known, "{list}");
        }
        assert!(!is_known(born, &HeaderMap::new()));
    }
}
