//! All errors of one value, where serde stops at the first: what is wrong is left out, and the rest is looked
//! at again.

use super::{
    deserialize::ValueError,
    node::{Content, Position, YamlNode},
};

/// How many errors of one value are looked for.
const MAX_ERRORS: usize = 20;

/// Returns all errors that `check` finds in a node and in what is left of it without what is wrong.
pub(crate) fn all_errors(
    node: &YamlNode,
    check: impl Fn(&YamlNode) -> Result<(), ValueError>,
) -> Vec<ValueError> {
    let mut rest = node.clone();
    let (mut errors, mut left_out) = (Vec::new(), Vec::new());
    for _ in 0..MAX_ERRORS {
        let Err(error) = check(&rest) else { break };
        let position = error.position;
        // What was left out is missing now.
        let follows = |key: &String| error.message.starts_with(&format!("{key} is missing"));
        if !left_out.iter().any(follows) {
            errors.push(error);
        }
        if !position.is_some_and(|position| leave_out(&mut rest, position, &mut left_out)) {
            break;
        }
    }
    errors
}

/// Leaves out the member or item at a position below `node`. Returns whether there was one.
fn leave_out(node: &mut YamlNode, position: Position, left_out: &mut Vec<String>) -> bool {
    let at = Some(position);
    match &mut node.content {
        Content::Map(members) => {
            let found = members.iter().position(|(key, node)| key.position == at || node.position == at);
            if let Some(found) = found {
                left_out.push(members.remove(found).0.text);
                return true;
            }
            members.iter_mut().any(|(_, below)| leave_out(below, position, left_out))
        }
        Content::List(items) => {
            if let Some(found) = items.iter().position(|item| item.position == at) {
                items.remove(found);
                return true;
            }
            items.iter_mut().any(|below| leave_out(below, position, left_out))
        }
        Content::Scalar { .. } => false,
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn each_error_is_found_once_with_its_line() {
        let text =
            "- name: a\n  rank: x\n  speed: y\n  colour: red\n- rank: 3\n- {name: []}\n- {name: b}\n- 7\n";
        let node = parse(text).unwrap().unwrap();
        let errors = all_errors(&node, |node| deserialize::<Vec<Source>>(node).map(drop));
        let mut lines: Vec<usize> = errors.iter().map(|error| error.position.unwrap().line).collect();
        lines.sort_unstable();
        assert_eq!(lines, [2, 3, 4, 5, 6, 8], "{errors:?}");
    }
}
