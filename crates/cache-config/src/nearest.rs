//! The known name that someone probably meant.

use strsim::damerau_levenshtein;

/// `did you mean NAME? `, or nothing if none of the names is near.
pub(crate) fn did_you_mean(name: &str, known: &[&str]) -> String {
    nearest(name, known.iter().copied()).map_or_else(String::new, |found| format!("did you mean {found}? "))
}

/// The nearest of the names, if one is near: a slip or two away, or of the same last part in another section.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().filter_map(|one| Some((slips(name, one)?, one)));
    near.min_by_key(|(slips, _)| *slips).map(|(_, one)| one)
}

/// How far it is from one name to the other, if that is near.
fn slips(name: &str, known: &str) -> Option<usize> {
    let (name, known) = (name.to_ascii_lowercase(), known.to_ascii_lowercase());
    let ((section, last), (its_section, its_last)) = (halves(&name), halves(&known));
    let between = |a: &str, b: &str| {
        let slips = damerau_levenshtein(a, b);
        (slips <= a.len().min(b.len()).div_ceil(3)).then_some(slips)
    };
    match (between(section, its_section), between(last, its_last)) {
        (Some(section), Some(last)) => Some(section + last),
        (None, Some(0)) if !last.is_empty() => Some(name.len() + known.len()),
        _ => None,
    }
}

/// A name's section and what it is called there. What all variables begin with tells none of them apart.
fn halves(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name.strip_prefix("cache_").unwrap_or(name)))
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
            assert_eq!(nearest(name, known), wanted, "{name}");
        }
    }
}
