//! Tiers with entries that can't be decoded, and tiers that can't be written.

mod together;
mod walks;

use std::{sync::Arc, time::Duration};

use cache_core::{Blob, Bytes, Clock, Codec, ErrorKind, Fetched, Operation};
use cache_facade::{Cache, Source};
use proptest::{collection::vec, prelude::any, proptest, sample::Index};
use tests::{FaultyTier, Fixture, ModelTier, RecordedEvent, Recorder, settle};

fn corrupt_events(fixture: &Fixture) -> usize {
    fixture.events.count(|seen| matches!(seen, RecordedEvent::Corrupt { tier: "far", .. }))
}

#[tokio::test]
async fn rule_53_bytes_that_can_not_be_read_are_a_miss_counted_and_overwritten() {
    let first = Fixture::new().await;
    first.get("AAPL").await;
    settle().await;
    let key = first.key("AAPL");
    let mut broken = first.model.entry(&key).unwrap();
    let blob = broken.value.as_mut().unwrap();
    blob.bytes = blob.bytes.slice(..3);
    first.model.force(&key, broken);

    let fixture = first.another(|region| region).await;
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"));
    settle().await;
    assert_eq!(corrupt_events(&fixture), 1);
    assert_eq!(fixture.cache.stats().tiers[0].corrupt, 1);
    assert_eq!(fixture.held("AAPL").as_deref(), Some("AAPL@2"), "overwritten");
    assert!(fixture.cache.health().healthy, "a bad value is not a bad tier");
}

#[tokio::test]
async fn rule_53_one_bad_value_in_a_batch_costs_only_itself() {
    let first = Fixture::new().await;
    let ids = ["a", "b", "c"];
    first.region.get_many(&ids).await.unwrap();
    let fixture = first.another(|region| region).await;
    fixture.tier.distort(|key, answer| {
        if key.id() == "b"
            && let Some(blob) = answer.as_mut().and_then(|entry| entry.value.as_mut())
        {
            blob.bytes = Bytes::from_static(b"\xff\xff\xff");
        }
    });
    let values = fixture.region.get_many(&ids).await.unwrap();
    let values: Vec<_> = values.iter().map(|value| value.as_deref().map(String::as_str)).collect();
    assert_eq!(values, [Some("a@1"), Some("b@2"), Some("c@1")]);
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn rule_53_whatever_bytes_a_tier_answers_with_no_wrong_type_comes_out(
        bytes in vec(any::<u8>(), 0..40), json in any::<bool>(), cut in any::<Index>(), whole in any::<bool>(),
    ) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let fixture = Fixture::new().await;
            let numbers = fixture.cache.region::<Vec<(u64, String)>>("numbers").open().unwrap();
            let value = vec![(7, "seven".to_owned()); 3];
            numbers.put("1", value.clone()).await.unwrap();
            let later = fixture.another(|region| region).await;
            later.tier.distort(move |_, answer| {
                let Some(blob) = answer.as_mut().and_then(|entry| entry.value.as_mut()) else { return };
                if whole {
                    blob.bytes = blob.bytes.slice(..cut.index(blob.bytes.len()));
                } else {
                    blob.bytes = bytes.clone().into();
                }
                if json {
                    blob.codec = Codec::Json;
                }
            });
            let numbers = later.cache.region::<Vec<(u64, String)>>("numbers").open().unwrap();
            // Nothing, or something that does decode as such numbers; never a panic, and never an error.
            if let Some(read) = numbers.get("1").await.unwrap() {
                assert!(!whole || *read == value, "a part of the bytes is not a value: {read:?}");
            }
        });
    }
}

#[tokio::test]
async fn rule_53_a_tier_that_answers_for_the_wrong_number_of_keys_is_a_miss() {
    #[derive(Debug)]
    struct Miscounts(ModelTier);

    #[async_trait::async_trait]
    impl cache_core::Tier for Miscounts {
        fn name(&self) -> &'static str {
            "miscounts"
        }
        async fn get(&self, keys: &[cache_core::Key]) -> cache_core::Result<Vec<Option<cache_core::Entry>>> {
            Ok(self.0.get(keys).await?.into_iter().skip(1).collect())
        }
        async fn put(
            &self,
            entries: &[(cache_core::Key, cache_core::Entry)],
        ) -> cache_core::Result<Vec<cache_core::PutOutcome>> {
            self.0.put(entries).await
        }
        async fn remove(
            &self,
            target: cache_core::Target<'_>,
            stone: cache_core::Tombstone,
        ) -> cache_core::Result<u64> {
            self.0.remove(target, stone).await
        }
        async fn flush(&self) -> cache_core::Result<()> {
            Ok(())
        }
    }

    let (clock, source) = (Clock::manual(), tests::ScriptedLoader::versions());
    let cache = Cache::builder().clock(clock).tier(Miscounts(ModelTier::new("inner"))).build().await.unwrap();
    let region = cache.region::<String>("price").loader(source).open().unwrap();
    let values = region.get_many(&["a", "b"]).await.unwrap();
    assert_eq!(*values[0].clone().unwrap(), "a@1");
    assert_eq!(*values[1].clone().unwrap(), "b@1");
}

