//! What the history takes.

use std::hint::black_box;

use allocation_counter::measure;
use cache_core::Observer;

use crate::fixture::{Fixture, key, seconds};

fn id(index: usize) -> String {
    format!("AAPL{index:03}@XNAS")
}

/// Returns what so many keys take, asked for during an hour, and with rankings.
fn bytes_of(many: usize) -> i64 {
    let at = Fixture::new(|builder| builder);
    let held = measure(|| {
        // No more than are noted between two settlements.
        for part in (0..many).collect::<Vec<_>>().chunks(500) {
            part.iter().for_each(|index| at.hit(&key(&id(*index))));
            at.warming.history().settle();
        }
        for minute in 0..60 {
            at.clock.advance(seconds(60));
            (0..many).step_by(minute + 2).for_each(|index| at.hit(&key(&id(index))));
            at.warming.history().settle();
            assert_eq!(at.fill(&[], 10).len(), 10);
        }
    });
    assert_eq!(at.warming.history().tracked(), many);
    held.bytes_current
}

#[test]
fn a_thousand_keys_take_at_most_100_kb_and_ten_thousand_a_megabyte() {
    assert!(measure(|| drop(black_box(vec![0_u8; 100]))).bytes_total >= 100, "allocations are counted");
    for many in [1000, 10_000, 700, 1500, 2500, 5000] {
        let bytes = bytes_of(many);
        println!("{many} keys take {bytes} bytes, {} each", bytes / many as i64);
        assert!(bytes <= 100 * many as i64, "{bytes} bytes for {many}");
    }
}

#[test]
fn a_request_of_a_known_key_allocates_nothing() {
    let at = Fixture::new(|builder| builder);
    let apple = key("AAPL");
    at.hit(&apple);
    at.warming.history().settle();
    let counted = measure(|| (0..1000).for_each(|_| assert!(at.warming.counts_hit(apple.hash()))));
    assert_eq!(counted.count_total, 0);
    let unknown = key("MSFT").hash();
    let counted = measure(|| (0..1000).for_each(|_| assert!(!at.warming.counts_hit(unknown))));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn what_nobody_knows_is_noted_within_bounds() {
    let at = Fixture::new(|builder| builder.max_tracked(100));
    let held = measure(|| (0..100_000).for_each(|index| at.hit(&key(&format!("SCAN{index}")))));
    assert!(held.bytes_current < 1_000_000, "{} bytes before a settlement", held.bytes_current);
    at.warming.history().settle();
    assert_eq!(at.warming.history().tracked(), 100);
}
