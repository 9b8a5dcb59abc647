//! Overlapping ranges of many callers, and any mix of reads and passing days.

use std::sync::Arc;

use jiff::ToSpan;
use market_data::{DateRange, SeriesId};
use proptest::prelude::*;
use tokio::runtime::Builder;

use crate::{
    evening,
    market::{Market, WINDOW},
};

#[tokio::test]
async fn rule_78_many_callers_of_overlapping_ranges_ask_for_each_bar_once() {
    let market = Market::new(evening(), "2010-01-04").await;
    let node = Arc::new(market.node(|cache| cache).await);
    let ids: Vec<SeriesId> = (0..40)
        .map(|at| {
            let from = jiff::civil::date(2010 + at % 9, 3, 1);
            let range = DateRange { from, to: from.saturating_add(i64::from(at).weeks() * 4) };
            SeriesId::new("AAPL".parse().unwrap(), market_data::Interval::Day).within(range)
        })
        .collect();
    let read_all = async || {
        let reads: Vec<_> = ids
            .iter()
            .map(|id| {
                let (node, id) = (Arc::clone(&node), id.clone());
                tokio::spawn(async move { node.regions.bars(&id).await.unwrap().0.value.unwrap() })
            })
            .collect();
        for (read, id) in reads.into_iter().zip(&ids) {
            assert_eq!(read.await.unwrap().bars.len(), market.told(id.range).len(), "{id}");
        }
    };
    read_all().await;
    assert_eq!(market.upstream.calls(), 1);
    // Chunks that memory has lost: each is asked for once, and those that adjoin in one call.
    for year in 2012..=2015 {
        let id = format!("AAPL:1d:{year}-01-01..{year}-12-31");
        node.regions.series().remove(&*id).await.unwrap();
    }
    read_all().await;
    assert_eq!(market.sent_more_than(2, 2 * WINDOW), []);
    node.regions.series().remove("AAPL:1d:2012-01-01..2012-12-31").await.unwrap();
    node.regions.series().remove("AAPL:1d:2013-01-01..2013-12-31").await.unwrap();
    let calls = market.upstream.calls();
    node.reads(&market, "AAPL:1d:2012-05-01..2013-04-01").await;
    let asked = market.asked_since(calls);
    assert_eq!(asked[0], "2012-01-01..2013-12-31", "as one range");
    assert!(asked.len() <= 2, "and the tail, which tells whether it is of the same basis: {asked:?}");
}

#[derive(Clone, Debug)]
enum Step {
    Read(i32, i32),
    Whole,
    Pass(i32),
    Lose(i16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2200_i32, 0..600_i32).prop_map(|(from, days)| Step::Read(from, days)),
        1 => Just(Step::Whole),
        3 => (1..50_i32).prop_map(Step::Pass),
        1 => (2015..2022_i16).prop_map(Step::Lose),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// A chunk that is lost is asked for once more, and nothing else is.
    #[test]
    fn rule_78_any_mix_of_reads_and_passing_days_answers_as_a_load_of_the_whole(
        steps in prop::collection::vec(step(), 1..16),
    ) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let market = Market::new(evening(), "2015-01-02").await;
            let node = market.node(|cache| cache).await;
            let mut lost = 0;
            for step in steps {
                match step {
                    Step::Read(from, days) => {
                        let from = jiff::civil::date(2015, 1, 1).saturating_add(from.days());
                        let to = from.saturating_add(days.days());
                        node.reads(&market, &format!("AAPL:1d:{from}..{to}")).await;
                    }
                    Step::Whole => drop(node.reads(&market, "AAPL:1d").await),
                    Step::Pass(days) => market.pass(days),
                    Step::Lose(year) => {
                        lost += 1;
                        let id = format!("AAPL:1d:{year}-01-01..{year}-12-31");
                        node.regions.series().remove(&*id).await.unwrap();
                    }
                }
            }
            // The bars of a window are asked for as often as it is.
            let calls = market.upstream.calls();
            let again = market.sent_more_than(1 + lost, 0).len();
            assert!(again <= calls * (WINDOW + 1), "{again} bars in {calls} calls");
        });
    }
}
