//! What memory holds of a region, by pattern, while others write.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use cache_core::{Clock, Entry, Key, Meta, Pattern, Tag, Timestamp};
use cache_facade::{Cache, Eviction, Fetched, Memory, Region, Ttl};
use cache_memory::Value;

fn glob(text: &str) -> Pattern {
    Pattern::glob(text).unwrap()
}

fn held(region: &Region<u64>, pattern: &str) -> Vec<(String, u64)> {
    let mut held: Vec<_> =
        region.held(pattern).unwrap().iter().map(|(key, value)| (key.id().to_owned(), **value)).collect();
    held.sort();
    held
}

fn pairs(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    pairs.iter().map(|(id, value)| ((*id).to_owned(), *value)).collect()
}

#[tokio::test]
async fn rule_126_of_a_region_all_is_told_that_memory_may_serve_and_matches() {
    for (policy, namespace) in Eviction::ALL.into_iter().flat_map(|policy| [(policy, false), (policy, true)])
    {
        let memory = Memory::builder().mib(4).eviction(policy).protected_share(0.5);
        let clock = Clock::manual();
        let cache = Cache::builder().memory(memory).clock(clock.clone());
        let cache = if namespace { cache.namespace("md") } else { cache }.build().await.unwrap();
        let ttl = Ttl::new(Duration::from_secs(60)).grace(Duration::from_secs(120));
        let region = cache.region::<u64>("k").ttl(ttl).open().unwrap();
        let other = cache.region::<u64>("kk").ttl(ttl).open().unwrap();
        let tag = Tag::new("t").unwrap();
        region.put_many([("aa", 1), ("ab", 2), ("b", 3)]).await.unwrap();
        region.put("tagged", Fetched::new(4).tag(tag.clone())).await.unwrap();
        other.put("aa", 5).await.unwrap();
        cache.protect(glob("k:ab")).unwrap();

        assert_eq!(held(&region, "k:a*"), pairs(&[("aa", 1), ("ab", 2)]), "{policy}");
        assert_eq!(
            held(&region, "*"),
            pairs(&[("aa", 1), ("ab", 2), ("b", 3), ("tagged", 4)]),
            "of no other region"
        );
        assert_eq!(held(&region, "kk:*"), []);
        region.remove("b").await.unwrap();
        cache.invalidate(&tag).await.unwrap();
        clock.advance(Duration::from_secs(90));
        region.put("ab", 6).await.unwrap();
        assert_eq!(held(&region, "*"), pairs(&[("aa", 1), ("ab", 6)]), "{policy}: fresh, or in grace");
        assert_eq!(held(&region.with(|policy| policy.skip("memory")), "*"), []);
        clock.advance(Duration::from_secs(31));
        assert_eq!(held(&region, "*"), pairs(&[("ab", 6)]), "{policy}: what is dead is not");
    }
}

/// Ends what other threads do, also if this one panics.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Threads put and remove other keys meanwhile, which makes slots free and reuses them.
#[test]
fn rule_126_what_nobody_writes_is_found_by_every_walk() {
    for policy in Eviction::ALL {
        let memory = Arc::new(Memory::builder().entries(200_000).shards(2).eviction(policy).build());
        let key = |id: u64| Key::new("k", &id.to_string()).unwrap();
        let put = |memory: &Memory, id: u64, born: i64| {
            let born = Timestamp::from_micros(born);
            let meta = Meta::new(born, Ttl::new(Duration::MAX));
            memory.put(key(id), Entry::new(Arc::new(id) as Value, meta), born);
        };
        for id in 0..5_000 {
            put(&memory, id, 1);
        }
        memory.settle();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                for born in 2.. {
                    for id in 5_000..9_000 {
                        put(&memory, id, born);
                    }
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    memory.clear_except(|key, _| key.id().parse::<u64>().unwrap() < 5_000);
                }
            });
            let _over = Over(&over);
            for _ in 0..20 {
                let held: BTreeMap<u64, Entry<Value>> = memory
                    .held(|_| true)
                    .into_iter()
                    .map(|(key, entry)| (key.id().parse().unwrap(), entry))
                    .collect();
                assert_eq!(held.range(..5_000).count(), 5_000, "{policy}");
                assert!(held.keys().all(|id| *id < 9_000));
            }
        });
    }
}
