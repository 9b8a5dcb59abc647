//! The numbers of the messages of other nodes, in which a gap shows that one was missed.

use std::collections::HashMap;

use cache_core::{Timestamp, message::Message};

use crate::invalidation::publisher::HEARTBEAT;

/// How many nodes are told apart. If there are more, the quarter is forgotten that was heard from the longest ago:
/// nodes that are gone, as a rule. Of one that is not, the next message counts as one after a gap.
pub(in crate::invalidation) const MAX_NODES: usize = 16_384;

/// The numbers of the messages that came over one connection.
pub(in crate::invalidation) struct Sequences {
    /// The number of the last message of each node, and when it came.
    numbers: HashMap<u128, (u64, Timestamp)>,
    /// How many nodes are told apart.
    most: usize,
    /// Since when this node listens.
    since: Timestamp,
}

impl Sequences {
    /// Returns those of a connection that listens `since` then, and tells `most` nodes apart.
    pub(in crate::invalidation) fn new(most: usize, since: Timestamp) -> Self {
        Self { numbers: HashMap::new(), most, since }
    }

    /// Takes note of a message. Returns whether one before it was missed.
    pub(in crate::invalidation) fn has_gap_before(&mut self, message: &Message, now: Timestamp) -> bool {
        if self.numbers.len() >= self.most && !self.numbers.contains_key(&message.node) {
            let mut heard: Vec<Timestamp> = self.numbers.values().map(|(_, heard)| *heard).collect();
            let at = heard.len() / 4;
            let (_, oldest, _) = heard.select_nth_unstable(at);
            self.numbers.retain(|_, (_, heard)| *heard > *oldest);
        }
        match self.numbers.insert(message.node, (message.number, now)) {
            Some((last, _)) if message.number <= last => {
                // The message came twice, or late.
                self.numbers.insert(message.node, (last, now));
                false
            }
            Some((last, _)) => message.number != last + 1,
            // A node that was there before has sent a heartbeat by now, unless it was lost.
            None => message.number != 1 && now.since(self.since) > 2 * HEARTBEAT,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(0).after(Duration::from_secs(seconds))
    }

    fn message(node: u128, number: u64) -> Message {
        Message { node, number, namespace: String::new(), changes: Vec::new() }
    }

    #[test]
    fn rule_37_a_number_that_is_left_out_is_a_gap() {
        let mut sequences = Sequences::new(10, at(0));
        let mut has_gap = |number, now| sequences.has_gap_before(&message(1, number), at(now));
        assert!(!has_gap(5, 1), "it was there before, and sends heartbeats");
        assert!(!has_gap(6, 2) && has_gap(8, 3));
        assert!(!has_gap(7, 4) && !has_gap(9, 5), "that which comes late is none");
        let mut later = Sequences::new(10, at(0));
        assert!(!later.has_gap_before(&message(1, 1), at(100)), "a new node");
        assert!(later.has_gap_before(&message(2, 3), at(100)), "its first messages were missed");
    }

    #[test]
    fn rule_37_of_more_nodes_than_are_told_apart_those_are_forgotten_that_are_gone() {
        let mut sequences = Sequences::new(100, at(0));
        for hour in 0..200_u64 {
            let now = at(3600 * (hour + 1));
            // Ten that stay, and one that restarts.
            let gaps =
                (0..10).filter(|node| sequences.has_gap_before(&message(*node, hour + 1), now)).count();
            assert_eq!(gaps, 0, "at {hour}");
            assert!(!sequences.has_gap_before(&message(1000 + u128::from(hour), 1), now));
            assert!(sequences.numbers.len() <= 100);
        }
    }
}
