//! Random sequences of operations, compared with a simple model that says exactly what each must return.

mod model {
    //! The parts of the model.
    pub(crate) mod fixture;
    pub(crate) mod oracle;
}

use cache_facade::Eviction;
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    proptest,
    sample::select,
};
use tokio::runtime::Builder;

use self::model::{
    fixture::{Fixture, Stack},
    oracle::KEYS,
};

/// The next operation. Keys and tiers are numbers.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Get(usize),
    GetMany(Vec<usize>),
    Put(usize),
    PutMany(Vec<usize>),
    Remove(Vec<usize>),
    RemoveMatching(usize),
    Invalidate(usize),
    ClearRegion,
    ClearAll,
    Refresh(Vec<usize>),
    /// Advances the clock by this many times seven seconds, which never add up to a life or a grace.
    Advance(u64),
    Source(bool),
    Tier(usize, bool),
    /// Protects every key from eviction, or ends that: no result depends on it.
    Protect(bool),
    Restart,
}

fn steps(tiers: usize) -> impl Strategy<Value = Vec<Step>> {
    let key = 0..KEYS;
    let keys = || vec(0..KEYS, 1..4);
    let step = prop_oneof![
        8 => key.clone().prop_map(Step::Get),
        4 => keys().prop_map(Step::GetMany),
        3 => key.clone().prop_map(Step::Put),
        1 => keys().prop_map(Step::PutMany),
        3 => keys().prop_map(Step::Remove),
        1 => key.clone().prop_map(Step::RemoveMatching),
        2 => (0..2_usize).prop_map(Step::Invalidate),
        1 => prop_oneof![Just(Step::ClearRegion), Just(Step::ClearAll)],
        2 => keys().prop_map(Step::Refresh),
        8 => prop_oneof![4 => 1_u64..10, 1 => 10_u64..100].prop_map(Step::Advance),
        3 => any::<bool>().prop_map(Step::Source),
        3 => (0..tiers, any::<bool>()).prop_map(|(tier, up)| Step::Tier(tier, up)),
        2 => any::<bool>().prop_map(Step::Protect),
        2 => Just(Step::Restart),
    ];
    vec(step, 1..80)
}

fn policies() -> impl Strategy<Value = Eviction> {
    select(&Eviction::ALL)
}

fn run(stack: Stack, policy: Eviction, eager: bool, steps: &[Step]) {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut fixture = Fixture::new(stack, policy, eager).await;
        for (n, step) in steps.iter().enumerate() {
            fixture.step(n, step).await;
        }
    });
}

fn cases(cases: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn rule_33_memory_alone_does_what_the_model_says(steps in steps(1), policy in policies(), eager: bool) {
        run(Stack::Memory, policy, eager, &steps);
    }

    #[test]
    fn rule_33_memory_over_a_tier_does_what_the_model_says(steps in steps(1), policy in policies(), eager: bool) {
        run(Stack::One, policy, eager, &steps);
    }

    #[test]
    fn rule_33_memory_over_two_tiers_does_what_the_model_says(steps in steps(2), policy in policies(), eager: bool) {
        run(Stack::Two, policy, eager, &steps);
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn rule_33_memory_over_disk_does_what_the_model_says(steps in steps(1), policy in policies(), eager: bool) {
        run(Stack::Disk, policy, eager, &steps);
    }
}
