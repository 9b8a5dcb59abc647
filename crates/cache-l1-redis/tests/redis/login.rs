//! Logging in: users, passwords, TLS and permissions; and that secrets are never shown.

use cache_core::{Bus, Clock, ErrorKind, Holder, Lease, Target, Tier, TierExt};
use cache_l1_redis::{Redis, RedisConfig};
use servers::RedisOptions;

use crate::fixture::{LONG, connect, entry, get, key, remove_matching, server, tombstone};

const SECRET: &str = "hunter2 @/%é";

async fn works(config: RedisConfig) {
    let tier = connect(config).await.tier();
    tier.put_one(key("a"), entry("text", Clock::system().tick())).await.unwrap();
    assert_eq!(get(&tier, "a").await.unwrap().as_deref(), Some("text"));
}

fn with_secret(user: Option<&str>) -> servers::Redis {
    let (user, password) = (user.map(str::to_owned), Some(SECRET.to_owned()));
    servers::Redis::start(&RedisOptions { user, password, ..RedisOptions::default() }).unwrap()
}

#[tokio::test]
async fn users_and_passwords_are_taken_from_the_url_or_given() {
    let server = with_secret(Some("app"));
    works(RedisConfig::single(&server.url()).unwrap()).await;
    let bare = format!("redis://127.0.0.1:{}", server.port());
    works(RedisConfig::single(&bare).unwrap().login(Some("app"), SECRET)).await;
    let server = with_secret(None);
    works(RedisConfig::single(&server.url()).unwrap()).await;
}

#[tokio::test]
async fn errors_of_a_refused_login_show_no_secret() {
    let server = with_secret(Some("app"));
    let bare = RedisConfig::single(&format!("redis://127.0.0.1:{}", server.port())).unwrap();
    let wrong = "another-secret";
    for config in [bare.clone(), bare.clone().login(Some("app"), wrong), bare.login(None, wrong)] {
        let error = Redis::connect(config.clone(), Clock::system()).await.unwrap_err();
        assert!(error.to_string().contains(&server.port().to_string()), "{error}");
        let redis = Redis::new(config, Clock::system()).unwrap();
        let asked = redis.tier().get(&[key("a")]).await.unwrap_err();
        let shown =
            format!("{error} {error:?} {asked} {asked:?} {redis:?} {:?} {:?}", redis.tier(), redis.health());
        for secret in [wrong, SECRET, "hunter2"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_command_that_the_user_may_not_run_is_not_retryable() {
    let server = server();
    server
        .command(&["ACL", "SETUSER", "reader", "on", ">pw", "~*", "&*", "+@all", "-evalsha", "-eval"])
        .unwrap();
    let config = RedisConfig::single(&format!("redis://reader:pw@127.0.0.1:{}", server.port())).unwrap();
    let tier = connect(config).await.tier();
    assert_eq!(get(&tier, "a").await.unwrap(), None);
    let error = tier.put_one(key("a"), entry("text", Clock::system().tick())).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Config && !error.is_retryable(), "{error}");
    assert!(error.to_string().contains("eval"), "{error}");
}

#[tokio::test]
async fn a_server_without_info_time_and_role_still_serves() {
    let server = server();
    server
        .command(&["ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-info", "-time", "-role"])
        .unwrap();
    let config = RedisConfig::single(&format!("redis://app:pw@127.0.0.1:{}", server.port())).unwrap();
    works(config.clone()).await;
    let health = connect(config).await.health();
    assert!(health.servers[0].version.is_none() && health.servers[0].skew_micros.is_none(), "{health:?}");
    assert!(health.servers[0].error.is_none(), "{health:?}");
}

#[tokio::test]
async fn sockets_work_and_databases_are_separate() {
    let server = server();
    let socket = server.socket();
    let at =
        |database: u8| RedisConfig::single(&format!("unix://{}?db={database}", socket.display())).unwrap();
    works(at(0)).await;
    let (second, third) = (connect(at(2)).await.tier(), connect(at(3)).await.tier());
    second.put_one(key("b"), entry("second", Clock::system().tick())).await.unwrap();
    assert_eq!(get(&second, "b").await.unwrap().as_deref(), Some("second"));
    assert_eq!(get(&third, "b").await.unwrap(), None);
    let by_port = RedisConfig::single(&format!("{}/2", server.url())).unwrap();
    assert_eq!(get(&connect(by_port).await.tier(), "b").await.unwrap().as_deref(), Some("second"));
}

#[tokio::test]
async fn tls_trusts_the_authority_that_is_given_and_no_other() {
    let options = RedisOptions { tls: true, password: Some(SECRET.to_owned()), ..RedisOptions::default() };
    let server = servers::Redis::start(&options).unwrap();
    let trusted = std::fs::read(server.authority().unwrap()).unwrap();
    let config = RedisConfig::single(&server.url()).unwrap();
    works(config.clone().trust(trusted)).await;

    let error = Redis::connect(config.clone(), Clock::system()).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    let other = servers::Redis::start(&options).unwrap();
    let wrong = std::fs::read(other.authority().unwrap()).unwrap();
    let error = Redis::connect(config.clone().trust(wrong), Clock::system()).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");

    let plainly = RedisConfig::single(&server.url().replace("rediss", "redis")).unwrap();
    assert!(Redis::connect(plainly, Clock::system()).await.is_err(), "the server speaks TLS only");
    let error = Redis::new(config.trust("no certificate"), Clock::system()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_permissions_are_enough() {
    let server = server();
    let all = "+get +mget +set +psetex +getrange +setrange +strlen +append +unlink +pttl +pexpire +persist +eval \
               +evalsha +scan +ping +publish +subscribe +select";
    let mut command = vec!["ACL", "SETUSER", "app", "on", ">pw", "~app:*", "&app:*", "-@all"];
    command.extend(all.split_whitespace());
    server.command(&command).unwrap();
    let url = format!("redis://app:pw@127.0.0.1:{}/1", server.port());
    let redis = connect(RedisConfig::single(&url).unwrap().namespace("app")).await;
    let (tier, clock, keys) = (redis.tier(), Clock::system(), [key("a"), key("b")]);
    let mut listener = redis.bus("changes").listen().await.unwrap();
    for _ in 0..3 {
        let put = keys.clone().map(|key| (key, entry("text", clock.tick())));
        tier.put(&put).await.unwrap();
        assert!(tier.get(&keys).await.unwrap().iter().all(Option::is_some));
        tier.remove(Target::Keys(&keys[..1]), tombstone(clock.tick())).await.unwrap();
        assert_eq!(remove_matching(&tier, "k:*", clock.tick()).await.unwrap(), 1);
        assert!(redis.lease().acquire(&keys, Holder(1), LONG).await.unwrap()[0]);
        redis.lease().renew(&keys, Holder(1), LONG).await.unwrap();
        redis.lease().release(&keys, Holder(1)).await.unwrap();
        redis.bus("changes").publish("message".into()).await.unwrap();
        assert_eq!(listener.next().await.unwrap(), "message");
    }
    tier.flush().await.unwrap();
}
