//! What one peer measured in one round.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::rows::{REMOVAL, ROWS};

/// The object that a peer prints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The versions of what took part, by name.
    pub versions: BTreeMap<String, String>,
    /// The figures, by the names of rows. `None` for what did not happen as long as it was waited for.
    pub rows: BTreeMap<String, Option<f64>>,
}

impl Outcome {
    /// Reads it from what a peer printed on standard output.
    ///
    /// # Errors
    ///
    /// If that is something else than one object, lacks a row, or has a figure that can't be one.
    pub fn parse(printed: &str) -> Result<Self> {
        let outcome: Self = serde_json::from_str(printed)
            .with_context(|| format!("it printed no outcome, but {:?}", abridged(printed)))?;
        for row in &ROWS {
            match outcome.rows.get(row.name) {
                Some(Some(figure)) => {
                    ensure!(figure.is_finite() && *figure >= 0.0, "its `{}` is {figure}", row.name);
                }
                Some(None) => ensure!(row.name == REMOVAL, "its `{}` is null", row.name),
                // Not measured again once it is known that it never happens.
                None => ensure!(row.name == REMOVAL, "it printed no `{}`", row.name),
            }
        }
        Ok(outcome)
    }
}

/// The beginning of a text that may be long.
fn abridged(text: &str) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Outcome, REMOVAL, ROWS};

    fn printed(change: impl FnOnce(&mut Value)) -> String {
        let mut object = json!({ "versions": { "x": "1.2" }, "rows": {} });
        for row in &ROWS {
            object["rows"][row.name] = json!(7);
        }
        change(&mut object);
        object.to_string()
    }

    #[test]
    fn an_outcome_has_every_row() {
        let outcome = Outcome::parse(&printed(|_| {})).unwrap();
        assert_eq!(outcome.rows["near_hit"], Some(7.0));
        assert_eq!(outcome.versions["x"], "1.2");
        let lacking = printed(|object| {
            object["rows"].as_object_mut().unwrap().remove("redis_hit");
        });
        assert_eq!(Outcome::parse(&lacking).unwrap_err().to_string(), "it printed no `redis_hit`");
    }

    #[test]
    fn only_a_removal_may_never_be_seen() {
        assert_eq!(
            Outcome::parse(&printed(|object| object["rows"][REMOVAL] = json!(null))).unwrap().rows[REMOVAL],
            None
        );
        let never = printed(|object| object["rows"]["near_hit"] = json!(null));
        assert_eq!(Outcome::parse(&never).unwrap_err().to_string(), "its `near_hit` is null");
        let below = printed(|object| object["rows"]["near_hit"] = json!(-1));
        assert_eq!(Outcome::parse(&below).unwrap_err().to_string(), "its `near_hit` is -1");
    }

    #[test]
    fn what_is_no_object_is_shown() {
        for text in ["", "warming up\n{}", "[1]", &"ä".repeat(900)] {
            let error = format!("{:#}", Outcome::parse(text).unwrap_err());
            assert!(error.starts_with("it printed no outcome, but \""), "{error}");
            assert!(error.chars().count() < 500, "{error}");
        }
    }
}
