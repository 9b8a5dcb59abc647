//! Computed values: equal to what their inputs make now, as old as the oldest of them, gone with any of them.

mod property;

use std::time::Duration;

use cache_core::{Error, ErrorKind, Fetched, Operation, Result, Ttl};
use cache_facade::{Cache, Region, Source};
use tests::{Answer, Fixture, GRACE, LIFE, LocalBus, ScriptedLoader, about, settle, soon};

/// Two inputs, and their texts joined.
pub(super) struct Joined {
    pub(super) one: Region<String>,
    pub(super) two: Region<String>,
    pub(super) first: ScriptedLoader<String>,
    pub(super) second: ScriptedLoader<String>,
    pub(super) joined: Region<String>,
}

/// Opens the regions on a node. The lives of the inputs differ, and that of what is computed is longer than both.
pub(super) fn joined(cache: &Cache) -> Joined {
    let (first, second) = (loader("one"), loader("two"));
    let input = |kind: &str, life: Duration, loader: &ScriptedLoader<String>| {
        let ttl = Ttl::new(life).grace(life + GRACE);
        cache.region::<String>(kind).ttl(ttl).loader(loader.clone()).open().unwrap()
    };
    let (one, two) = (input("one", LIFE, &first), input("two", 2 * LIFE, &second));
    let compute = |_: &str, (one, two): (Option<std::sync::Arc<String>>, Option<std::sync::Arc<String>>)| {
        let (Some(one), Some(two)) = (one, two) else { return Ok(None) };
        if one.as_str() == "bad" {
            return Err(Error::new(ErrorKind::Load, "join", "one is bad"));
        }
        Ok(Some(format!("{one}+{two}")))
    };
    let joined = cache
        .region::<String>("joined")
        .ttl(Ttl::new(100 * LIFE).grace(200 * LIFE))
        .eager(0.1)
        .computed((one.clone(), two.clone()), |id| Ok((id.to_owned(), id.to_owned())), compute)
        .open()
        .unwrap();
    Joined { one, two, first, second, joined }
}

fn loader(kind: &'static str) -> ScriptedLoader<String> {
    ScriptedLoader::labelled(move |key, load| {
        Fetched::new(format!("{}@{load}", key.id())).tag(format!("{kind}:{}", key.id())).tag(key.id())
    })
}

async fn read(region: &Region<String>, id: &str) -> Result<Option<String>> {
    Ok(soon(region.get(id)).await?.map(|value| (*value).clone()))
}

#[tokio::test]
async fn a_computed_value_is_as_old_as_its_oldest_input_and_lives_as_long_as_its_shortest() {
    let fixture = Fixture::new().await;
    let kinds = joined(&fixture.cache);
    kinds.two.get("A").await.unwrap();
    fixture.pass(30);
    let computed = soon(kinds.joined.lookup("A")).await.unwrap();
    let (one, two) = (kinds.one.lookup("A").await.unwrap(), kinds.two.lookup("A").await.unwrap());
    assert_eq!(computed.value.as_deref().map(String::as_str), Some("A@1+A@1"));
    assert_eq!((computed.source, computed.born, computed.stale), (Source::Loader, two.born, false));
    assert!(about(computed.age, Duration::from_secs(30)));
    assert!(about(computed.fresh_for, one.fresh_for), "the first that ends");
    settle().await;
    let entry = fixture.model.entry(&kinds.joined.key("A").unwrap()).unwrap();
    let tags: Vec<&str> = entry.meta.tags().iter().map(|tag| tag.as_str()).collect();
    assert_eq!(tags, ["one:A", "A", "two:A"]);

    let again = soon(kinds.joined.lookup("A")).await.unwrap();
    assert_eq!((again.source, again.born), (Source::Memory, two.born));
    assert!(about(again.fresh_for, one.fresh_for));
    assert_eq!((kinds.first.calls(), kinds.second.calls()), (1, 1));
    fixture.pass(20);
    soon(kinds.joined.lookup("A")).await.unwrap();
    settle().await;
    assert_eq!(kinds.joined.stats().loads, 1, "computed once, and due to be refreshed never");
}

