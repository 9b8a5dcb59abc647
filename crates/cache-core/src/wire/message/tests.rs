//! The wire form of messages: there and back, foreign bytes, other versions.

use proptest::{collection::vec, prelude::*};

use super::*;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn any_change() -> impl Strategy<Value = Change> {
    let key = || ("([a-z]{1,4}:){1,2}", ".{0,40}").prop_map(|(prefix, id)| KeyText { prefix, id });
    let time = || any::<i64>().prop_map(at);
    let tombstone = || (time(), time()).prop_map(|(born, dead_at)| Tombstone { born, dead_at });
    prop_oneof![
        (key(), time()).prop_map(|(key, born)| Change::Put { key, born }),
        (key(), tombstone()).prop_map(|(key, tombstone)| Change::Removed { key, tombstone }),
        (key(), tombstone()).prop_map(|(key, tombstone)| Change::Replaced { key, tombstone }),
        (".{1,40}", tombstone())
            .prop_map(|(pattern, tombstone)| Change::RemovedMatching { pattern, tombstone }),
        (".{1,40}", time()).prop_map(|(tag, at)| Change::TagEnded { tag, at }),
        ("[a-z]{1,9}", time()).prop_map(|(kind, at)| Change::KindEnded { kind, at }),
        time().prop_map(|at| Change::AllEnded { at }),
        (".{1,40}", time()).prop_map(|(tag, at)| Change::TagStale { tag, at }),
        ("[a-z]{1,9}", time()).prop_map(|(kind, at)| Change::KindStale { kind, at }),
        time().prop_map(|at| Change::AllStale { at }),
        (key(), time()).prop_map(|(key, at)| Change::KeyStale { key, at }),
        (".{1,40}", time()).prop_map(|(pattern, at)| Change::MatchingStale { pattern, at }),
    ]
}

fn any_message() -> impl Strategy<Value = Message> {
    (any::<u128>(), any::<u64>(), "[a-z]{0,5}", vec(any_change(), 0..8))
        .prop_map(|(node, number, namespace, changes)| Message { node, number, namespace, changes })
}

