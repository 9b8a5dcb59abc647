//! Limits: what is too large is refused or not cached, and nothing is half-written.

use cache_core::{ErrorKind, Fetched, MAX_KEY_LEN, MAX_VALUE_LEN, Operation};
use tests::{Answer, Fixture, settle};

fn huge() -> String {
    "x".repeat(64 << 20)
}

#[tokio::test]
async fn rule_63_a_key_of_64_kib_is_a_limit_error_whatever_is_done_with_it() {
    let fixture = Fixture::new().await;
    let long = "x".repeat(64 << 10);
    let region = &fixture.region;
    let refused = [
        region.get(&long).await.map(drop),
        region.get_many(&["AAPL", &long]).await.map(drop),
        region.lookup(&long).await.map(drop),
        region.get_or_load(&long, || async { Ok::<_, std::io::Error>("value".to_owned()) }).await.map(drop),
        region.put(&long, "value".to_owned()).await,
        region.put_many([("AAPL", "value".to_owned()), (&long, "value".to_owned())]).await,
        region.remove(&long).await.map(drop),
        region.remove_many(&["AAPL", &long]).await.map(drop),
        region.refresh(&["AAPL", &long]).await.map(drop),
        region.key(&long).map(drop),
    ];
    for (n, outcome) in refused.into_iter().enumerate() {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "call {n}: {error}");
        assert!(error.to_string().contains(&MAX_KEY_LEN.to_string()), "call {n} says the limit: {error}");
    }
    assert_eq!(region.peek(&long), None);
    let answers = region.lookup_many(&["AAPL", &long]).await;
    assert!(answers[0].is_ok() && answers[1].is_err(), "alone in a batch it fails alone");
}

#[tokio::test]
async fn rule_63_a_put_of_64_mib_is_a_limit_error_and_nothing_is_written() {
    let fixture = Fixture::new().await;
    fixture.region.put("had", "before".to_owned()).await.unwrap();
    fixture.tier.forget_calls();
    let error = fixture.region.put("had", huge()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert!(error.to_string().contains(&MAX_VALUE_LEN.to_string()), "{error}");

    let values = [("small", "small".to_owned()), ("had", huge())];
    assert_eq!(fixture.region.put_many(values).await.unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(fixture.peek("small"), None, "of a batch with one too large nothing is written");
    assert_eq!(fixture.tier.calls(Operation::Put).len(), 0);
    assert_eq!(fixture.peek("had").as_deref(), Some("before"));
}

#[tokio::test]
async fn rule_63_a_loaded_value_of_64_mib_is_answered_or_refused_and_not_kept() {
    let fixture = Fixture::new().await;
    fixture.get("big").await;
    fixture.pass(61);
    settle().await;
    fixture.source.answer(&fixture.key("big"), Answer::Value(Fetched::new(huge())));
    let patient = fixture.region.with(|policy| policy.soft_timeout(std::time::Duration::from_secs(1)));
    match patient.get("big").await {
        Ok(value) => assert_eq!(value.unwrap().len(), 64 << 20),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Limit),
    }
    settle().await;
    assert!(fixture.peek("big").is_none_or(|kept| kept == "big@1"), "not in memory");
    assert!(fixture.held("big").is_none_or(|kept| kept == "big@1"), "not in the tier");
    assert_eq!(
        fixture.region.get_many(&["big", "small"]).await.unwrap()[1].as_deref().map(String::as_str),
        Some("small@1")
    );
}
