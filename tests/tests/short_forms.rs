//! Tiers that a builder is told no more of than where they are, as far as that needs no server.

use cache_core::{Clock, ErrorKind};
use cache_facade::Cache;
use cache_l1_redis::RedisConfig;
use cache_l2_pg::PgConfig;
use tests::ModelTier;

#[tokio::test]
async fn a_disk_is_opened_in_its_place_by_the_clock_of_the_cache_once_that_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, path) = (Clock::manual(), folder.path().join("cache"));
    let builder = Cache::builder().tier(ModelTier::new("first")).disk(&*path).unwrap();
    assert!(!path.exists(), "not before the clock is known");
    let builder = builder.tier(ModelTier::new("last")).clock(clock.clone());
    let cache = builder.build().await.unwrap();
    let names: Vec<_> = cache.stats().tiers.iter().map(|tier| tier.name).collect();
    assert_eq!(names, ["first", "disk", "last"]);
    // The disk keeps what is not dead by its own clock, which would be decades ahead of this one.
    let region = cache.region::<u64>("k").ttl("1h").open().unwrap().with(|policy| policy.skip("memory"));
    let region = region.with(|policy| policy.skip("first").skip("last"));
    region.put("a", 1).await.unwrap();
    assert_eq!(region.get("a").await.unwrap().as_deref(), Some(&1));
    drop((region, cache));

    assert_eq!(Cache::builder().disk("").unwrap_err().kind(), ErrorKind::Config, "at once");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Cache::builder().disk(file.join("cache")).unwrap().build().await.unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
}

#[tokio::test]
async fn what_is_no_url_or_setting_is_refused_at_once_and_not_repeated() {
    for refused in [
        Cache::builder().redis("rediss//:secret@host"),
        Cache::builder().postgres("postgres/:secret@host"),
        Cache::builder().redis(RedisConfig::parse("redis://host").unwrap().connections(0)),
        Cache::builder().postgres(PgConfig::new("postgres://host/db").unwrap().pool_size(0)),
        Cache::builder().postgres("postgres://host/db?sslmode=verify-full&sslrootcert=/nowhere/ca.pem"),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
