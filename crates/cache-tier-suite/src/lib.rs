//! The behaviour suite of [`Tier`](cache_core::Tier): what every tier promises, as tests to run on your own.
//!
//! Add this crate to the `dev-dependencies` of your tier, which depends on [`cache_core`]. Then say how to make
//! an empty tier on a manual clock, and [`behaviour_suite!`] makes a module of tests, one for each rule:
//!
//! ```
//! use cache_core::Clock;
//! use cache_tier_suite::{ModelTier, Subject, behaviour_suite};
//!
//! async fn my_tier() -> Subject {
//!     let clock = Clock::manual();
//!     // In place of `ModelTier`, your own, given the same clock.
//!     Subject::new(ModelTier::new("mine"), clock, ())
//! }
//!
//! behaviour_suite!(my_tier_in_memory, my_tier);
//!
//! // One rule by hand, as for a bug that you are after:
//! # fn main() {
//! cache_tier_suite::check(my_tier, cache_tier_suite::rules::rule_29_a_removed_key_is_absent_and_counted);
//! # }
//! ```
//!
//! A rule that does not hold panics and says what it expected; one with random input shrinks it to the
//! smallest that fails. The numbers in the names are those of the project's list of rules. Every test gets a
//! tier of its own, runs on a runtime with two worker threads, and moves the clock by hand: nothing sleeps.
//! The rules ask nothing of a tier but what the documentation of [`Tier`](cache_core::Tier) says, so wrappers
//! pass them too: run the suite on each.
//!
//! [`ModelTier`] is the simplest tier that passes, for comparison and as a stand-in for a real one.

mod entries;
mod model_tier;
mod promises;
mod properties;
mod subject;

pub use model_tier::ModelTier;
pub use subject::{Subject, check};

/// Defines the suite from the one list of its rules. A rule that is not in the list is dead code, and the
/// compiler says so.
macro_rules! rules {
    ($d:tt $($theme:ident { $($rule:ident)+ })+) => {
        /// The rules as functions, to run one by hand with [`check`](crate::check). Each panics if it does
        /// not hold.
        pub mod rules {
            use cache_core::{Clock, Tier};
            $($(
                #[doc = concat!("Checks what the name says: `", stringify!($rule), "`.")]
                ///
                /// # Panics
                ///
                /// If the rule does not hold for this tier.
                pub async fn $rule(tier: &dyn Tier, clock: &Clock) {
                    crate::promises::$theme::$rule(tier, clock).await;
                }
            )+)+
        }

        /// Makes a module of tests, one for each rule, on a [`Subject`] each: `behaviour_suite!(name,
        /// factory)`.
        ///
        /// `name` is that of the module. `factory` is an async function, or a closure that returns a future,
        /// which takes no arguments and returns a [`Subject`]; it is called once for each test.
        #[macro_export]
        macro_rules! behaviour_suite {
            ($d variant:ident, $d factory:expr) => {
                mod $d variant {
                    use super::*;
                    $($(
                        #[test]
                        fn $rule() {
                            $crate::check($d factory, $crate::rules::$rule);
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
        rule_104_a_put_that_loses_says_so
    }
    removals {
        rule_29_a_removed_key_is_absent_and_counted
        rule_29_only_values_that_were_alive_are_counted
        rule_29_what_was_born_before_a_removal_is_refused
        rule_29_a_removal_holds_for_keys_that_were_not_there
        rule_29_an_older_removal_does_not_lift_a_newer_one
        rule_29_a_shorter_removal_does_not_lift_a_longer_one
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
    steps {
        rule_98_all_steps_together_remove_exactly_what_matches
        rule_98_a_walk_goes_on_under_a_tombstone_that_lasts_longer
    }
    listing {
        rule_127_what_is_held_is_listed_as_it_was_put
        rule_127_what_was_removed_and_the_caches_own_is_not_listed
        rule_127_pages_of_any_size_list_exactly_what_matches
        rule_127_what_is_held_all_the_while_is_found_though_others_write
    }
    cancellation {
        rule_60_a_get_dropped_half_way_harms_nothing
        rule_60_a_put_dropped_half_way_is_whole_or_nothing
        rule_60_a_removal_dropped_half_way_can_be_made_again
    }
    concurrency {
        rule_30_of_many_writers_the_last_born_wins
        rule_33_nothing_older_than_the_last_removal_is_held
        rule_33_a_pattern_removal_among_writers_is_not_undone
    }
    histories {
        rule_33_any_history_ends_as_the_model_says
    }
}
