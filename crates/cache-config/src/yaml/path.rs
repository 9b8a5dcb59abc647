//! The path from a value to the part of it in which an error is, as people name it.

use std::fmt;

use super::{
    deserialize::ValueError,
    node::{Content, MapKey, YamlNode},
};

/// The members that lead to the part with an error: `.rows.price`, or in a list `, NAME: options.url`.
pub(crate) struct Path<'a>(Vec<Step<'a>>);

enum Step<'a> {
    Member(&'a str),
    /// An item that is a map, by its `name`, else by its `kind`.
    Item(&'a str),
    /// An item that says neither, by its number from 1.
    Number(usize),
}

impl<'a> Path<'a> {
    /// Returns the path to the part in which the error is: to the map of a key that is wrong.
    pub(crate) fn to(root: &'a YamlNode, error: &ValueError) -> Self {
        let mut steps = Vec::new();
        if error.position.is_some() {
            find(root, error, &mut steps);
        }
        steps.reverse();
        Self(steps)
    }

    /// The name of the member that the path leads to.
    pub(crate) fn last_member(&self) -> Option<&'a str> {
        match self.0.last() {
            Some(Step::Member(name)) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = ".";
        for step in &self.0 {
            match step {
                Step::Member(name) => write!(f, "{before}{name}")?,
                Step::Item(name) => write!(f, ", {name}")?,
                Step::Number(number) => write!(f, ", number {number}")?,
            }
            before = if matches!(step, Step::Member(_)) { "." } else { ": " };
        }
        Ok(())
    }
}

/// Adds the steps from `node` to the error's part, the last one first. Returns whether it is there.
fn find<'a>(node: &'a YamlNode, error: &ValueError, steps: &mut Vec<Step<'a>>) -> bool {
    if !error.of_key && node.position == error.position {
        return true;
    }
    match &node.content {
        Content::Map(members) => {
            if error.of_key && members.iter().any(|(key, _)| key.position == error.position) {
                return true;
            }
            members.iter().any(|(MapKey { text, .. }, below)| {
                let found = find(below, error, steps);
                if found {
                    steps.push(Step::Member(text));
                }
                found
            })
        }
        Content::List(items) => items.iter().enumerate().any(|(at, item)| {
            let found = find(item, error, steps);
            if let (true, Content::Map(members)) = (found, &item.content) {
                let called = |name: &str| {
                    let (_, node) = members.iter().find(|(key, _)| key.text == name)?;
                    node.text().filter(|text| !text.is_empty())
                };
                steps
                    .push(called("name").or_else(|| called("kind")).map_or(Step::Number(at + 1), Step::Item));
            }
            found
        }),
        Content::Scalar { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Position, parse};

    #[test]
    fn an_error_is_named_by_the_members_and_items_around_it() {
        let text = "- name: first\n  options:\n    url: x\n- kind: csv\n- rank: x\n- 7\n";
        let root = parse(text).unwrap().unwrap();
        for (line, column, of_key, shown) in [
            (1, 3, false, ", first"),
            (1, 3, true, ", first"),
            (2, 12, false, ""),
            (3, 5, true, ", first: options"),
            (3, 5, false, ", first: options"),
            (3, 10, false, ", first: options.url"),
            (4, 9, false, ", csv: kind"),
            (5, 9, false, ", number 3: rank"),
            (6, 3, false, ""),
        ] {
            let position = Some(Position { line, column });
            let error = ValueError { message: String::new(), position, of_key };
            assert_eq!(Path::to(&root, &error).to_string(), shown, "{line}:{column}");
        }
        let root = parse("rows: {price: {open: x}}").unwrap().unwrap();
        let position = Some(Position { line: 1, column: 22 });
        let error = ValueError { message: String::new(), position, of_key: false };
        assert_eq!(Path::to(&root, &error).to_string(), ".rows.price.open");
    }
}