#[tokio::test]
async fn a_computed_value_ends_with_each_of_its_inputs_however_that_ends() {
    for how in
        ["put", "remove", "tag of one", "tag of both", "clear", "remove matching", "clear all", "refresh"]
    {
        let fixture = Fixture::new().await;
        let kinds = joined(&fixture.cache);
        assert_eq!(read(&kinds.joined, "A").await.unwrap().as_deref(), Some("A@1+A@1"));
        settle().await;
        match how {
            "put" => kinds.two.put("A", "new".to_owned()).await.unwrap(),
            "remove" => drop(kinds.two.remove("A").await.unwrap()),
            "tag of one" => fixture.cache.invalidate("two:A").await.unwrap(),
            "tag of both" => fixture.cache.invalidate("A").await.unwrap(),
            "clear" => kinds.two.clear().await.unwrap(),
            "remove matching" => drop(fixture.cache.remove_matching("two:A").await.unwrap()),
            "clear all" => fixture.cache.clear().await.unwrap(),
            "refresh" => drop(kinds.two.refresh(&["A"]).await.unwrap()),
            _ => unreachable!(),
        }
        let wanted = match how {
            "put" => "A@1+new",
            "tag of both" | "clear all" => "A@2+A@2",
            _ => "A@1+A@2",
        };
        assert_eq!(kinds.joined.peek("A"), None, "{how}");
        assert_eq!(read(&kinds.joined, "A").await.unwrap().as_deref(), Some(wanted), "{how}");
        settle().await;
        let elsewhere = fixture.another(|region| region).await;
        let others = joined(&elsewhere.cache);
        assert_eq!(read(&others.joined, "A").await.unwrap().as_deref(), Some(wanted), "elsewhere, {how}");
        assert_eq!(others.first.calls() + others.second.calls(), 0, "{how}");
    }
}

#[tokio::test]
async fn rule_29_what_was_computed_from_an_input_that_ended_meanwhile_is_answered_and_not_kept() {
    for how in ["remove", "put"] {
        let fixture = Fixture::new().await;
        let kinds = joined(&fixture.cache);
        kinds.one.get("A").await.unwrap();
        let gate = kinds.second.gate();
        let asked = {
            let joined = kinds.joined.clone();
            tokio::spawn(async move { joined.get("A").await })
        };
        gate.reached(1).await;
        settle().await;
        // It was read already, and the other is on its way.
        match how {
            "remove" => drop(kinds.one.remove("A").await.unwrap()),
            _ => kinds.one.put("A", "new".to_owned()).await.unwrap(),
        }
        gate.open();
        let answer = asked.await.unwrap().unwrap().unwrap();
        assert_eq!(answer.as_str(), "A@1+A@1", "answered, {how}");
        settle().await;
        assert_eq!(kinds.joined.peek("A"), None, "not kept, {how}");
        assert_eq!(fixture.model.entry(&kinds.joined.key("A").unwrap()), None, "in no tier, {how}");
        let wanted = if how == "put" { "new+A@1" } else { "A@2+A@1" };
        assert_eq!(read(&kinds.joined, "A").await.unwrap().as_deref(), Some(wanted));
    }
}

#[tokio::test]
async fn who_asks_after_an_input_ended_does_not_get_what_was_computed_from_it() {
    let fixture = Fixture::new().await;
    let kinds = joined(&fixture.cache);
    kinds.one.get("A").await.unwrap();
    let gate = kinds.second.gate();
    let ask = |region: &Region<String>| {
        let region = region.clone();
        tokio::spawn(async move { region.get("A").await })
    };
    let before = ask(&kinds.joined);
    gate.reached(1).await;
    settle().await;
    kinds.one.put("A", "new".to_owned()).await.unwrap();
    let after = ask(&kinds.joined);
    settle().await;
    gate.open();
    assert_eq!(before.await.unwrap().unwrap().unwrap().as_str(), "A@1+A@1");
    assert_eq!(after.await.unwrap().unwrap().unwrap().as_str(), "new+A@1");
}