#[tokio::test]
async fn rule_54_bytes_of_another_schema_version_are_a_miss_and_overwritten() {
    let first = Fixture::new().await;
    first.get("AAPL").await;
    let fixture = first.another(|region| region.schema(2)).await;
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"));
    settle().await;
    let held = fixture.model.entry(&fixture.key("AAPL")).unwrap().value.unwrap();
    assert_eq!(held.schema, 2);
    let third = fixture.another(|region| region.schema(2)).await;
    assert_eq!(third.region.lookup("AAPL").await.unwrap().source, Source::Tier("far"));
}

#[tokio::test]
async fn rule_54_a_region_may_change_its_codec_and_still_read_what_it_wrote() {
    let first = Fixture::new().await;
    first.get("AAPL").await;
    let fixture = first.another(|region| region.codec(Codec::Json)).await;
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
    assert_eq!(fixture.source.calls(), 1);
}

#[tokio::test]
async fn rule_54_one_kind_has_one_type() {
    let fixture = Fixture::new().await;
    let error = fixture.cache.region::<u64>("price").open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(fixture.cache.region::<String>("price").schema(1).open().is_err(), "nor two schema versions");
}

#[tokio::test]
async fn rule_58_a_tier_that_can_not_be_written_is_an_event_and_reads_go_on() {
    let fixture = Fixture::new().await;
    fixture.region.put("before", "before".to_owned()).await.unwrap();
    fixture.tier.fail(Operation::Put, ErrorKind::Storage);
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
    fixture.region.put("MSFT", "put".to_owned()).await.expect("the caller is not troubled");
    settle().await;
    let failed = |events: &Recorder| {
        events.count(|seen| {
            matches!(
                seen,
                RecordedEvent::TierFailed {
                    tier: "far",
                    operation: Operation::Put,
                    error: ErrorKind::Storage
                }
            )
        })
    };
    assert_eq!(failed(&fixture.events), 2);
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"), "from memory");
    assert_eq!(fixture.get("MSFT").await.as_deref(), Some("put"), "from memory");
    let elsewhere = fixture.another(|region| region).await;
    assert_eq!(elsewhere.get("before").await.as_deref(), Some("before"), "from the tier");
    let health = fixture.cache.health();
    assert!(!health.healthy && health.tiers[0].error.is_some());
}

#[tokio::test]
async fn rule_58_a_removal_that_a_tier_refuses_holds_in_memory_and_in_the_other_tiers() {
    let clock = Clock::manual();
    let [one, two] = ["one", "two"].map(|name| Arc::new(ModelTier::new(name)));
    let faulty = FaultyTier::over(one.clone());
    let cache =
        Cache::builder().clock(clock.clone()).tier(faulty.clone()).tier(two.clone()).build().await.unwrap();
    let region = cache.region::<String>("price").open().unwrap();
    region.put("AAPL", Fetched::new("old".to_owned())).await.unwrap();
    faulty.fail(Operation::Remove, ErrorKind::Storage);
    region.remove("AAPL").await.unwrap();
    assert_eq!(two.entry(&region.key("AAPL").unwrap()), None);
    assert_eq!(region.get("AAPL").await.unwrap(), None, "the old value is still there, and not taken");
}

#[tokio::test]
async fn rule_62_a_hostile_length_in_stored_bytes_is_a_miss() {
    let fixture = Fixture::new().await;
    let many = fixture.cache.region::<Vec<u64>>("many").open().unwrap();
    many.put("1", vec![1, 2, 3]).await.unwrap();
    let later = fixture.another(|region| region).await;
    later.tier.distort(|_, answer| {
        if let Some(blob) = answer.as_mut().and_then(|entry| entry.value.as_mut()) {
            let bytes = Bytes::from_static(&[253, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
            *blob = Blob { codec: Codec::Bincode, schema: 0, bytes };
        }
    });
    let many = later.cache.region::<Vec<u64>>("many").open().unwrap();
    assert_eq!(many.get("1").await.unwrap(), None);
    assert_eq!(corrupt_events(&later), 1);
}

#[tokio::test]
async fn rule_64_a_cache_starts_without_its_tier_says_so_and_heals() {
    let first = Fixture::new().await;
    first.get("AAPL").await;
    first.tier.down();
    let fixture = first.another(|region| region).await;
    let health = fixture.cache.health();
    assert!(!health.healthy);
    assert_eq!(health.tiers[0].name, "far");
    assert_eq!(health.tiers[0].error.as_ref().map(cache_core::Error::kind), Some(ErrorKind::Unavailable));
    assert_eq!(fixture.get("MSFT").await.as_deref(), Some("MSFT@1"), "it serves all the same");

    fixture.tier.up();
    settle().await;
    fixture.clock.advance(Duration::from_secs(31));
    settle().await;
    assert!(fixture.cache.health().healthy, "without anybody reading");
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"), "from the tier again");
    assert_eq!(fixture.events.count(|seen| matches!(seen, RecordedEvent::TierRecovered { tier: "far" })), 1);
}

#[tokio::test]
async fn rule_64_a_cache_that_requires_its_tiers_refuses_to_start_without_them() {
    let tier = FaultyTier::over(ModelTier::new("far"));
    tier.down();
    let build = || Cache::builder().clock(Clock::manual()).tier(tier.clone()).require_tiers(true).build();
    assert_eq!(build().await.unwrap_err().kind(), ErrorKind::Unavailable);
    tier.up();
    assert!(build().await.is_ok());
}
