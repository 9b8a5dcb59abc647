//! Calls that are cancelled wherever they wait: all of what began is done, on every node and over a restart.

use cache_market::{EventKind, MarketEvent};
use tests::{mutations::cancelled_after, settle};

use crate::fixture::{HOUR, Node, World, asset, disk};

/// The values that a node serves, of data of two kinds: the first and the last that the event ends.
async fn served(node: &Node) -> [Option<u64>; 2] {
    [node.price("AAPL").await.2, node.narrative("AAPL").await]
}

#[tokio::test]
async fn rule_105_an_announcement_and_a_withdrawal_cancelled_at_any_point_are_known_everywhere_or_nowhere() {
    for most in 0.. {
        let world = World::new();
        let a = world.node(&disk()).await;
        let event = MarketEvent::announced(asset("AAPL"), EventKind::Earnings).at(world.ahead(HOUR));
        let announced = cancelled_after(a.events.announce(&event), most).await;
        settle().await;
        let known = usize::from(most > 0);
        assert_eq!(a.ahead().len(), known, "here, cancelled at {most}");
        assert_eq!(world.node(&disk()).await.ahead().len(), known, "on a node that starts now, at {most}");

        let id = a.events.announce(&event).await.unwrap().id;
        let withdrawn = cancelled_after(a.events.withdraw(id), most).await;
        settle().await;
        assert_eq!(a.ahead().len(), 1 - known, "withdrawn here, at {most}");
        assert_eq!(
            world.node(&disk()).await.ahead().len(),
            1 - known,
            "withdrawn, on a node that starts now, at {most}"
        );
        if announced && withdrawn {
            break;
        }
    }
}

#[tokio::test]
async fn rule_105_an_event_of_now_cancelled_at_any_point_ends_all_that_it_touches() {
    for most in 0.. {
        let world = World::new();
        let (own, a) = (disk(), world.node(&disk()).await);
        let b = world.node(&own).await;
        let before = served(&a).await;
        assert_eq!(served(&b).await, before);
        let event = MarketEvent::announced(asset("AAPL"), EventKind::CorporateAction);
        let announced = cancelled_after(a.events.announce(&event), most).await;
        settle().await;
        let again = world.node(&own).await;
        for (node, what) in [(&a, "here"), (&b, "on the other node"), (&again, "after its restart")] {
            let unchanged =
                served(node).await.iter().zip(before).filter(|(now, before)| **now == *before).count();
            assert_eq!(unchanged, if most == 0 { 2 } else { 0 }, "{what}, cancelled at {most}");
        }
        if announced {
            break;
        }
    }
}
