//! The bus by LISTEN and NOTIFY.

use std::time::{Duration, Instant};

use cache_core::{Bus, Bytes, Clock, ErrorKind, Listener};
use cache_l2_pg::{PgBus, PgConfig, Postgres};
use servers::Proxy;
use tokio::{task::block_in_place, time::timeout};

use crate::fixture::{self, client, until};

fn bus(config: PgConfig, channel: &str) -> PgBus {
    Postgres::new(config, Clock::manual()).unwrap().bus(channel).unwrap()
}

async fn next(listener: &mut Box<dyn Listener>) -> cache_core::Result<Bytes> {
    timeout(Duration::from_secs(20), listener.next()).await.expect("it ends")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_any_bytes_reach_every_listener_whole_and_in_order() {
    let (a, b) = (bus(fixture::config(), "frames"), bus(fixture::config(), "frames"));
    let (mut here, mut there) = (a.listen().await.unwrap(), b.listen().await.unwrap());
    let elsewhere = bus(fixture::config(), "elsewhere");
    let frame =
        |n: usize, len: usize| Bytes::from((0..len).map(|at| (at * 31 + n) as u8).collect::<Vec<_>>());
    let frames: Vec<Bytes> = [0, 1, 2, 3, 100, 255, a.max_message_len() - 1, a.max_message_len()]
        .into_iter()
        .chain([10; 200])
        .enumerate()
        .map(|(n, len)| frame(n, len))
        .collect();
    for frame in &frames {
        elsewhere.publish(Bytes::from_static(b"not for us")).await.unwrap();
        a.publish(frame.clone()).await.unwrap();
    }
    for frame in &frames {
        assert_eq!(next(&mut here).await.unwrap(), frame);
        assert_eq!(next(&mut there).await.unwrap(), frame);
    }
    let error = a.publish(frame(0, a.max_message_len() + 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}

#[tokio::test]
async fn a_wait_that_is_dropped_loses_no_frame_and_other_people_s_notices_are_passed_over() {
    let bus = bus(fixture::config().keepalive(Duration::from_millis(20)), "waits");
    let mut listener = bus.listen().await.unwrap();
    for n in 0..50_u8 {
        // Across keepalives, too.
        assert!(timeout(Duration::from_millis(u64::from(n % 7) * 5), listener.next()).await.is_err());
        client(fixture::url()).await.batch_execute("NOTIFY waits, 'not base64!'").await.unwrap();
        bus.publish(vec![n; 8].into()).await.unwrap();
        let mut got = None;
        while got.is_none() {
            got = timeout(Duration::from_millis(2), listener.next()).await.ok();
        }
        assert_eq!(got.unwrap().unwrap(), vec![n; 8]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_37_a_listener_says_that_its_connection_was_lost_even_if_it_died_silently() {
    let server = block_in_place(servers::Postgres::start).unwrap();
    let proxy = block_in_place(|| Proxy::start(([127, 0, 0, 1], server.port()).into())).unwrap();
    let url = server.url().replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.addr().port()));
    let limit = Duration::from_millis(300);
    let bus = bus(fixture::config_at(&url).keepalive(limit).statement_timeout(limit), "lost");

    let mut listener = bus.listen().await.unwrap();
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'").unwrap();
    assert_eq!(next(&mut listener).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(next(&mut listener).await.is_err(), "and says so again");

    let mut listener = bus.listen().await.unwrap();
    proxy.stall();
    let begun = Instant::now();
    assert_eq!(next(&mut listener).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(bus.listen().await.is_err());
    proxy.cut();
    proxy.restore();
    proxy.flow();

    let mut listener = bus.listen().await.unwrap();
    until("it publishes again", async || bus.publish(Bytes::from_static(b"again")).await.is_ok()).await;
    assert_eq!(next(&mut listener).await.unwrap(), "again");
}
