//! What the name of a type says of its values.

/// How much of a value is known from its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// It is one text, number, `bool` or `char`.
    Value,
    /// It is an `Option` of one.
    Option,
    /// Nothing.
    No,
}

/// Returns how much of a value is known from the name of its type. A name that isn't understood says nothing.
#[inline]
pub(super) fn plain(name: &str) -> Plain {
    // The names that are most common, decided while compiling.
    if is_plain(name) || matches!(name, "&str" | "&alloc::string::String") {
        Plain::Value
    } else {
        wrapped(name)
    }
}

fn wrapped(name: &str) -> Plain {
    let name = without_wrappers(name);
    if is_plain(name) {
        return Plain::Value;
    }
    match argument(name, "core::option::Option") {
        Some(inner) if is_plain(without_wrappers(inner)) => Plain::Option,
        _ => Plain::No,
    }
}

/// Whether a type is a set or map that iterates in an order of no meaning, which differs between equal ones.
#[inline]
pub(super) fn is_unordered(name: &str) -> bool {
    name.ends_with('>') && is_hashed(without_wrappers(name))
}

fn is_hashed(name: &str) -> bool {
    let Some((path, _)) = name.split_once('<') else { return false };
    // Whole paths as far as they are the crate's own: a type of one's own may have the same last name.
    let (Some((krate, _)), Some((_, last))) = (path.split_once("::"), path.rsplit_once("::")) else {
        return false;
    };
    match krate {
        "std" | "hashbrown" => matches!(last, "HashMap" | "HashSet"),
        "dashmap" => matches!(last, "DashMap" | "DashSet"),
        "ahash" => matches!(last, "AHashMap" | "AHashSet"),
        _ => false,
    }
}

#[inline]
fn is_plain(name: &str) -> bool {
    matches!(
        name,
        "str"
            | "alloc::string::String"
            | "bool"
            | "char"
            | "f32"
            | "f64"
            | "u8"
            | "u16"
            | "u32"
            | "u64"
            | "u128"
            | "usize"
            | "i8"
            | "i16"
            | "i32"
            | "i64"
            | "i128"
            | "isize"
    )
}

/// Removes references and pointers that serde sees through.
fn without_wrappers(mut name: &str) -> &str {
    const WRAPPERS: [&str; 4] =
        ["alloc::sync::Arc", "alloc::boxed::Box", "alloc::rc::Rc", "alloc::borrow::Cow"];
    loop {
        let inner = match name.strip_prefix('&') {
            Some(inner) => Some(inner.strip_prefix("mut ").unwrap_or(inner)),
            None if name.starts_with("alloc::") => {
                WRAPPERS.iter().find_map(|wrapper| argument(name, wrapper))
            }
            None => None,
        };
        match inner {
            Some(inner) => name = inner,
            None => return name,
        }
    }
}

/// Returns the argument of a type, if it is `generic<argument>`, without a lifetime in front.
fn argument<'a>(name: &'a str, generic: &str) -> Option<&'a str> {
    let inner = name.strip_prefix(generic)?.strip_prefix('<')?.strip_suffix('>')?;
    Some(inner.strip_prefix("'_, ").unwrap_or(inner))
}
