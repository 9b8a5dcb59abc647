//! The suite fails on broken tiers: each of these breaks one rule.

use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;
use cache_core::{
    Clock, Entry, Key, ListCursor, ListItem, ListPage, Meta, Pattern, PutOutcome, RemovalStep, Result,
    Target, Tier, Timestamp, Tombstone, Ttl, envelope::Record,
};
use cache_tier_suite::rules;
use tokio::task::yield_now;

/// A way to break a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    LastPutWins,
    TiesReplace,
    NoTombstones,
    NoTombstoneWithoutEntry,
    NoTombstoneForPatterns,
    OlderTombstonesReplace,
    RemovesTheNewer,
    RemovesByPrefix,
    AnswersWithoutGaps,
    LosesLabels,
    LosesAbsences,
    PutsInTwoHalves,
    ComparesBeforeTheLock,
    ClaimsToStore,
    CountsTheDead,
    CountsAbsences,
    ListsTheFirstPageOnly,
    ListsTwice,
    ListsTombstones,
    ListsByPrefix,
    StepsOverAPage,
    NoTombstoneBetweenSteps,
}

#[derive(Debug)]
struct BrokenTier {
    fault: Fault,
    records: Mutex<BTreeMap<String, Record>>,
    patterns: Mutex<Vec<(Pattern, Timestamp)>>,
    writing: tokio::sync::Mutex<()>,
}