#[tokio::test]
async fn a_batch_reads_its_inputs_together() {
    let fixture = Fixture::new().await;
    let kinds = joined(&fixture.cache);
    let ids: Vec<String> = (0..50).map(|id| format!("S{id}")).collect();
    let values = soon(kinds.joined.get_many(&ids)).await.unwrap();
    assert!(values.iter().all(Option::is_some));
    assert_eq!((kinds.first.batch_sizes(), kinds.second.batch_sizes()), (vec![50], vec![50]));
    let reads: Vec<usize> = fixture
        .tier
        .calls(Operation::Get)
        .iter()
        .map(|keys| keys.iter().filter(|key| key.id().starts_with('S')).count())
        .filter(|entries| *entries > 0)
        .collect();
    assert_eq!(reads, [150], "the inputs and what is computed from them, in one call");
    settle().await;

    let elsewhere = fixture.another(|region| region).await;
    let others = joined(&elsewhere.cache);
    fixture.tier.forget_calls();
    let answers = soon(others.joined.lookup_many(&ids)).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().source == Source::Tier("far")));
    assert_eq!(others.joined.stats().loads, 0, "nothing is computed again of the same inputs");
    assert_eq!(others.one.stats().hits + others.one.stats().misses, 0, "nor counted as a read of an input");
}

#[tokio::test]
async fn while_the_source_of_an_input_fails_what_is_computed_is_stale_as_the_input_is() {
    let fixture = Fixture::new().await;
    let kinds = joined(&fixture.cache);
    read(&kinds.joined, "A").await.unwrap();
    kinds.one.get("B").await.unwrap();
    kinds.two.get("B").await.unwrap();
    fixture.pass(90);
    kinds.first.fail(ErrorKind::Unavailable);
    let answer = soon(kinds.joined.lookup("A")).await.unwrap();
    assert_eq!(answer.value.as_deref().map(String::as_str), Some("A@1+A@1"));
    assert!(answer.stale && about(answer.age, Duration::from_secs(90)) && answer.fresh_for.is_zero());
    settle().await;
    let never_asked = soon(kinds.joined.lookup("B")).await.unwrap();
    assert_eq!(never_asked.value.as_deref().map(String::as_str), Some("B@1+B@1"));
    assert!(never_asked.stale, "computed from a stale input, and said so");
    settle().await;
    assert!(soon(kinds.joined.lookup("B")).await.unwrap().stale, "the second time too");

    kinds.first.recover();
    fixture.pass(10);
    read(&kinds.one, "A").await.unwrap();
    settle().await;
    let renewed = format!("{}+A@1", read(&kinds.one, "A").await.unwrap().unwrap());
    let answer = soon(kinds.joined.lookup("A")).await.unwrap();
    assert_eq!((answer.value.as_deref(), answer.stale), (Some(&renewed), false));
    assert_ne!(renewed, "A@1+A@1");
    fixture.pass(10_000);
    kinds.first.fail(ErrorKind::Unavailable);
    assert_eq!(
        soon(kinds.joined.get("A")).await.unwrap_err().kind(),
        ErrorKind::Unavailable,
        "past all grace"
    );
}

#[tokio::test]
async fn an_input_that_is_not_there_or_fails_decides_what_is_computed() {
    let fixture = Fixture::new().await;
    let kinds = joined(&fixture.cache);
    kinds.second.answer(&kinds.two.key("A").unwrap(), Answer::Absent);
    assert_eq!(read(&kinds.joined, "A").await.unwrap(), None);
    kinds.two.put("A", "there".to_owned()).await.unwrap();
    assert_eq!(read(&kinds.joined, "A").await.unwrap().as_deref(), Some("A@1+there"));
    kinds.one.put("A", "bad".to_owned()).await.unwrap();
    let told = soon(kinds.joined.get("A")).await.unwrap_err().to_string();
    assert!(told.contains("one is bad"), "{told}");
    let long = "x".repeat(70_000);
    assert_eq!(soon(kinds.joined.get(&long)).await.unwrap_err().kind(), ErrorKind::Limit);
    kinds.joined.put("A", "put".to_owned()).await.unwrap();
    kinds.one.put("A", "good".to_owned()).await.unwrap();
    assert_eq!(read(&kinds.joined, "A").await.unwrap().as_deref(), Some("good+there"), "never what was put");
}

