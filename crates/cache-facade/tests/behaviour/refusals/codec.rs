//! Values that their codec can't carry: answered, kept in memory, said; never an error, never another value.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Debug,
    sync::Arc,
};

use cache_core::{Clock, Codec, ErrorKind, Fetched};
use cache_facade::{Cache, Eviction, Memory, Ttl};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use tests::{Answer, LIFE, LocalBus, ModelTier, RecordedEvent, Recorder, ScriptedLoader, settle};

/// How often each value is loaded and put.
const ROUNDS: u64 = 2;

/// What is to be found in a tier afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carried {
    Yes,
    No,
}

fn encoding_failures(events: &Recorder) -> usize {
    events.count(|seen| matches!(seen, RecordedEvent::CodecFailed { .. }))
}

/// Loads, reads, puts and reads again; and asks another process, which has nothing but the tier.
async fn check<V>(codec: Codec, value: V, carried: Carried)
where
    V: Serialize + DeserializeOwned + Clone + Debug + Send + Sync + 'static,
{
    let (clock, model) = (Clock::manual(), Arc::new(ModelTier::new("far")));
    let events = Recorder::default();
    let node = async |loader: Option<ScriptedLoader<V>>| {
        let builder = Cache::builder().clock(clock.clone()).tier(Arc::clone(&model)).observer(events.clone());
        let cache = builder.build().await.unwrap();
        let region = cache.region::<V>("k").codec(codec).ttl(Ttl::new(LIFE));
        let region = match loader {
            Some(loader) => region.loader(loader),
            None => region,
        };
        (cache, region.open().unwrap())
    };
    // Compared as text, since NaN is not equal to itself; sets of more than one item are not asked for here.
    let text = |value: &V| format!("{value:?}");
    let source = ScriptedLoader::new({
        let value = value.clone();
        move |_, _| value.clone()
    });
    let (cache, region) = node(Some(source)).await;
    for round in 0..ROUNDS {
        let id = round.to_string();
        let loaded = region.get(&id).await.unwrap_or_else(|error| panic!("{value:?}: {error}")).unwrap();
        assert_eq!(text(&loaded), text(&value));
        settle().await;
        let again = region.peek(&id).unwrap_or_else(|| panic!("memory has {value:?}"));
        assert_eq!(text(&again), text(&value));
        region.put(&id, value.clone()).await.unwrap_or_else(|error| panic!("{value:?}: {error}"));
        assert_eq!(text(&region.peek(&id).unwrap()), text(&value));
    }
    let (_, elsewhere) = node(None).await;
    let found = elsewhere.get("0").await.unwrap();
    match carried {
        Carried::Yes => assert_eq!(text(&found.expect("it is in the tier")), text(&value)),
        Carried::No => assert!(found.is_none(), "{value:?} was read back as {found:?}"),
    }
    let failures = if carried == Carried::No { 2 * ROUNDS } else { 0 };
    assert_eq!(cache.stats().codec_failures, failures, "{value:?}");
    assert_eq!(encoding_failures(&events) as u64, failures, "{value:?}");
    assert_eq!(cache.stats().tiers[0].corrupt, 0);
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Skipping {
    #[serde(default, skip_serializing_if = "is_zero")]
    first: u8,
    rest: Vec<u8>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(value: &u8) -> bool {
    *value == 0
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SkippingLast {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Small(u8),
    Wide(u64),
    Text(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Price { value: f64 },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Flat {
    id: u32,
    #[serde(flatten)]
    more: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Place {
    row: u32,
    column: u32,
}

/// A type whose reader does not read what its writer wrote.
#[derive(Clone, Debug)]
struct Careless(u32);

impl Serialize for Careless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            3 => panic!("no threes"),
            4 => Err(serde::ser::Error::custom("no fours")),
            other => other.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Careless {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            1 => panic!("no ones"),
            2 => Err(serde::de::Error::custom("no twos")),
            other => Ok(Self(other & !8)),
        }
    }
}

#[tokio::test]
async fn rule_95_bincode_keeps_what_it_can_carry_and_memory_keeps_the_rest() {
    use Carried::{No, Yes};
    let bincode = Codec::Bincode;
    check(bincode, Skipping { first: 1, rest: vec![1] }, Yes).await;
    check(bincode, Skipping { first: 0, rest: vec![1] }, No).await;
    // Written as 3 2 0 7, which reads as another value, which is written as the same bytes.
    check(bincode, Skipping { first: 0, rest: vec![2, 0, 7] }, No).await;
    check(bincode, SkippingLast { name: "a".into(), note: Some("b".into()) }, Yes).await;
    check(bincode, SkippingLast { name: "a".into(), note: None }, No).await;
    check(bincode, BTreeMap::from([(Place { row: 1, column: 2 }, 3_u8)]), Yes).await;
    check(bincode, (f64::NAN, f64::INFINITY, -0.0_f64), Yes).await;
    check(bincode, (Some(None::<u8>), None::<Option<u8>>, Some(())), Yes).await;
    for number in 0..5 {
        check(bincode, Careless(number), if number == 0 { Yes } else { No }).await;
    }
    check(bincode, Careless(8), No).await;
    // A list that reads as more than a value may have, though its bytes are few.
    check(bincode, vec![0_u64; 5 << 20], No).await;
}

/// Such types are told by their shape, before there is a value.
#[tokio::test]
async fn a_type_that_bincode_can_never_read_is_refused_when_its_region_is_opened() {
    async fn check<V: Serialize + DeserializeOwned + Send + Sync + 'static>() {
        let memory_alone = Cache::builder().build().await.unwrap();
        memory_alone.region::<V>("k").open().unwrap();
        let cache = Cache::builder().tier(ModelTier::new("far")).build().await.unwrap();
        let error = cache.region::<V>("k").open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(".codec(Codec::Json)"), "{error}");
        cache.region::<V>("k").skip("far").open().unwrap();
        cache.region::<V>("json").codec(Codec::Json).open().unwrap();
    }
    check::<Untagged>().await;
    check::<Tagged>().await;
    check::<Vec<Flat>>().await;
    check::<Option<serde_json::Value>>().await;
}

#[tokio::test]
async fn rule_95_json_keeps_what_it_can_carry_and_memory_keeps_the_rest() {
    use Carried::{No, Yes};
    let json = Codec::Json;
    check(json, Skipping { first: 0, rest: vec![2, 0, 7] }, Yes).await;
    check(json, SkippingLast { name: "a".into(), note: None }, Yes).await;
    check(json, Untagged::Wide(300), Yes).await;
    check(json, Untagged::Wide(3), No).await;
    check(json, Untagged::Text("x".into()), Yes).await;
    check(json, Tagged::Price { value: f64::NAN }, No).await;
    check(json, Tagged::Price { value: 1e23 }, Yes).await;
    check(json, Flat { id: 1, more: BTreeMap::from([("a".to_owned(), 1)]) }, Yes).await;
    // A name that the other field has already.
    check(json, Flat { id: 1, more: BTreeMap::from([("id".to_owned(), 2)]) }, No).await;
    check(json, serde_json::json!({"a": [1, -1, 1.5, null, "x"]}), Yes).await;
    check(json, BTreeMap::from([(Place { row: 1, column: 2 }, 3_u8)]), No).await;
    check(json, BTreeMap::from([(7_u32, 3_u8)]), Yes).await;
    check(json, BTreeMap::from([((1, 2), 3_u8)]), No).await;
    check(json, vec![1.5, f64::NAN], No).await;
    check(json, Some(f64::INFINITY), No).await;
    check(json, vec![Some(1.5), Some(f64::NEG_INFINITY)], No).await;
    check(json, Some(None::<u8>), No).await;
    check(json, Some(()), No).await;
    check(json, 0.1_f64 + 0.2, Yes).await;
    check(json, (f64::MIN_POSITIVE / 3.0, f64::MAX, -0.0_f64, f32::MAX), Yes).await;
    check(json, (u64::MAX, i64::MIN, u128::MAX), Yes).await;
    let deep = (0..200).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
    check(json, deep, No).await;
}

#[tokio::test]
async fn rule_95_hash_maps_and_sets_are_carried_whatever_their_order() {
    let (clock, model) = (Clock::manual(), Arc::new(ModelTier::new("far")));
    for codec in [Codec::Bincode, Codec::Json] {
        let cache = Cache::builder().clock(clock.clone()).tier(Arc::clone(&model)).build().await.unwrap();
        let kind = codec.name();
        let region = cache.region::<(HashMap<u32, HashSet<String>>, HashSet<u64>)>(kind);
        let region = region.codec(codec).open().unwrap();
        for n in 0..50_u32 {
            let names = |id: u32| (0..id % 7).map(|name| format!("{id}/{name}")).collect();
            let value = ((0..n).map(|id| (id, names(id))).collect(), (0..u64::from(n)).collect());
            region.put(&n.to_string(), value).await.unwrap();
        }
        assert_eq!(cache.stats().codec_failures, 0);
    }
}

#[tokio::test]
async fn rule_95_a_value_of_a_later_shape_is_found_out_however_many_came_before() {
    let model = Arc::new(ModelTier::new("far"));
    let cache = Cache::builder().tier(Arc::clone(&model)).build().await.unwrap();
    let region = cache.region::<SkippingLast>("k").open().unwrap();
    for n in 0..200 {
        let value = SkippingLast { name: n.to_string(), note: Some("note".into()) };
        region.put(&n.to_string(), value).await.unwrap();
    }
    region.put("7", SkippingLast { name: "new".into(), note: None }).await.unwrap();
    assert_eq!(region.get("7").await.unwrap().unwrap().name, "new");
    assert_eq!(cache.stats().codec_failures, 1);
    assert_eq!(model.entry(&region.key("7").unwrap()), None, "what came before is ended");
}

#[tokio::test]
async fn rule_95_a_refresh_that_can_not_be_carried_ends_the_older_value_below() {
    let (model, source) = (Arc::new(ModelTier::new("far")), ScriptedLoader::new(|_, _| 1.0_f64));
    let cache = Cache::builder().tier(Arc::clone(&model)).build().await.unwrap();
    let region = cache.region::<f64>("k").codec(Codec::Json).loader(source.clone()).open().unwrap();
    region.get("a").await.unwrap();
    settle().await;
    let key = region.key("a").unwrap();
    assert!(model.entry(&key).is_some());
    source.answer(&key, Answer::Value(Fetched::new(f64::NAN)));
    assert_eq!(region.refresh(&["a"]).await.unwrap().loaded, 1);
    settle().await;
    assert!(region.peek("a").unwrap().is_nan());
    assert_eq!(model.entry(&key), None);
}

#[tokio::test]
async fn rule_95_a_value_that_nobody_keeps_is_an_error_of_its_put_and_ends_the_older() {
    let model = Arc::new(ModelTier::new("far"));
    let cache = Cache::builder().memory(Memory::bytes(1)).tier(Arc::clone(&model)).build().await.unwrap();
    let region = cache.region::<f64>("k").codec(Codec::Json).open().unwrap();
    region.put("a", 1.0).await.unwrap();
    assert_eq!(region.put("a", f64::NAN).await.unwrap_err().kind(), cache_core::ErrorKind::Codec);
    assert_eq!(region.get("a").await.unwrap(), None);
}

#[tokio::test]
async fn rule_95_memory_alone_needs_no_codec_and_weighs_values_all_the_same() {
    for policy in Eviction::ALL {
        let events = Recorder::default();
        let memory = Memory::builder().bytes(20_000).eviction(policy).build();
        let cache = Cache::builder().memory(memory).observer(events.clone()).build().await.unwrap();
        let region = cache.region::<Tagged>("k").codec(Codec::Json).open().unwrap();
        region.put("a", Tagged::Price { value: f64::NAN }).await.unwrap();
        assert!(region.get("a").await.unwrap().is_some());
        let maps = cache.region::<BTreeMap<(u8, u8), String>>("maps").codec(Codec::Json).open().unwrap();
        for n in 0..100 {
            maps.put(&n.to_string(), BTreeMap::from([((1, 2), "x".repeat(1000))])).await.unwrap();
        }
        assert_eq!(encoding_failures(&events), 0);
        let stats = cache.stats().memory;
        assert!((1..20).contains(&stats.entries), "each weighs about what it takes: {stats:?}");
    }
}

#[tokio::test]
async fn rule_95_other_nodes_drop_what_is_older_than_a_value_that_can_not_be_carried() {
    let (clock, bus) = (Clock::manual(), LocalBus::default());
    let (model, source) = (Arc::new(ModelTier::new("far")), ScriptedLoader::new(|_, _| 1.0_f64));
    let node = async || {
        let builder = Cache::builder().clock(clock.clone()).bus(bus.clone()).tier(Arc::clone(&model));
        let region = builder.build().await.unwrap().region::<f64>("k").codec(Codec::Json);
        region.ttl(Ttl::new(LIFE)).loader(source.clone()).open().unwrap()
    };
    let (a, b) = (node().await, node().await);
    settle().await;
    for is_put in [true, false] {
        a.put("a", 1.0).await.unwrap();
        settle().await;
        assert_eq!(b.get("a").await.unwrap().as_deref(), Some(&1.0));
        if is_put {
            a.put("a", f64::NAN).await.unwrap();
        } else {
            source.answer(&a.key("a").unwrap(), Answer::Value(Fetched::new(f64::NAN)));
            assert_eq!(a.refresh(&["a"]).await.unwrap().loaded, 1);
        }
        settle().await;
        assert_eq!(b.peek("a"), None, "put: {is_put}");
        assert!(a.peek("a").unwrap().is_nan(), "who has it keeps it");
    }
}