impl BrokenTier {
    fn new(fault: Fault) -> Self {
        Self {
            fault,
            records: Mutex::default(),
            patterns: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    fn floor(&self, key: &Key) -> Timestamp {
        let records = self.records.lock().unwrap();
        let record = match records.get(key.as_str()) {
            Some(record) if self.fault == Fault::LastPutWins && matches!(record, Record::Entry(_)) => None,
            Some(Record::Entry(entry)) if self.fault == Fault::TiesReplace => {
                Some(Timestamp::from_micros(entry.meta.born.as_micros() - 1))
            }
            record => record.map(Record::born),
        };
        let patterns = self.patterns.lock().unwrap();
        let patterns = patterns.iter().filter(|(pattern, _)| pattern.matches(key)).map(|&(_, born)| born);
        record.into_iter().chain(patterns).max().unwrap_or(Timestamp::MIN)
    }

    fn store(&self, key: &Key, entry: &Entry) {
        if self.fault == Fault::LosesAbsences && entry.value.is_none() {
            return;
        }
        let mut entry = entry.clone();
        if self.fault == Fault::LosesLabels {
            entry.meta = entry.meta.labelled(&[], None);
        }
        self.records.lock().unwrap().insert(key.as_str().to_owned(), Record::Entry(entry));
    }
}

#[async_trait]
impl Tier for BrokenTier {
    fn name(&self) -> &'static str {
        "broken"
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let records = self.records.lock().unwrap();
        let answers = keys.iter().map(|key| match records.get(key.as_str()) {
            Some(Record::Entry(entry)) => Some(entry.clone()),
            _ => None,
        });
        let gaps = self.fault != Fault::AnswersWithoutGaps;
        Ok(answers.filter(|answer| gaps || answer.is_some()).collect())
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let _writing = match self.fault {
            Fault::ComparesBeforeTheLock => None,
            _ => Some(self.writing.lock().await),
        };
        let mut outcomes = Vec::new();
        for (key, entry) in entries {
            let floor = self.floor(key);
            if self.fault == Fault::ComparesBeforeTheLock {
                (0..20).for_each(|_| std::thread::yield_now());
                yield_now().await;
            }
            if self.fault == Fault::PutsInTwoHalves {
                let half = Entry::absent(Meta::new(entry.meta.born, Ttl::NONE));
                self.store(key, &half);
                yield_now().await;
            }
            let stored = entry.meta.born > floor;
            if stored {
                self.store(key, entry);
            }
            outcomes.push(PutOutcome::stored_if(stored || self.fault == Fault::ClaimsToStore));
        }
        Ok(outcomes)
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let _writing = self.writing.lock().await;
        let mut records = self.records.lock().unwrap();
        let texts: Vec<String> = match target {
            Target::Keys(keys) => keys.iter().map(|key| key.as_str().to_owned()).collect(),
            Target::Matching(pattern) => {
                if !matches!(self.fault, Fault::NoTombstoneForPatterns | Fault::NoTombstones) {
                    self.patterns.lock().unwrap().push((pattern.clone(), tombstone.born));
                }
                let prefix = self.fault == Fault::RemovesByPrefix;
                let matches = |text: &&String| {
                    pattern.matches_text(text)
                        || prefix && text.starts_with(pattern.literal_prefix().trim_end_matches(':'))
                };
                records.keys().filter(matches).cloned().collect()
            }
        };
        let mut gone = 0;
        for text in texts {
            match records.get(&text) {
                Some(record) if record.born() > tombstone.born => match (self.fault, record) {
                    (Fault::OlderTombstonesReplace, Record::Tombstone(_)) | (Fault::RemovesTheNewer, _) => {}
                    _ => continue,
                },
                None if self.fault == Fault::NoTombstoneWithoutEntry => continue,
                Some(Record::Entry(entry)) => {
                    let alive = entry.meta.dead_at > tombstone.born || self.fault == Fault::CountsTheDead;
                    let counts = entry.value.is_some() || self.fault == Fault::CountsAbsences;
                    gone += u64::from(alive && counts);
                }
                _ => {}
            }
            records.insert(text.clone(), Record::Tombstone(tombstone));
            if self.fault == Fault::NoTombstones {
                records.remove(&text);
            }
        }
        Ok(gone)
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }

    async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<ListPage>> {
        let records = self.records.lock().unwrap();
        let from = after.map_or("", |after| str::from_utf8(after.as_bytes()).unwrap());
        let from = records.keys().take_while(|key| key.as_str() < from).count();
        let page = records.iter().skip(from).take(limit);
        let items = page.filter_map(|(key, record)| match record {
            _ if self.fault == Fault::ListsByPrefix && key.starts_with(pattern.literal_prefix()) => {
                Some(ListItem::new(key, Meta::new(record.born(), Ttl::NONE), false, 0))
            }
            Record::Entry(entry) if pattern.matches_text(key) => Some(ListItem::of_entry(key, entry)),
            Record::Tombstone(tombstone)
                if pattern.matches_text(key) && self.fault == Fault::ListsTombstones =>
            {
                Some(ListItem::new(key, Meta::new(tombstone.born, Ttl::NONE), true, 0))
            }
            _ => None,
        });
        let mut items: Vec<ListItem> = items.collect();
        if self.fault == Fault::ListsTwice {
            items.extend(items.first().cloned());
        }
        let next = records.keys().nth(from + limit).filter(|_| self.fault != Fault::ListsTheFirstPageOnly);
        Ok(Some(ListPage::new(items, next.map(|key| ListCursor::new(key.as_bytes())))))
    }

    async fn remove_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<RemovalStep>> {
        let from = after.map_or(0, |after| after.number().unwrap()) as usize;
        if self.fault != Fault::NoTombstoneBetweenSteps {
            self.patterns.lock().unwrap().push((pattern.clone(), tombstone.born));
        }
        let mut records = self.records.lock().unwrap();
        let until = from + limit;
        let mut removed = 0;
        for (text, record) in records.iter_mut().skip(from).take(limit) {
            if pattern.matches_text(text) && record.born() <= tombstone.born {
                removed += u64::from(matches!(record, Record::Entry(_)));
                *record = Record::Tombstone(tombstone);
            }
        }
        let next = if self.fault == Fault::StepsOverAPage { until + limit } else { until };
        let is_last = next >= records.len();
        Ok(Some(RemovalStep::new(removed, (!is_last).then(|| ListCursor::of_number(next as u64)))))
    }
}

/// Runs one rule on a tier with one fault. The rule may have to be given several chances to see it.
macro_rules! caught {
    ($($test:ident: $fault:ident by $rule:ident;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let verdict = |fault, chances: usize| async move {
                    for _ in 0..chances {
                        let rule = async move {
                            rules::$rule(&BrokenTier::new(fault), &Clock::manual()).await;
                        };
                        if tokio::spawn(rule).await.is_err() {
                            return "caught";
                        }
                    }
                    "passed"
                };
                assert_eq!(verdict(Fault::None, 1).await, "passed", "a whole tier");
                assert_eq!(verdict(Fault::$fault, 300).await, "caught");
            }
        )+
    };
}

