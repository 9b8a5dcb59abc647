//! The known name nearest to an unknown one.

use strsim::damerau_levenshtein;

/// The longest name that is compared, in bytes. No known name is nearly as long.
const MAX_NAME_BYTES: usize = 128;

/// Returns `did you mean NAME? `, or nothing if no known name is near.
pub(crate) fn did_you_mean(name: &str, known: &[&str]) -> String {
    nearest(name, known.iter().copied(), "")
        .map_or_else(String::new, |found| format!("did you mean {found}? "))
}

/// Returns the nearest of the known names: a few typos away, or the same last part in another section.
/// A `prefix` that all names share is left out of the comparison.
pub(crate) fn nearest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    prefix: &str,
) -> Option<&'a str> {
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let suffix = |name: &str| name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase();
    let name = suffix(name);
    let near = known.into_iter().filter_map(|known| Some((distance(&name, &suffix(known))?, known)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// Returns how many typos lie between two names in lower case, if they are near.
fn distance(name: &str, known: &str) -> Option<usize> {
    let ((section, last), (known_section, known_last)) = (split_section(name), split_section(known));
    let between = |a: &str, b: &str| {
        let typos = damerau_levenshtein(a, b);
        (typos <= a.len().min(b.len()).div_ceil(3)).then_some(typos)
    };
    match (between(section, known_section), between(last, known_last)) {
        (Some(section), Some(last)) => Some(section + last),
        (None, Some(0)) if !last.is_empty() => Some(name.len() + known.len()),
        _ => None,
    }
}

/// The section of a name, and its last part.
fn split_section(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood_and_strangers_are_not() {
        let known = ["memory.mib", "memory.policy", "disk.mib", "disk.dir", "ttl.price", "listen", "memory"];
        for (name, wanted) in [
            ("memory.mb", Some("memory.mib")),
            ("memory.MIB", Some("memory.mib")),
            ("memroy.mib", Some("memory.mib")),
            ("memory.polcy", Some("memory.policy")),
            ("memory.price", Some("ttl.price")),
            ("memry", Some("memory")),
            ("lisen", Some("listen")),
            ("colour", None),
            ("memory.colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known, ""), wanted, "{name}");
        }
        let known = ["APP_TTL", "APP_HOST"];
        assert_eq!(nearest("APP_TLL", known, "APP_"), Some("APP_TTL"));
        assert_eq!(nearest("APP_PORT", ["APP_TTL"], "APP_"), None, "a shared prefix is no likeness");
    }
}
