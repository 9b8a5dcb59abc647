//! Versions in headers: the entity tag of a value, and the requests that depend on it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use cache_core::{Fetched, Key, Result as CacheResult, Timestamp};
use cache_facade::{Region, Updated};
use cache_http::{Problem, request::query::echo, response::etag};

use crate::{app::json_text::JsonText, http::problems};

/// How often a change is tried whose value others change meanwhile.
const MAX_ATTEMPTS: u32 = 100;

/// On what a change depends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Nothing,
    /// `If-None-Match: *`: there is no fresh value.
    Absent,
    /// `If-Match: *`: there is a fresh value.
    Present,
    /// `If-Match: "1700000000000000"`: the value is of one of these versions.
    OneOf(Vec<Timestamp>),
    /// `If-None-Match: "1700000000000000"`: the value is of none of these versions.
    NoneOf(Vec<Timestamp>),
}

impl Condition {
    /// Reads the condition of a change (RFC 9110, 13.1). A tag that is none of ours is that of no version, and
    /// so is a weak one in `If-Match`, which compares strongly.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        match (list(headers, &header::IF_MATCH)?, list(headers, &header::IF_NONE_MATCH)?) {
            (None, None) => Ok(Self::Nothing),
            (Some(list), None) if list == "*" => Ok(Self::Present),
            (Some(list), None) => Ok(Self::OneOf(versions(&list, &header::IF_MATCH, false)?)),
            (None, Some(list)) if list == "*" => Ok(Self::Absent),
            (None, Some(list)) => Ok(Self::NoneOf(versions(&list, &header::IF_NONE_MATCH, true)?)),
            _ => Err(Problem::parameter("If-None-Match", "give If-Match or If-None-Match, not both")),
        }
    }

    /// Whether it holds where this version is there, if one is.
    pub(super) fn holds(&self, born: Option<Timestamp>) -> bool {
        match (self, born) {
            (Self::Nothing, _) => true,
            (Self::Absent, born) => born.is_none(),
            (Self::Present, born) => born.is_some(),
            (Self::OneOf(versions), born) => born.is_some_and(|born| versions.contains(&born)),
            (Self::NoneOf(versions), born) => born.is_none_or(|born| !versions.contains(&born)),
        }
    }

    /// Returns the problem of a change that was not made, since `born` is the version that is there.
    pub(super) fn failed(&self, born: Option<Timestamp>) -> Problem {
        let there = match born {
            Some(born) => format!("version {} is there", born.as_micros()),
            None => "nothing is there".to_owned(),
        };
        let named = |versions: &[Timestamp]| {
            versions.iter().map(|born| born.as_micros().to_string()).collect::<Vec<_>>().join(" or ")
        };
        let wanted = match self {
            Self::Absent => "nothing was to be there".to_owned(),
            Self::OneOf(versions) if versions.is_empty() => {
                "If-Match names no version: give the ETag of an earlier answer".to_owned()
            }
            Self::OneOf(versions) => format!("{} was to be there", named(versions)),
            Self::NoneOf(versions) => format!("{} was not to be there", named(versions)),
            Self::Present | Self::Nothing => "a fresh value was to be there".to_owned(),
        };
        let detail = format!("{there}, {wanted}: nothing was changed; read it again and decide anew");
        Problem::new(problems::VERSION_DIFFERS, detail).with("born", born.map(Timestamp::as_micros))
    }
}

/// Puts a value, or removes the one that is there if none is given, if the condition holds of what is there;
/// again, if another change came in between. Returns whether a value was there, too.
pub(super) async fn change_if(
    region: &Region<JsonText>,
    key: &Key,
    condition: &Condition,
    put: Option<&Fetched<JsonText>>,
) -> CacheResult<(Updated<JsonText>, bool)> {
    let mut attempts = 0;
    loop {
        let there = region.lookup(key).await?;
        let born = there.value.is_some().then_some(there.born);
        if !condition.holds(born) {
            return Ok((Updated { changed: false, value: there.value, born }, born.is_some()));
        }
        let updated = match (born, put) {
            (Some(born), Some(value)) => region.replace_if(key, born, value.clone()).await?,
            (None, Some(value)) => region.put_if_absent(key, value.clone()).await?,
            (Some(born), None) => region.remove_if(key, born).await?,
            (None, None) => Updated { changed: true, value: None, born: None },
        };
        attempts += 1;
        if updated.changed || attempts == MAX_ATTEMPTS {
            return Ok((updated, born.is_some()));
        }
    }
}