caught! {
    rule_12_gaps_left_out: AnswersWithoutGaps by rule_12_answers_follow_the_order_of_the_keys;
    rule_20_labels_lost: LosesLabels by rule_20_an_entry_comes_back_as_it_was_put;
    rule_20_absences_lost: LosesAbsences by rule_20_an_absence_comes_back_as_an_absence;
    rule_29_no_tombstones: NoTombstones by rule_29_what_was_born_before_a_removal_is_refused;
    rule_29_counts_the_dead: CountsTheDead by rule_29_only_values_that_were_alive_are_counted;
    rule_29_counts_absences: CountsAbsences by rule_29_only_values_that_were_alive_are_counted;
    rule_29_no_tombstone_without_an_entry: NoTombstoneWithoutEntry by rule_29_a_removal_holds_for_keys_that_were_not_there;
    rule_29_no_tombstone_for_patterns: NoTombstoneForPatterns by rule_29_a_pattern_removal_holds_for_keys_that_were_not_there;
    rule_29_no_tombstones_after_a_shorter_one: NoTombstones by rule_29_a_shorter_removal_does_not_lift_a_longer_one;
    rule_29_older_tombstones_replace: OlderTombstonesReplace by rule_29_an_older_removal_does_not_lift_a_newer_one;
    rule_30_the_last_put_wins: LastPutWins by rule_30_whatever_the_order_of_puts_the_last_born_is_held;
    rule_30_ties_replace: TiesReplace by rule_30_an_entry_born_earlier_or_at_the_same_time_does_not_replace;
    rule_30_ties_replace_in_a_batch: TiesReplace by rule_30_of_a_key_twice_in_a_batch_the_later_born_is_kept;
    rule_30_compares_before_the_lock: ComparesBeforeTheLock by rule_30_of_many_writers_the_last_born_wins;
    rule_30_removes_the_newer: RemovesTheNewer by rule_30_a_removal_leaves_what_was_born_after_it;
    rule_104_claims_to_store: ClaimsToStore by rule_104_a_put_that_loses_says_so;
    rule_32_no_tombstones: NoTombstones by rule_32_a_value_read_before_a_removal_can_not_be_put_back;
    rule_33_no_tombstones: NoTombstones by rule_33_any_history_ends_as_the_model_says;
    rule_33_ties_replace: TiesReplace by rule_33_any_history_ends_as_the_model_says;
    rule_33_older_tombstones_replace: OlderTombstonesReplace by rule_33_any_history_ends_as_the_model_says;
    rule_33_no_tombstones_under_threads: NoTombstones by rule_33_nothing_older_than_the_last_removal_is_held;
    rule_33_no_tombstone_for_patterns: NoTombstoneForPatterns by rule_33_a_pattern_removal_among_writers_is_not_undone;
    rule_50_removes_by_prefix: RemovesByPrefix by rule_50_users_and_users_abc_are_different_kinds;
    rule_98_steps_over_a_page: StepsOverAPage by rule_98_all_steps_together_remove_exactly_what_matches;
    rule_98_no_tombstone_between_steps: NoTombstoneBetweenSteps by rule_98_a_walk_goes_on_under_a_tombstone_that_lasts_longer;
    rule_127_lists_the_first_page_only: ListsTheFirstPageOnly by rule_127_pages_of_any_size_list_exactly_what_matches;
    rule_127_lists_twice: ListsTwice by rule_127_pages_of_any_size_list_exactly_what_matches;
    rule_127_lists_by_prefix: ListsByPrefix by rule_127_pages_of_any_size_list_exactly_what_matches;
    rule_127_lists_tombstones: ListsTombstones by rule_127_what_was_removed_and_the_caches_own_is_not_listed;
    rule_127_lists_without_labels: LosesLabels by rule_127_what_is_held_is_listed_as_it_was_put;
    rule_60_puts_in_two_halves: PutsInTwoHalves by rule_60_a_put_dropped_half_way_is_whole_or_nothing;
}
