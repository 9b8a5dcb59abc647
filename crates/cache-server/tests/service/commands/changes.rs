//! Commands that change something: invalidate and warm.

use serde_json::json;

use crate::fixture::{cli::say, process::Server};

#[tokio::test]
async fn invalidate_counts_first_if_asked_then_ends_by_tier() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--provider-latency-ms=0"]);
    say(&server.url, &["get", "price", "AAPL", "MSFT", "GE"]).expect(0, &[]);
    server.until("on disk", |stats| stats["disk"]["entries"].as_u64() >= Some(3)).await;

    let dry = ["invalidate", "--asset", "AAPL", "--pattern", "price:M*", "--dry-run"];
    say(&server.url, &dry).expect(0, &["would end 2 to 4 values", "memory       2", "disk         2"]);
    say(&server.url, &["inspect", "price:AAPL"]).expect(0, &["fresh"]);
    let soft = say(&server.url, &["invalidate", "price:AAPL", "--soft", "--json"]).expect(0, &[]).json();
    assert_eq!((&soft["soft"], &soft["dry_run"]), (&json!(true), &json!(false)));
    say(&server.url, &["invalidate", "price:MSFT"]).expect(0, &["ended", "memory       1"]);
    say(&server.url, &["inspect", "price:MSFT"]).expect(3, &["held nowhere"]);
    say(&server.url, &["invalidate", "--all", "--yes"]).expect(0, &["ended", "memory", "disk"]);
    let left = say(&server.url, &["keys"]);
    assert!(
        !left.out.contains("fresh") && !left.out.contains("stale"),
        "what was ended may lie there: {left:?}"
    );
}

#[test]
fn invalidate_of_no_name_and_of_none_that_there_is_is_wrong_usage() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    say(&server.url, &["invalidate"]).expect(2, &["required"]);
    say(&server.url, &["invalidate", "--kind", "nope"])
        .expect(2, &["error: Invalid body (400)", "\"nope\"", "price"]);
    say(&server.url, &["invalidate", "--kind", "bars"])
        .expect(2, &["here: what get calls bars has keys of ohlcv"]);
    say(&server.url, &["invalidate", "nokey"]).expect(2, &["nokey", "as in price:AAPL"]);
}

#[test]
fn invalidate_that_ends_nothing_says_so_and_names_the_keys_that_are_held() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--provider-latency-ms=0"]);
    say(&server.url, &["get", "bars", "AAPL"]).expect(0, &["ohlcv:AAPL:1d"]);
    let nothing = "nothing was held of what was named";
    for how in [&[][..], &["--soft"], &["--dry-run"]] {
        let args = [&["invalidate", "ohlcv:AAPL"][..], how].concat();
        say(&server.url, &args)
            .expect(3, &[nothing, "held are ohlcv:AAPL:1d", "cache-server keys 'ohlcv:AAPL*'"]);
    }
    say(&server.url, &["invalidate", "--tag", "nobody"]).expect(3, &[nothing]);
    let told = say(&server.url, &["invalidate", "price:GE", "--json"]).expect(3, &[nothing]).json();
    assert_eq!(told["at_most"], 0);
    say(&server.url, &["invalidate", "ohlcv:AAPL:1d"]).expect(0, &["ended 1"]);
}

#[test]
fn warm_runs_a_strategy_and_shows_what_came_of_it() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--provider-latency-ms=0"]);
    say(&server.url, &["warm", "nope"]).expect(3, &["No such strategy of warming (404)", "popular"]);
    let list = say(&server.url, &["warm", "--list"]).expect(0, &["Warming", "strategy", "popular", "never"]);
    assert!(list.out.contains("off"), "{list:?}");
    // It is switched off in these tests, and runs by hand all the same or says why not.
    let run = say(&server.url, &["warm", "popular"]);
    assert!([0, 1].contains(&run.code), "{run:?}");
    assert!(run.out.contains("popular") && run.out.contains("picked"), "{run:?}");
    let run = say(&server.url, &["warm", "popular", "--json"]);
    assert_eq!(run.json()["results"][0]["strategy"], "popular");
}