/// Returns the versions that a list of entity tags names, of weak ones if they count.
fn versions(list: &str, name: &HeaderName, weak: bool) -> Result<Vec<Timestamp>, Problem> {
    if !list.contains('"') {
        let what = format!(
            "{name} is {:?}: give the ETag of an earlier answer in its quotes, such as \"1700000000000000\", or *",
            echo(list)
        );
        return Err(Problem::parameter(name.as_str(), what));
    }
    // A weak tag stands behind W/, which no tag of ours has within it.
    let strong = if weak { list.to_owned() } else { list.replace("W/\"", "\"W/") };
    // A version has one spelling.
    let version = |tag: &str| {
        let born = tag.trim_matches('"').parse().ok().map(Timestamp::from_micros)?;
        (quoted(born) == tag).then_some(born)
    };
    Ok(etag::tags(&strong).filter_map(version).collect())
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

/// Returns the list of a header, which may be given in parts.
fn list(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let parts: Result<Vec<&str>, _> = headers.get_all(name).iter().map(HeaderValue::to_str).collect();
    match parts {
        Ok(parts) if parts.is_empty() => Ok(None),
        Ok(parts) => Ok(Some(parts.join(", ").trim().to_owned())),
        Err(_) => Err(Problem::parameter(name.as_str(), format!("{name} can't be read: give it in ASCII"))),
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
    fn a_condition_is_a_list_of_versions_or_a_star() {
        let at = |micros: &[i64]| micros.iter().copied().map(Timestamp::from_micros).collect::<Vec<_>>();
        let one_of = |micros: &[i64]| Some(Condition::OneOf(at(micros)));
        for (given, condition) in [
            (&[][..], Some(Condition::Nothing)),
            (&[(header::IF_MATCH, "\"17\"")], one_of(&[17])),
            (&[(header::IF_MATCH, "\"17\", \"18\"")], one_of(&[17, 18])),
            (&[(header::IF_MATCH, "\"17\""), (header::IF_MATCH, "\"18\"")], one_of(&[17, 18])),
            (&[(header::IF_MATCH, " * ")], Some(Condition::Present)),
            (&[(header::IF_NONE_MATCH, "*")], Some(Condition::Absent)),
            (&[(header::IF_NONE_MATCH, "\"17\", W/\"18\"")], Some(Condition::NoneOf(at(&[17, 18])))),
            // They name no version of ours.
            (&[(header::IF_MATCH, "W/\"17\"")], one_of(&[])),
            (&[(header::IF_MATCH, "W/\"17\", \"18\", \"abc\"")], one_of(&[18])),
            (&[(header::IF_MATCH, "\"\"")], one_of(&[])),
            (&[(header::IF_MATCH, "\"+17\", \"017\"")], one_of(&[])),
            (&[(header::IF_MATCH, "17")], None),
            (&[(header::IF_MATCH, "*"), (header::IF_NONE_MATCH, "*")], None),
        ] {
            assert_eq!(Condition::read(&headers(given)).ok(), condition, "{given:?}");
        }
    }

    #[test]
    fn a_condition_holds_of_what_it_names() {
        let [one, two] = [1, 2].map(Timestamp::from_micros);
        for (condition, of_none, of_one, of_two) in [
            (Condition::Nothing, true, true, true),
            (Condition::Absent, true, false, false),
            (Condition::Present, false, true, true),
            (Condition::OneOf(vec![one]), false, true, false),
            (Condition::NoneOf(vec![one]), true, false, true),
        ] {
            let holds = [None, Some(one), Some(two)].map(|born| condition.holds(born));
            assert_eq!(holds, [of_none, of_one, of_two], "{condition:?}");
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
