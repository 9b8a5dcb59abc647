//! One address behind which the server changes, while old connections stay open.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use cache_core::{Bus, Bytes, Clock, Tier, TierExt};
use cache_l2_pg::{PgConfig, Postgres};
use servers::Proxy;
use tokio::time::timeout;

use crate::fixture::{entry, key};

/// Within what time everything works again.
const HEALED: Duration = Duration::from_secs(3);

fn addr(server: &servers::Postgres) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, server.port()).into()
}

/// Has a server refuse writes as a standby does, on the connections that are open too.
fn refuse_writes(server: &servers::Postgres) {
    server.sql("ALTER SYSTEM SET default_transaction_read_only = on").unwrap();
    server.sql("SELECT pg_reload_conf()").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_66_pool_and_bus_leave_a_server_that_takes_no_writes() {
    let (old, new) = (servers::Postgres::start().unwrap(), servers::Postgres::start().unwrap());
    let database = old.create_database().unwrap();
    let name = database.rsplit('/').next().unwrap().to_owned();
    new.sql(&format!("CREATE DATABASE \"{name}\"")).unwrap();
    let proxy = Proxy::start(addr(&old)).unwrap();
    let url = database.replace(&format!(":{}/", old.port()), &format!(":{}/", proxy.addr().port()));
    assert_ne!(url, database);
    let clock = Clock::system();
    let postgres = Postgres::connect(PgConfig::new(&url).unwrap(), clock.clone()).await.unwrap();
    let (tier, bus) = (postgres.tier(), postgres.bus("bus").unwrap());
    let mut listener = bus.listen().await.unwrap();
    tier.put_one(key("a"), entry("before", clock.tick())).await.unwrap();

    refuse_writes(&old);
    proxy.switch(addr(&new));
    let until = Instant::now() + HEALED;
    timeout(HEALED, listener.next()).await.expect("the old subscription ends").unwrap_err();
    while let Err(error) = tier.put_one(key("a"), entry("after", clock.tick())).await {
        assert!(Instant::now() < until, "still failing: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut listener = bus.listen().await.unwrap();
    bus.publish(Bytes::from_static(b"hello")).await.unwrap();
    assert_eq!(timeout(HEALED, listener.next()).await.unwrap().unwrap(), "hello");

    refuse_writes(&new);
    timeout(HEALED, listener.next()).await.expect("the subscription ends").unwrap_err();
    let error = tier.get(&[key("a")]).await.unwrap_err();
    assert!(error.is_retryable(), "nothing is read there either: {error}");
    assert!(bus.listen().await.is_err(), "nor is a bus believed there");
}