#[tokio::test]
async fn a_region_that_is_left_out_is_no_input_and_three_make_one_value() {
    let fixture = Fixture::new().await;
    let kinds = joined(&fixture.cache);
    let open = |kind: &str, three: Option<Region<String>>| {
        // Of C, the third is no input.
        let ids = |id: &str| Ok((id.to_owned(), id.to_owned(), (id != "C").then(|| id.to_owned())));
        let inputs = (kinds.one.clone(), kinds.joined.clone(), three);
        let region = fixture.cache.region::<String>(kind).computed(inputs, ids, |_, (one, joined, three)| {
            let (Some(one), Some(joined)) = (one, joined) else { return Ok(None) };
            let three = three.map(|three| three.map_or("none".to_owned(), |three| (*three).clone()));
            Ok(Some(format!("{one} {joined} {three:?}")))
        });
        region.open().unwrap()
    };
    let (without, with) = (open("without", None), open("with", Some(kinds.two.clone())));
    assert_eq!(read(&without, "A").await.unwrap().as_deref(), Some("A@1 A@1+A@1 None"));
    assert_eq!(read(&with, "A").await.unwrap().as_deref(), Some(r#"A@1 A@1+A@1 Some("A@1")"#));
    let mixed = soon(with.get_many(&["B", "C", "D"])).await.unwrap();
    let mixed: Vec<&str> = mixed.iter().map(|value| value.as_ref().unwrap().as_str()).collect();
    assert_eq!(mixed, [r#"B@1 B@1+B@1 Some("B@1")"#, "C@1 C@1+C@1 None", r#"D@1 D@1+D@1 Some("D@1")"#]);
    settle().await;
    for id in ["A", "C"] {
        let source = soon(with.lookup(id)).await.unwrap().source;
        assert_eq!(source, Source::Memory, "of what is itself computed too");
    }
    kinds.two.put("A", "new".to_owned()).await.unwrap();
    assert_eq!(read(&with, "A").await.unwrap().as_deref(), Some(r#"A@1 A@1+new Some("new")"#));
}

#[tokio::test]
async fn an_input_that_changes_on_another_node_changes_what_is_computed_here() {
    let bus = LocalBus::default();
    let here = Fixture::built(|cache| cache.bus(bus.clone()), |region| region).await;
    let there = here.another_built(|cache| cache.bus(bus.clone()), |region| region).await;
    settle().await;
    let (ours, theirs) = (joined(&here.cache), joined(&there.cache));
    assert_eq!(read(&ours.joined, "A").await.unwrap().as_deref(), Some("A@1+A@1"));
    settle().await;
    theirs.one.put("A", "new".to_owned()).await.unwrap();
    settle().await;
    assert_eq!(read(&ours.joined, "A").await.unwrap().as_deref(), Some("new+A@1"));
    theirs.two.remove("A").await.unwrap();
    settle().await;
    assert_eq!(read(&ours.joined, "A").await.unwrap().as_deref(), Some("new+A@2"));
}

#[tokio::test]
async fn inputs_of_another_cache_are_refused_when_the_region_opens() {
    let (here, there) = (Cache::builder().build().await.unwrap(), Cache::builder().build().await.unwrap());
    let own = here.region::<String>("one").open().unwrap();
    let foreign = there.region::<String>("one").open().unwrap();
    let both = |inputs: (Region<String>, Option<Region<String>>)| {
        let region = here.region::<String>("joined");
        let ids = |id: &str| Ok((id.to_owned(), Some(id.to_owned())));
        region.computed(inputs, ids, |_, _| Ok(None::<String>)).open().map(|_| ())
    };
    assert!(both((own.clone(), None)).is_ok() && both((own.clone(), Some(own.clone()))).is_ok());
    for inputs in [(foreign.clone(), None), (own, Some(foreign))] {
        let error = both(inputs).unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains("another cache"), "{error}");
    }
}
