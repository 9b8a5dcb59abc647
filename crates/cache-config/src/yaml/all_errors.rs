//! All errors of one value, where serde stops at the first: what is wrong is left out, and the rest is looked
//! at again.

use super::{
    deserialize::ValueError,
    node::{Content, Position, YamlNode},
};

/// How many errors of one value are looked for.
const MAX_ERRORS: usize = 20;

/// What is wrong with a value, and what is left of it without that.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) errors: Vec<ValueError>,
    /// The rest, if it is valid.
    pub(crate) rest: Option<YamlNode>,
    /// The members that the rest lacks.
    pub(crate) left_out: Vec<LeftOut>,
}

/// A member that was left out: where its map is, and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) map: Option<Position>,
    pub(crate) name: String,
}

/// Returns all errors that `check` finds in a node and in what is left of it without what is wrong.
pub(crate) fn all_errors(node: &YamlNode, check: impl Fn(&YamlNode) -> Result<(), ValueError>) -> Refused {
    let mut rest = node.clone();
    let (mut errors, mut left_out): (Vec<ValueError>, Vec<LeftOut>) = (Vec::new(), Vec::new());
    for _ in 0..MAX_ERRORS {
        let Err(error) = check(&rest) else { return Refused { errors, rest: Some(rest), left_out } };
        // What was left out is missing now.
        let follows = |member: &LeftOut| {
            member.map == error.position && error.message.starts_with(&format!("{} is missing", member.name))
        };
        let (position, of_key) = (error.position, error.of_key);
        if !left_out.iter().any(follows) {
            errors.push(error);
        }
        if !position.is_some_and(|position| leave_out(&mut rest, position, of_key, &mut left_out)) {
            break;
        }
    }
    Refused { errors, rest: None, left_out }
}

/// Leaves out the member or item at a position below `node`. Returns whether there was one.
fn leave_out(node: &mut YamlNode, position: Position, of_key: bool, left_out: &mut Vec<LeftOut>) -> bool {
    let at = Some(position);
    match &mut node.content {
        Content::Map(members) => {
            let found = members.iter().position(|(key, value)| match of_key {
                true => key.position == at,
                false => value.position == at,
            });
            if let Some(found) = found {
                let name = members.remove(found).0.text;
                left_out.push(LeftOut { map: node.position, name });
                return true;
            }
            members.iter_mut().any(|(_, below)| leave_out(below, position, of_key, left_out))
        }
        Content::List(items) => {
            if let Some(found) = items.iter().position(|item| !of_key && item.position == at) {
                items.remove(found);
                return true;
            }
            items.iter_mut().any(|below| leave_out(below, position, of_key, left_out))
        }
        Content::Scalar { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::yaml::{deserialize, parse};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Source {
        name: String,
        rank: Option<u32>,
        speed: Option<f64>,
    }

    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
    #[serde(try_from = "String")]
    struct Even;

    impl TryFrom<String> for Even {
        type Error = String;

        fn try_from(text: String) -> Result<Self, String> {
            if text.len().is_multiple_of(2) { Ok(Self) } else { Err("it is odd".to_owned()) }
        }
    }

    fn lines(refused: &Refused) -> Vec<usize> {
        let mut lines: Vec<usize> = refused.errors.iter().map(|error| error.position.unwrap().line).collect();
        lines.sort_unstable();
        lines
    }

    #[test]
    fn each_error_is_found_once_with_its_line_and_the_rest_is_kept() {
        let text =
            "- name: a\n  rank: x\n  speed: y\n  colour: red\n- rank: 3\n- {name: []}\n- {name: b}\n- 7\n";
        let node = parse(text).unwrap().unwrap();
        let refused = all_errors(&node, |node| deserialize::<Vec<Source>>(node).map(drop));
        assert_eq!(lines(&refused), [2, 3, 4, 5, 6, 8], "{refused:?}");
        let rest = deserialize::<Vec<Source>>(&refused.rest.unwrap()).unwrap();
        assert_eq!(rest.iter().map(|source| source.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn rule_75_a_key_that_is_unknown_hides_nothing_beside_it() {
        let node = parse("odd:\n  rank: x\neven:\n  rank: y\n  colour: z\n").unwrap().unwrap();
        let refused =
            all_errors(&node, |node| deserialize::<BTreeMap<Even, BTreeMap<String, u32>>>(node).map(drop));
        assert_eq!(lines(&refused), [1, 4, 5], "{refused:?}");
        let node = parse("- colour: red\n  name: a\n  rank: x\n").unwrap().unwrap();
        let refused = all_errors(&node, |node| deserialize::<Vec<Source>>(node).map(drop));
        assert_eq!(lines(&refused), [1, 3], "{refused:?}");
    }
}
