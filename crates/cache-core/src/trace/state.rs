//! The members of a `tracestate`: checked, and bounded as the specification says.

/// How many members there may be.
const MAX_MEMBERS: usize = 32;

/// How much is passed on, in bytes.
const MAX_LEN: usize = 512;

/// A member that is longer goes first where there is too much, in bytes.
const LONG: usize = 128;

/// Returns the members of all headers as one, if they are valid and there is one.
pub(super) fn bounded<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let members = headers.into_iter().flat_map(|header| header.split(','));
    let mut members: Vec<&str> =
        members.map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty()).collect();
    if members.len() > MAX_MEMBERS || !members.iter().all(|member| is_member(member)) {
        return None;
    }
    if joined_len(&members) > MAX_LEN {
        members.retain(|member| member.len() <= LONG);
    }
    while joined_len(&members) > MAX_LEN {
        members.pop();
    }
    (!members.is_empty()).then(|| members.join(","))
}

fn joined_len(members: &[&str]) -> usize {
    members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1)
}

/// Whether it is `key=value`.
fn is_member(text: &str) -> bool {
    let Some((key, value)) = text.split_once('=') else { return false };
    let is_key_byte = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let is_value_byte = |byte: u8| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    (1..=256).contains(&key.len())
        && key.bytes().all(is_key_byte)
        && key.as_bytes()[0].is_ascii_alphanumeric()
        && (1..=256).contains(&value.len())
        && value.bytes().all(is_value_byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_of_several_headers_are_one_list_in_their_order() {
        let one = |headers: &[&str]| bounded(headers.iter().copied());
        assert_eq!(
            one(&["acme=1, tenant@vendor=a b", "", "x/y=z"]).unwrap(),
            "acme=1,tenant@vendor=a b,x/y=z"
        );
        for invalid in ["acme", "=1", "acme=", "Acme=1", "acme=1=2", "acme=\u{e9}", "a b=1", "_a=1"] {
            assert_eq!(one(&["x=y", invalid]), None, "{invalid}");
        }
        assert_eq!(one(&[]), None);
        assert_eq!(one(&[" , "]), None);
        let many: Vec<String> = (0..33).map(|at| format!("k{at}=v")).collect();
        assert_eq!(bounded([many.join(",").as_str()]), None);
    }

    #[test]
    fn of_too_much_the_long_members_go_first_and_then_the_last() {
        let (long, short) = (format!("long={}", "x".repeat(200)), format!("short={}", "x".repeat(100)));
        let both = [long.as_str(), &short, &short, &short].join(",");
        assert_eq!(bounded([both.as_str()]).unwrap(), [short.as_str(); 3].join(","));
        let many = [short.as_str(); 6].join(",");
        assert_eq!(bounded([many.as_str()]).unwrap(), [short.as_str(); 4].join(","));
    }

    proptest! {
        #[test]
        fn any_text_is_bounded_and_read_back_as_it_is(text in "\\PC{0,80}|([a-z]{1,9}=[!-+]{1,200},?){0,40}") {
            if let Some(state) = bounded([text.as_str()]) {
                prop_assert!(state.len() <= MAX_LEN);
                prop_assert_eq!(bounded([state.as_str()]), Some(state.clone()));
            }
        }
    }
}
