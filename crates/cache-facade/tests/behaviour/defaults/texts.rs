//! Tags and patterns as text: one that can't be one fails what it was given to, and nothing is kept without its
//! tag.

use std::sync::Arc;

use cache_core::{Clock, ErrorKind, Pattern, Tag};
use cache_facade::{Cache, Fetched, Memory, Op};
use tests::{Answer, Fixture};

/// Texts that can't be tags.
fn wrong() -> [String; 2] {
    [String::new(), "x".repeat(Tag::MAX_LEN + 1)]
}

fn tagged(tag: &str) -> Fetched<String> {
    // One that is right does not make up for it, wherever it is.
    Fetched::new("new".to_owned()).tag("before").tag(tag).tags(["behind", "last"])
}

#[tokio::test]
async fn a_text_is_the_tag_of_that_name() {
    let cache = Cache::builder().build().await.unwrap();
    let region = cache.region::<u64>("k").open().unwrap();
    let tag = Tag::new("t").unwrap();
    for (form, value) in [
        ("text", Fetched::new(1).tag("t")),
        ("string", Fetched::new(1).tag("t".to_owned())),
        ("tag", Fetched::new(1).tag(tag.clone())),
        ("borrowed tag", Fetched::new(1).tag(&tag)),
        ("texts", Fetched::new(1).tags(["other", "t"])),
        ("tags", Fetched::new(1).tags(vec![tag.clone()])),
    ] {
        region.put("a", value.clone()).await.unwrap();
        cache.invalidate("u").await.unwrap();
        assert!(region.peek("a").is_some(), "{form}");
        cache.invalidate("t").await.unwrap();
        assert_eq!(region.peek("a"), None, "{form}");
        region.put("a", value).await.unwrap();
        cache.invalidate_until(&tag, cache.clock().tick()).await.unwrap();
        assert_eq!(region.peek("a"), None, "{form}");
    }
}

#[tokio::test]
async fn nothing_is_stored_without_its_tag() {
    let fixture = Fixture::new().await;
    let region = &fixture.region;
    region.put("held", "old".to_owned()).await.unwrap();
    for text in wrong() {
        let limit = Err(ErrorKind::Limit);
        let kind = |error: cache_core::Error| error.kind();
        assert_eq!(region.put("held", tagged(&text)).await.map_err(kind), limit);
        let many = [("other", Fetched::new("new".to_owned())), ("held", tagged(&text))];
        assert_eq!(region.put_many(many).await.map_err(kind), limit);
        assert_eq!(region.put_if_absent("other", tagged(&text)).await.map(drop).map_err(kind), limit);
        let born = region.lookup("held").await.unwrap().born;
        assert_eq!(region.replace_if("held", born, tagged(&text)).await.map(drop).map_err(kind), limit);
        let change = {
            let text = text.clone();
            move |_: Option<Arc<String>>| Op::put(tagged(&text))
        };
        assert_eq!(region.compute("held", change).await.map(drop).map_err(kind), limit);
        assert_eq!(region.peek("held").as_deref().map(String::as_str), Some("old"));
        assert_eq!(region.peek("other"), None, "of many none");

        fixture.source.answer(&fixture.key("loaded"), Answer::Value(tagged(&text)));
        let error = region.get("loaded").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(error.to_string().contains("1 to 512 bytes"), "{error}");
        assert_eq!(fixture.peek("loaded"), None);
    }
}

#[tokio::test]
async fn a_text_that_is_no_tag_or_pattern_ends_nothing() {
    let memory = Memory::builder().mib(1).protected_share(0.5);
    let cache = Cache::builder().memory(memory).clock(Clock::manual()).build().await.unwrap();
    let region = cache.region::<u64>("k").open().unwrap();
    region.put("a", 1).await.unwrap();
    for text in wrong() {
        assert_eq!(cache.invalidate(&text).await.unwrap_err().kind(), ErrorKind::Limit);
        let until = cache.invalidate_until(&*text, cache.clock().tick()).await;
        assert_eq!(until.unwrap_err().kind(), ErrorKind::Limit);
    }
    for text in ["", "k:a\\"] {
        let all = [
            cache.remove_matching(text).await.map(drop),
            cache.protect(text),
            cache.unprotect(text),
            region.held(text).map(drop),
        ];
        for refused in all {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(&format!("the pattern {text:?}")), "{error}");
        }
    }
    assert_eq!(region.peek("a").as_deref(), Some(&1));
    assert_eq!(region.held("k:*").unwrap().len(), 1);
    assert_eq!(region.held(Pattern::glob("k:*").unwrap()).unwrap().len(), 1);
    cache.protect("k:*").unwrap();
    assert_eq!(cache.stats().memory.protected, 1);
    cache.unprotect("k:*").unwrap();
    assert_eq!(cache.stats().memory.protected, 0);
    assert_eq!(cache.remove_matching("k:*").await.unwrap().memory, 1);
    assert_eq!(region.peek("a"), None);
}
