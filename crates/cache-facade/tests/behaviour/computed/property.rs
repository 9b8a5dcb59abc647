//! At all times, on every node, a computed value is what a read of its inputs makes.

use std::time::Duration;

use cache_core::{Fetched, Ttl};
use cache_facade::Result;
use proptest::prelude::*;
use tests::{Fixture, LocalBus, settle, soon};
use tokio::runtime::Builder;

use super::{Joined, joined};

#[derive(Clone, Debug)]
enum Step {
    Put { node: usize, input: usize, id: usize, value: u8, life: u64 },
    Remove { node: usize, input: usize, id: usize },
    Invalidate { node: usize, id: usize },
    Clear { node: usize, input: usize },
    Refresh { node: usize, input: usize, id: usize },
    Evict { node: usize },
    Pass(u64),
    Read { node: usize, id: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let at = || (0..2_usize, 0..2_usize, 0..2_usize);
    prop_oneof![
        1 => (at(), 0..4_u8, 1..90_u64)
            .prop_map(|((node, input, id), value, life)| Step::Put { node, input, id, value, life }),
        1 => at().prop_map(|(node, input, id)| Step::Remove { node, input, id }),
        1 => (0..2_usize, 0..2_usize).prop_map(|(node, id)| Step::Invalidate { node, id }),
        1 => (0..2_usize, 0..2_usize).prop_map(|(node, input)| Step::Clear { node, input }),
        1 => at().prop_map(|(node, input, id)| Step::Refresh { node, input, id }),
        1 => (0..2_usize).prop_map(|node| Step::Evict { node }),
        1 => (0..100_u64).prop_map(Step::Pass),
        4 => (0..2_usize, 0..2_usize).prop_map(|(node, id)| Step::Read { node, id }),
    ]
}

const IDS: [&str; 2] = ["A", "B"];

/// Reads what is computed, and then its inputs, which a read in between does not change.
async fn check(kinds: &Joined, id: &str) -> Result<()> {
    let computed = soon(kinds.joined.lookup(id)).await?;
    let (one, two) = (kinds.one.lookup(id).await?, kinds.two.lookup(id).await?);
    let wanted = one.value.as_ref().zip(two.value.as_ref()).map(|(one, two)| format!("{one}+{two}"));
    if one.stale || two.stale || computed.stale {
        // A stale input is served while it is loaded anew behind, which the reads above may have brought.
        return Ok(());
    }
    assert_eq!(computed.value.as_deref(), wanted.as_ref(), "of {id}");
    assert_eq!(computed.born, one.born.min(two.born), "as old as the oldest");
    // Births are some microseconds apart in one moment of the clock.
    let no_longer = |span: Duration, input: Duration| span <= input + Duration::from_millis(1);
    assert!(no_longer(computed.fresh_for, one.fresh_for.min(two.fresh_for)), "lives no longer than either");
    assert!(no_longer(computed.servable_for, one.servable_for.min(two.servable_for)));
    Ok(())
}

async fn run(steps: Vec<Step>) -> Result<()> {
    let bus = LocalBus::default();
    let here = Fixture::built(|cache| cache.bus(bus.clone()), |region| region).await;
    let there = here.another_built(|cache| cache.bus(bus.clone()), |region| region).await;
    settle().await;
    let nodes = [here, there];
    let kinds = [joined(&nodes[0].cache), joined(&nodes[1].cache)];
    for step in steps {
        match step {
            Step::Put { node, input, id, value, life } => {
                let value =
                    Fetched::new(format!("v{value}")).tag(IDS[id]).ttl(Ttl::new(Duration::from_secs(life)));
                [&kinds[node].one, &kinds[node].two][input].put(IDS[id], value).await?;
            }
            Step::Remove { node, input, id } => {
                [&kinds[node].one, &kinds[node].two][input].remove(IDS[id]).await?;
            }
            Step::Invalidate { node, id } => nodes[node].cache.invalidate(IDS[id]).await?,
            Step::Clear { node, input } => [&kinds[node].one, &kinds[node].two][input].clear().await?,
            Step::Refresh { node, input, id } => {
                [&kinds[node].one, &kinds[node].two][input].refresh(&[IDS[id]]).await?.all()?;
            }
            Step::Evict { node } => {
                let budget = nodes[node].cache.stats().memory.budget;
                nodes[node].cache.set_memory_budget(1)?;
                nodes[node].cache.set_memory_budget(budget)?;
            }
            Step::Pass(seconds) => nodes[0].pass(seconds),
            Step::Read { node, id } => check(&kinds[node], IDS[id]).await?,
        }
        // Messages reach the other node, and loads behind stale values end.
        settle().await;
    }
    for kinds in &kinds {
        for id in IDS {
            check(kinds, id).await?;
            settle().await;
            check(kinds, id).await?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_computed_value_equals_what_its_inputs_make(steps in prop::collection::vec(step(), 1..40)) {
        Builder::new_current_thread().enable_time().build().unwrap().block_on(run(steps)).unwrap();
    }
}
