//! The rules of behaviour the cache promises, each held by a test.

/// One rule, held by the tests whose names contain `rule_NN_`.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) number: u32,
    /// What it promises, in a few words.
    pub(crate) text: &'static str,
}

const fn rule(number: u32, text: &'static str) -> Rule {
    Rule { number, text }
}

/// Every rule, in the order of its number.
pub(crate) const RULES: &[Rule] = &[
    // Single flight
    rule(1, "many callers of a cold key cause one load"),
    rule(2, "a load outlives the caller that began it"),
    rule(3, "a caller that stops polling holds nobody up"),
    rule(4, "a panicking load fails its callers and frees the key"),
    rule(5, "a failed load is one attempt and one shared error"),
    rule(6, "a passed soft timeout starts no second load"),
    rule(7, "callers join a background refresh"),
    rule(8, "a load past its hard limit is replaced and cannot win late"),
    rule(9, "two nodes with leases load once"),
    rule(10, "the lease of a dead node lapses and its load is taken over"),
    rule(11, "loads of different error types share one flight"),
    rule(12, "get_many loads in one batch what nobody loads yet"),
    // Freshness
    rule(13, "a fresh entry needs no loader"),
    rule(14, "past the eager threshold reads get the value and one refresh"),
    rule(15, "a refresh outlives its cancelled caller"),
    rule(16, "\"not modified\" keeps the value and renews its life"),
    rule(17, "life and tags set by the loader are honoured"),
    rule(18, "a life of zero is never served"),
    rule(19, "a huge life overflows nothing"),
    rule(20, "an entry copied up keeps its absolute expiry"),
    rule(21, "jitter spreads lives within its band"),
    // Grace
    rule(22, "a failed load in grace serves stale and throttles the next"),
    rule(23, "within the throttle nothing is loaded"),
    rule(24, "past grace the loader's error is answered"),
    rule(25, "a stale value is served at the soft timeout, the load completes"),
    rule(26, "without a stale value the hard timeout is an error, the late result is kept"),
    rule(27, "serving grace writes to no tier and no node"),
    rule(28, "grace shorter than life is normalised, and said"),
    // Races
    rule(29, "a load that began before a removal is answered but not stored"),
    rule(30, "a load does not replace a newer put"),
    rule(31, "a refresh that began before its tag's invalidation is dead"),
    rule(32, "an entry being removed below is not taken back up"),
    rule(33, "after random reads, puts and removes nothing older than the last removal is left"),
    // Bus
    rule(34, "a put reaches the nodes that hold the key"),
    rule(35, "a node ignores its own messages"),
    rule(36, "a message older than the entry is ignored"),
    rule(37, "nothing from before a lost connection is served unchecked"),
    rule(38, "reconnecting nodes are spread by jitter"),
    rule(39, "messages of an older wire version are understood"),
    // Recovery
    rule(40, "a write to a tier that is down is queued and counted"),
    rule(41, "a replay reaches the newest state"),
    rule(42, "an item that always fails holds up no other"),
    rule(43, "a full queue stays bounded and names its loss"),
    rule(44, "a removal while Redis was down holds once it is back"),
    // Tags, clear, patterns
    rule(45, "a put after its tag's invalidation is alive"),
    rule(46, "of stamps out of order the later one wins"),
    rule(47, "a stamp that could not be read is not taken for none"),
    rule(48, "an entry that outlives the cached stamp is still dead"),
    rule(49, "after clear, no grace value from before it"),
    rule(50, "clearing a kind leaves its neighbours, whatever their letters"),
    rule(51, "removing by pattern never blocks Redis"),
    // Tiers
    rule(52, "a hanging tier costs its timeout, then the breaker opens"),
    rule(53, "damaged or foreign bytes are a counted miss, overwritten"),
    rule(54, "bytes of another schema version are a miss"),
    rule(55, "a batch over cluster slots keeps its order and isolates failures"),
    rule(56, "a hash collision on disk is a miss"),
    rule(57, "after kill -9 the disk serves whole entries and keeps removals"),
    rule(58, "on a full disk puts are error events and reads go on"),
    rule(59, "memory stays within its budget and protected keys stay"),
    rule(60, "a cancelled call hands out no half-used connection"),
    rule(61, "one Redis connection answers 1,000 concurrent reads"),
    rule(62, "hostile length prefixes allocate within bounds and are a miss"),
    rule(63, "oversized keys and values are a clear error, nothing half-written"),
    rule(64, "a start without any tier is degraded, says so and heals"),
    // What trials found
    rule(65, "whoever refuses a newer value serves no older one, and says so"),
    rule(66, "a server that is not the master that is needed is left, by the bus too, within 3 s"),
    rule(67, "a bus that does not bring a node's own messages back is unwell"),
    rule(68, "calls that a body can tell apart never share a key"),
    rule(69, "one instrument by several spellings is one entry, one call and one event"),
    rule(70, "what is of no stated market never lives until it can change"),
    rule(71, "a log that can't be written or isn't read changes nothing; lines are dropped and counted"),
    rule(72, "an outage of many keys is a line per change of state and sums"),
    rule(73, "a body late, endless or chunked is cut at its deadline and its limit"),
    rule(74, "a cross-site page, a foreign host and a stranger change nothing and see nothing inside"),
    rule(75, "a reload that is slow, large or bad holds nothing up, and the check finds what stops a start"),
    rule(76, "an event ahead holds over restarts and on other nodes, leaves room and can be withdrawn"),
    // Series by their tail
    rule(77, "a passing day asks for what of a history is missing or not yet final alone"),
    rule(78, "overlapping ranges of many callers ask for each bar once, and are as a load of the whole"),
    rule(79, "bars from before a split or a dividend are never mixed with those from after it"),
    rule(80, "days that the provider does not have are told from days without trading"),
    rule(81, "a bar under way is marked as not final, and is asked for again"),
    // Soft invalidation
    rule(82, "a quota holds for all nodes and over restarts, in any window"),
    rule(84, "what is marked stale is served, flagged, and refreshed by one paced load, on every node"),
    // Warming
    rule(85, "a warmed value that is read before it dies is counted once, for who fetched it"),
    rule(86, "what is fresh, beyond the budget or over a quota is not fetched"),
    rule(87, "while a provider is down those who fetch beforehand back off, and callers are unharmed"),
    rule(
        88,
        "a call with free places is filled with what is likeliest next, and the misser waits for nothing",
    ),
    rule(89, "after kill -9 hot keys come from the lower tiers before the service is ready, without a call"),
    rule(90, "an update queued twice or fresh by now goes once or not at all, and is drained at shutdown"),
    rule(91, "hits and misses are the reads, by tier and kind, and each miss has its reason"),
    rule(94, "an error is never served from the cache, however its type is written"),
    rule(95, "a value that its codec can't carry is answered and kept in memory alone"),
    rule(96, "what a tier is owed is stored or counted as lost, and its writer has it while it lives"),
    rule(
        97,
        "what is forgotten of any number of tags goes a little at a time, and ends nothing that it need not",
    ),
    rule(98, "a removal by pattern goes on once, however long it takes, and tells a part from the whole"),
    rule(99, "what is dead takes no room from what lives, and the sweep frees it"),
    rule(
        100,
        "a batch costs as much a key whatever its size, and takes nothing from other nodes but what it names",
    ),
    rule(101, "nobody waits for a long walk, a sweep, an eviction or a raised floor"),
    rule(102, "more failing keys than can be told apart are throttled all the same, more coarsely"),
    rule(103, "a tier that takes no writes for hours costs bounded memory and constant time"),
    rule(104, "whatever the clocks, what was put later wins, and nobody holds what lost"),
    // Nothing half done
    rule(105, "a call that writes or ends something goes on to its end, whatever becomes of its caller"),
    rule(106, "a cache outlives runtimes: loops begin anew, loads and batches are taken over"),
    rule(107, "what users wrote may panic: caught where it is called, counted, nothing else changes"),
    rule(108, "callers of a cached function that can't say that it failed share one run"),
    rule(109, "a refresh that changed a value reaches the nodes that hold the older one"),
    rule(110, "a write that skips a tier ends the older value there"),
    rule(111, "not modified renews the life that the source gave"),
    rule(112, "what a put elsewhere replaced is stale, and bridges an outage"),
    rule(113, "counts are exact under late, stale and duplicate calls"),
    // Updates
    rule(121, "no update of a key on one node is lost, nor one made on what is gone"),
    rule(122, "an update that loses to another node's write says so and leaves it"),
    // Memory
    rule(123, "an entry that leaves memory is told once, with its cause, under no lock"),
    rule(124, "a budget of memory that changes evicts what is too much and no more"),
    rule(125, "a life that is set counts from now everywhere, and never for what is gone"),
    rule(126, "a walk over memory finds what is held all the while"),
    rule(127, "a tier lists what it holds all the while, once, in pages of any size"),
    rule(128, "a dry run counts in memory and in each tier what the removal then ends, for any selection"),
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
    use super::{RULES, number_in};

    #[test]
    fn the_rules_are_numbered_in_order() {
        let numbers: Vec<u32> = RULES.iter().map(|rule| rule.number).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        assert_eq!(numbers[..64], (1..=64).collect::<Vec<u32>>());
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
