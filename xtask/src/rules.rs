//! The rules of behaviour the cache promises, and which of them a test must hold today.

/// One rule, held by the tests whose names contain `rule_NN_`.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) number: u32,
    /// What it promises, in a few words.
    pub(crate) text: &'static str,
    pub(crate) held: Held,
}

/// When a rule must have a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Today: no server is needed to show it.
    Now,
    /// Only with the tiers that need Redis or PostgreSQL.
    Later,
}

const fn now(number: u32, text: &'static str) -> Rule {
    Rule { number, text, held: Held::Now }
}

const fn later(number: u32, text: &'static str) -> Rule {
    Rule { number, text, held: Held::Later }
}

/// Every rule, in the order of its number.
pub(crate) const RULES: &[Rule] = &[
    // Single flight
    now(1, "many callers of a cold key cause one load"),
    now(2, "a load outlives the caller that began it"),
    now(3, "a caller that stops polling holds nobody up"),
    now(4, "a panicking load fails its callers and frees the key"),
    now(5, "a failed load is one attempt and one shared error"),
    now(6, "a passed soft timeout starts no second load"),
    now(7, "callers join a background refresh"),
    now(8, "a load past its hard limit is replaced and cannot win late"),
    now(9, "two nodes with leases load once"),
    now(10, "the lease of a dead node lapses and its load is taken over"),
    now(11, "loads of different error types share one flight"),
    now(12, "get_many loads in one batch what nobody loads yet"),
    // Freshness
    now(13, "a fresh entry needs no loader"),
    now(14, "past the eager threshold reads get the value and one refresh"),
    now(15, "a refresh outlives its cancelled caller"),
    now(16, "\"not modified\" keeps the value and renews its life"),
    now(17, "life and tags set by the loader are honoured"),
    now(18, "a life of zero is never served"),
    now(19, "a huge life overflows nothing"),
    now(20, "an entry copied up keeps its absolute expiry"),
    now(21, "jitter spreads lives within its band"),
    // Grace
    now(22, "a failed load in grace serves stale and throttles the next"),
    now(23, "within the throttle nothing is loaded"),
    now(24, "past grace the loader's error is answered"),
    now(25, "a stale value is served at the soft timeout, the load completes"),
    now(26, "without a stale value the hard timeout is an error, the late result is kept"),
    now(27, "serving grace writes to no tier and no node"),
    now(28, "grace shorter than life is normalised, and said"),
    // Races
    now(29, "a load that began before a removal is answered but not stored"),
    now(30, "a load does not replace a newer put"),
    now(31, "a refresh that began before its tag's invalidation is dead"),
    now(32, "an entry being removed below is not taken back up"),
    now(33, "after random reads, puts and removes nothing older than the last removal is left"),
    // Bus
    now(34, "a put reaches the nodes that hold the key"),
    now(35, "a node ignores its own messages"),
    now(36, "a message older than the entry is ignored"),
    now(37, "nothing from before a lost connection is served unchecked"),
    now(38, "reconnecting nodes are spread by jitter"),
    now(39, "messages of an older wire version are understood"),
    // Recovery
    now(40, "a write to a tier that is down is queued and counted"),
    now(41, "a replay reaches the newest state"),
    now(42, "an item that always fails holds up no other"),
    now(43, "a full queue stays bounded and names its loss"),
    now(44, "a removal while Redis was down holds once it is back"),
    // Tags, clear, patterns
    now(45, "a put after its tag's invalidation is alive"),
    now(46, "of stamps out of order the later one wins"),
    now(47, "a stamp that could not be read is not taken for none"),
    now(48, "an entry that outlives the cached stamp is still dead"),
    now(49, "after clear, no grace value from before it"),
    now(50, "clearing a kind leaves its neighbours, whatever their letters"),
    later(51, "removing by pattern never blocks Redis"),
    // Tiers
    later(52, "a hanging tier costs its timeout, then the breaker opens"),
    now(53, "damaged or foreign bytes are a counted miss, overwritten"),
    now(54, "bytes of another schema version are a miss"),
    later(55, "a batch over cluster slots keeps its order and isolates failures"),
    now(56, "a hash collision on disk is a miss"),
    now(57, "after kill -9 the disk serves whole entries and keeps removals"),
    now(58, "on a full disk puts are error events and reads go on"),
    now(59, "memory stays within its budget and protected keys stay"),
    later(60, "a cancelled call hands out no half-used connection"),
    later(61, "one Redis connection answers 1,000 concurrent reads"),
    now(62, "hostile length prefixes allocate within bounds and are a miss"),
    now(63, "oversized keys and values are a clear error, nothing half-written"),
    now(64, "a start without any tier is degraded, says so and heals"),
];

/// The number in the name of a test that holds a rule: 7 for `memory::rule_07_cold_key`.
pub(crate) fn number_in(test: &str) -> Option<u32> {
    test.split("::").find_map(|part| {
        let (number, _) = part.strip_prefix("rule_")?.split_once('_')?;
        number.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::{Held, RULES, number_in};

    #[test]
    fn the_rules_are_numbered_without_gaps() {
        let numbers: Vec<u32> = RULES.iter().map(|rule| rule.number).collect();
        assert_eq!(numbers, (1..=64).collect::<Vec<u32>>());
    }

    #[test]
    fn what_needs_a_server_is_later() {
        let later: Vec<u32> =
            RULES.iter().filter(|rule| rule.held == Held::Later).map(|rule| rule.number).collect();
        let wanted: Vec<u32> = [9, 10].into_iter().chain(34..=44).chain([51, 52, 55, 60, 61]).collect();
        assert_eq!(later, wanted);
    }

    #[test]
    fn a_tests_name_tells_its_rule() {
        assert_eq!(number_in("rule_01_cold_key"), Some(1));
        assert_eq!(number_in("tests::rule_07_joins"), Some(7));
        assert_eq!(number_in("disk_guarded::rule_53_corrupt::truncated"), Some(53));
        for name in ["cold_key", "rule_", "rule_x_cold", "my_rule_01_cold", "rule_01"] {
            assert_eq!(number_in(name), None, "{name}");
        }
    }
}