proptest! {
    #[test]
    fn a_message_comes_back_as_it_was(message in any_message()) {
        prop_assert_eq!(Message::open(&message.seal().unwrap()).unwrap(), message);
    }

    #[test]
    fn what_is_no_whole_message_is_refused(message in any_message(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let whole = message.seal().unwrap().to_vec();
        let cut = at.index(whole.len());
        prop_assert!(Message::open(&whole[..cut]).is_err());
        let mut flipped = whole.clone();
        flipped[cut] ^= 1 << bit;
        prop_assert!(Message::open(&flipped).is_err());
    }

    #[test]
    fn any_bytes_with_a_right_checksum_are_read_without_harm(mut bytes in vec(any::<u8>(), 0..200)) {
        let sum = xxh3_64(&bytes);
        bytes.extend(sum.to_le_bytes());
        let _ = Message::open(&bytes);
    }

    #[test]
    fn no_part_is_longer_than_the_limit_and_nothing_is_lost(changes in vec(any_change(), 0..40), limit in 60_usize..400) {
        let (parts, left_out) = Message::split("md", changes.clone(), limit);
        for part in &parts {
            let message = Message { node: 1, number: 1, namespace: "md".to_owned(), changes: part.clone() };
            prop_assert!(!part.is_empty() && message.seal().unwrap().len() <= limit);
        }
        let mut sent = parts.into_iter().flatten();
        let mut left_out = left_out.into_iter().peekable();
        for change in changes {
            if left_out.peek() == Some(&change) {
                left_out.next();
            } else {
                prop_assert_eq!(sent.next(), Some(change));
            }
        }
    }
}

/// A message of a version to come: an addition in the header, and a change of an unknown kind.
fn from_the_future(oldest: u8) -> Vec<u8> {
    let mut message = Vec::new();
    message.extend(b"tB");
    message.extend([VERSION + 1, oldest]);
    message.extend(7_u128.to_le_bytes());
    message.extend(3_u64.to_le_bytes());
    message.extend(2_u16.to_le_bytes());
    message.extend(5_u16.to_le_bytes());
    message.extend(2_u16.to_le_bytes());
    message.extend(b"mdadded");
    message.extend([77, 4, 0, 1, 2, 3, 4]);
    message.extend([6, 8, 0]);
    message.extend(9_i64.to_le_bytes());
    let sum = xxh3_64(&message);
    message.extend(sum.to_le_bytes());
    message
}

#[test]
fn rule_39_a_later_version_is_understood_as_far_as_it_allows() {
    let message = Message::open(&from_the_future(VERSION)).unwrap();
    assert_eq!((message.node, message.number, message.namespace.as_str()), (7, 3, "md"));
    assert_eq!(message.changes, [Change::Unknown, Change::AllEnded { at: at(9) }]);
    let error = Message::open(&from_the_future(VERSION + 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

fn opened(golden: &str) -> Option<Message> {
    let lines = golden.lines().filter(|line| !line.starts_with('#'));
    let bytes = lines.flat_map(str::split_whitespace).map(|byte| u8::from_str_radix(byte, 16).unwrap());
    Message::open(&bytes.collect::<Vec<u8>>()).ok()
}

/// The bytes of a message today, for the golden file.
fn hex(message: &Message) -> String {
    let bytes = message.seal().unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn rule_39_messages_of_version_1_are_read_for_ever() {
    let golden = include_str!("../../../tests/golden/message-v1.txt");
    let key = KeyText { prefix: "md:price:".to_owned(), id: "AAPL".to_owned() };
    let tombstone = Tombstone { born: at(1_000_002), dead_at: at(61_000_002) };
    let message = Message {
        node: 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
        number: 42,
        namespace: "md".to_owned(),
        changes: vec![
            Change::Put { key: key.clone(), born: at(1_000_001) },
            Change::Removed { key, tombstone },
            Change::RemovedMatching { pattern: "md:price:A*".to_owned(), tombstone },
            Change::TagEnded { tag: "AAPL".to_owned(), at: at(1_000_003) },
            Change::KindEnded { kind: "price".to_owned(), at: at(1_000_004) },
            Change::AllEnded { at: at(1_000_005) },
        ],
    };
    assert_eq!(opened(golden).as_ref(), Some(&message), "the bytes today:\n{}", hex(&message));
}

#[test]
fn rule_39_replacements_are_read_for_ever() {
    let golden = include_str!("../../../tests/golden/message-v1-replaced.txt");
    let key = KeyText { prefix: "md:price:".to_owned(), id: "AAPL".to_owned() };
    let tombstone = Tombstone { born: at(1_000_002), dead_at: at(61_000_002) };
    let changes = vec![Change::Replaced { key, tombstone }];
    let message = Message { node: 7, number: 43, namespace: "md".to_owned(), changes };
    assert_eq!(opened(golden).as_ref(), Some(&message), "the bytes today:\n{}", hex(&message));
}

#[test]
fn rule_39_marks_are_read_for_ever() {
    let golden = include_str!("../../../tests/golden/message-v1-stale.txt");
    let key = KeyText { prefix: "md:price:".to_owned(), id: "AAPL".to_owned() };
    let changes = vec![
        Change::TagStale { tag: "AAPL".to_owned(), at: at(1_000_001) },
        Change::KindStale { kind: "price".to_owned(), at: at(1_000_002) },
        Change::AllStale { at: at(1_000_003) },
        Change::KeyStale { key, at: at(1_000_004) },
        Change::MatchingStale { pattern: "md:price:A*".to_owned(), at: at(1_000_005) },
    ];
    let message = Message { node: 7, number: 44, namespace: "md".to_owned(), changes };
    assert_eq!(opened(golden).as_ref(), Some(&message), "the bytes today:\n{}", hex(&message));
}
