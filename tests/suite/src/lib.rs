//! The behaviour suite: what every tier promises, run on each as `behaviour_suite!(name, factory)`.

use std::{any::Any, fmt, time::Duration};

use cache_core::{Blob, Bytes, Clock, Codec, Entry, Key, Meta, Tier, Timestamp, Tombstone, Ttl};
use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestError, TestRunner},
};
use tokio::{runtime::Handle, task::block_in_place};

mod batches;
mod cancelled;
mod contents;
mod model;
mod model_tier;
mod patterns;
mod removals;
mod together;
mod writes;

pub use model_tier::ModelTier;

/// A tier to be judged, the clock it lives by, and what has to outlive it, such as its folder.
pub struct Subject {
    tier: Box<dyn Tier>,
    clock: Clock,
    _keeps: Box<dyn Any + Send>,
}

impl Subject {
    /// An empty tier on a manual clock.
    pub fn new(tier: impl Tier, clock: Clock, keeps: impl Any + Send) -> Self {
        Self { tier: Box::new(tier), clock, _keeps: Box::new(keeps) }
    }

    /// The tier.
    #[must_use]
    pub fn tier(&self) -> &dyn Tier {
        &*self.tier
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("tier", &self.tier).finish_non_exhaustive()
    }
}

/// Defines the suite from the one list of its rules. A rule that is not in the list is dead code, and
/// the compiler says so.
macro_rules! rules {
    ($d:tt $($theme:ident { $($rule:ident)+ })+) => {
        /// The rules as functions, for those who want to run one by hand.
        pub mod rules {
            use cache_core::{Clock, Tier};
            $($(
                #[doc = concat!("See the name: `", stringify!($rule), "`.")]
                pub async fn $rule(tier: &dyn Tier, clock: &Clock) {
                    super::$theme::$rule(tier, clock).await;
                }
            )+)+
        }

        /// Makes a module of tests, one a rule, each on a [`Subject`] of its own: `factory` is an
        /// async function or closure without arguments that answers with one.
        #[macro_export]
        macro_rules! behaviour_suite {
            ($d variant:ident, $d factory:expr) => {
                mod $d variant {
                    use super::*;
                    $($(
                        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                        async fn $rule() {
                            let factory = $d factory;
                            let subject: $crate::Subject = factory().await;
                            $crate::rules::$rule(subject.tier(), subject.clock()).await;
                        }
                    )+)+
                }
            };
        }
    };
}

rules! { $
    batches {
        rule_12_answers_follow_the_order_of_the_keys
        rule_12_an_empty_batch_is_answered_empty
        rule_12_a_key_asked_twice_is_answered_twice
        rule_12_a_large_batch_is_answered_whole
        rule_30_of_a_key_twice_in_a_batch_the_later_born_is_kept
        rule_30_each_entry_of_a_batch_wins_or_loses_alone
    }
    contents {
        rule_20_an_entry_comes_back_as_it_was_put
        rule_20_an_absence_comes_back_as_an_absence
        rule_20_stale_is_answered_and_dead_is_answered_unchanged_or_not_at_all
        rule_20_similar_keys_are_different_keys
        rule_54_codec_and_schema_come_back_as_stored
        rule_57_a_flush_loses_nothing
        rule_63_the_largest_value_is_kept_whole
        rule_63_a_value_past_the_limit_is_refused_and_nothing_half_written
    }
    writes {
        rule_30_a_later_born_entry_replaces
        rule_30_an_entry_born_earlier_or_at_the_same_time_does_not_replace
        rule_30_whatever_the_order_of_puts_the_last_born_is_held
        rule_30_an_absence_and_a_value_compete_by_birth_alone
    }
    removals {
        rule_29_a_removed_key_is_absent_and_counted
        rule_29_what_was_born_before_a_removal_is_refused
        rule_29_a_removal_holds_for_keys_that_were_not_there
        rule_29_an_older_removal_does_not_lift_a_newer_one
        rule_29_what_was_born_after_a_removal_is_accepted
        rule_29_past_its_death_a_tombstone_hinders_nothing_newer
        rule_30_a_removal_leaves_what_was_born_after_it
        rule_32_a_value_read_before_a_removal_can_not_be_put_back
    }
    patterns {
        rule_29_a_pattern_removal_holds_for_keys_that_were_not_there
        rule_30_a_pattern_removal_leaves_what_was_born_after_it
        rule_32_a_value_read_before_a_pattern_removal_can_not_be_put_back
        rule_50_users_and_users_abc_are_different_kinds
        rule_50_glob_characters_in_keys_are_only_characters
        rule_50_a_pattern_removes_exactly_what_it_matches
    }
    cancelled {
        rule_60_a_get_dropped_half_way_harms_nothing
        rule_60_a_put_dropped_half_way_is_whole_or_nothing
        rule_60_a_removal_dropped_half_way_can_be_made_again
    }
    together {
        rule_30_of_many_writers_the_last_born_wins
        rule_33_nothing_older_than_the_last_removal_is_held
        rule_33_a_pattern_removal_among_writers_is_not_undone
    }
    model {
        rule_33_any_history_ends_as_the_model_says
    }
}

/// How many micros a "long time" is here: longer than any rule takes.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

pub(crate) fn key(id: &str) -> Key {
    Key::new("suite", id).expect("a valid key")
}

/// The moment `micros` after a fixed one that lies at the clock's beginning.
pub(crate) fn at(clock: &Clock, micros: i64) -> Timestamp {
    Timestamp::from_micros(clock.now().as_micros() + micros)
}

/// An entry that holds `text` and lives long.
pub(crate) fn entry(text: &str, born: Timestamp) -> Entry {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let blob = Blob { codec: Codec::Bincode, schema: 0, bytes };
    Entry::new(blob, Meta::new(born, Ttl::new(LONG)))
}

/// The text of an entry made by [`entry`].
pub(crate) fn text(entry: &Entry) -> String {
    let bytes = entry.value.as_ref().map(|blob| blob.bytes.to_vec()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A tombstone that lasts.
pub(crate) fn tombstone(born: Timestamp) -> Tombstone {
    Tombstone { born, dead_at: born.after(LONG) }
}

/// Checks a property on `cases` inputs and shrinks one that doesn't hold. `case` numbers the tries, for
/// keys that no other try has touched.
pub(crate) async fn for_all<S, R>(cases: u32, strategy: S, rule: R)
where
    S: Strategy<Value: fmt::Debug>,
    R: AsyncFn(u64, S::Value),
{
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let tries = std::cell::Cell::new(0);
    let outcome = block_in_place(|| {
        TestRunner::new(config).run(&strategy, |input| {
            tries.set(tries.get() + 1);
            Handle::current().block_on(rule(tries.get(), input));
            Ok(())
        })
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, input)) => panic!("{reason}\nsmallest input: {input:#?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// Runs `work` on `threads` threads at once, each given its number.
pub(crate) async fn in_parallel<F>(threads: u64, work: F)
where
    F: AsyncFn(u64) + Sync,
{
    let handle = Handle::current();
    block_in_place(|| {
        std::thread::scope(|scope| {
            for number in 0..threads {
                let (handle, work) = (&handle, &work);
                scope.spawn(move || handle.block_on(work(number)));
            }
        });
    });
}
