//! Damaged bodies, for tests.

use proptest::prelude::*;

/// What a hostile upstream puts in place of a value.
const VALUES: [&str; 12] = [
    "null",
    "-1",
    "1e999",
    "-1e308",
    "NaN",
    "\"NaN\"",
    "\"\"",
    "[]",
    "{}",
    "[null]",
    "99999999999999999999",
    "\"\\u0000é\"",
];

/// Generates bodies from recorded ones: cut short, with bytes changed, or with a value replaced.
pub(crate) fn bodies(recorded: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let one = prop::sample::select(recorded);
    let place = any::<prop::sample::Index>;
    prop_oneof![
        (one.clone(), place()).prop_map(|(body, at)| body.as_bytes()[..at.index(body.len())].to_vec()),
        (one.clone(), prop::collection::vec((place(), any::<u8>()), 1..6)).prop_map(|(body, changes)| {
            let mut bytes = body.as_bytes().to_vec();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        }),
        (one, place(), prop::sample::select(&VALUES[..])).prop_map(|(body, at, value)| put(body, at, value)),
        any::<Vec<u8>>(),
    ]
}

/// Returns the body with `value` in place of one of those behind its colons and commas.
fn put(body: &str, at: prop::sample::Index, value: &str) -> Vec<u8> {
    let places: Vec<usize> = body.match_indices([':', ',']).map(|(at, _)| at + 1).collect();
    let Some(begin) = (!places.is_empty()).then(|| places[at.index(places.len())]) else { return Vec::new() };
    let end = body[begin..].find([',', '}', ']']).map_or(body.len(), |len| begin + len);
    [&body[..begin], value, &body[end..]].concat().into_bytes()
}
