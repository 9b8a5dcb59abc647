//! Servers start, fail on demand, come back, and leave nothing behind.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use servers::{Postgres, PostgresOptions, Proxy, Redis, RedisCluster, RedisOptions, RedisSentinel, Reply};

const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than any server takes to answer a ping that reaches it.
const SILENCE: Duration = Duration::from_millis(300);

fn redis() -> Redis {
    Redis::start(&RedisOptions::default()).unwrap()
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What a Redis server answers to a ping: one line.
fn ping(stream: &mut TcpStream) -> std::io::Result<String> {
    stream.write_all(b"PING\r\n")?;
    let mut line = String::new();
    match BufReader::new(stream).read_line(&mut line)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end().to_owned()),
    }
}

/// Pings a server that is to say nothing for a while, and hears its answer once `go_on` was called.
fn hears_nothing_until(stream: &mut TcpStream, go_on: impl FnOnce()) {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let silence = ping(stream).unwrap_err().kind();
    assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence:?}");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    go_on();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
}

/// The processes that have a folder, or one in it, as their working folder.
fn living_in(folder: &Path) -> Vec<String> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let living =
        pids.filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)));
    living.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn wait_for(what: &str, mut yes: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !yes() {
        assert!(Instant::now() < deadline, "still not: {what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_killed_redis_comes_back_empty_on_its_port() {
    let mut redis = redis();
    redis.command(&["SET", "key", "value"]).unwrap();
    let (port, pid, mut before) = (redis.port(), redis.pid(), connect(redis.port()));
    redis.kill();
    assert!(ping(&mut before).is_err());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    let error = redis.command(&["PING"]).unwrap_err();
    assert!(format!("{error:#}").contains("the server is down"), "{error:#}");
    redis.restart().unwrap();
    assert_eq!((redis.port(), redis.pid() == pid), (port, false));
    assert_eq!(ping(&mut connect(port)).unwrap(), "+PONG");
    assert_eq!(redis.command(&["GET", "key"]).unwrap(), Reply::Nil);
}

#[test]
fn a_paused_redis_says_nothing_until_it_goes_on() {
    let mut redis = redis();
    let mut stream = connect(redis.port());
    redis.pause();
    hears_nothing_until(&mut stream, || redis.resume());
}

#[test]
fn a_redis_may_keep_what_it_was_told() {
    let config = ["appendonly yes", "appendfsync always"].map(str::to_owned).to_vec();
    let mut redis = Redis::start(&RedisOptions { config, ..RedisOptions::default() }).unwrap();
    redis.command(&["SET", "key", "value"]).unwrap();
    redis.kill();
    redis.restart().unwrap();
    assert_eq!(redis.command(&["GET", "key"]).unwrap().text(), Some("value"));
}

#[test]
fn a_redis_with_a_user_knows_nobody_else() {
    let (user, password) = (Some("app".to_owned()), Some("p w/\"x".to_owned()));
    let redis = Redis::start(&RedisOptions { user, password, ..RedisOptions::default() }).unwrap();
    assert_eq!(redis.url(), format!("redis://app:p%20w%2F%22x@127.0.0.1:{}", redis.port()));
    assert!(ping(&mut connect(redis.port())).unwrap().starts_with("-NOAUTH"));
    assert_eq!(redis.command(&["ACL", "WHOAMI"]).unwrap().text(), Some("app"));
}

#[test]
fn a_redis_that_refuses_its_configuration_says_why() {
    let config = vec!["maxmemory-policy none-such".to_owned()];
    let error = Redis::start(&RedisOptions { config, ..RedisOptions::default() }).unwrap_err();
    assert!(format!("{error:#}").contains("none-such"), "{error:#}");
}

#[test]
fn a_killed_postgres_keeps_what_was_committed() {
    let mut postgres = Postgres::start().unwrap();
    postgres.sql("CREATE TABLE t (n int); INSERT INTO t VALUES (7)").unwrap();
    let (port, pid) = (postgres.port(), postgres.pid());
    for _ in 0..2 {
        postgres.kill();
        assert_eq!(living_in(postgres.folder()), [""; 0]);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        postgres.restart().unwrap();
    }
    assert_eq!((postgres.port(), postgres.pid() == pid), (port, false));
    assert_eq!(postgres.sql("SELECT n FROM t").unwrap(), "7");
    postgres.restart().unwrap();
    assert_eq!(postgres.sql("SELECT n FROM t").unwrap(), "7");
}

#[test]
fn a_paused_postgres_says_nothing_until_it_goes_on() {
    let mut postgres = Postgres::start().unwrap();
    let mut stream = connect(postgres.port());
    postgres.pause();
    // A request for TLS, which is answered with one byte.
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    assert!(stream.read_exact(&mut [0]).is_err());
    postgres.resume();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"N");
}

#[test]
fn databases_are_many_and_passwords_are_asked_for() {
    let config = vec!["max_connections = 17".to_owned()];
    let postgres = Postgres::start_with(&PostgresOptions { config, durable: true, tls: false }).unwrap();
    assert_eq!(postgres.sql("SHOW max_connections").unwrap(), "17");
    assert_eq!(postgres.sql("SHOW fsync").unwrap(), "on");
    let (one, other) = (postgres.create_database().unwrap(), postgres.create_database().unwrap());
    assert_ne!(one, other);
    let names = postgres.sql("SELECT count(*) FROM pg_database WHERE datname LIKE 'test%'").unwrap();
    assert_eq!(names, "2");
    let rules = "SELECT DISTINCT auth_method FROM pg_hba_file_rules";
    assert_eq!(postgres.sql(rules).unwrap(), "scram-sha-256");
}

/// What `openssl` says of the certificate that a server shows.
fn verdict(port: u16, authority: &Path, more: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args([
        "s_client",
        "-verify_ip",
        "127.0.0.1",
        "-connect",
        &format!("127.0.0.1:{port}"),
        "-CAfile",
    ]);
    command.arg(authority).args(more).stdin(Stdio::null()).stderr(Stdio::null());
    let said = String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned();
    said.lines().find(|line| line.starts_with("Verification")).unwrap_or("no verdict").to_owned()
}

#[test]
fn servers_speak_tls_and_are_known_by_their_authority_alone() {
    let redis = Redis::start(&RedisOptions { tls: true, ..RedisOptions::default() }).unwrap();
    let postgres =
        Postgres::start_with(&PostgresOptions { tls: true, ..PostgresOptions::default() }).unwrap();
    let (of_redis, of_postgres) = (redis.authority().unwrap(), postgres.authority().unwrap());
    assert!(redis.url().starts_with("rediss://"), "{}", redis.url());
    assert_eq!(verdict(redis.port(), of_redis, &[]), "Verification: OK");
    assert_ne!(verdict(redis.port(), of_postgres, &[]), "Verification: OK");
    assert_eq!(verdict(postgres.port(), of_postgres, &["-starttls", "postgres"]), "Verification: OK");
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(postgres.sql(encrypted).unwrap(), "t");
    assert!(ping(&mut connect(redis.port())).is_err(), "it answered without TLS");
}

#[test]
fn a_cluster_misses_a_killed_node_and_takes_it_back() {
    let mut cluster = RedisCluster::start().unwrap();
    assert_eq!(cluster.urls().len(), 3);
    assert_eq!(cluster.node(0).command(&["CLUSTER", "KEYSLOT", "b"]).unwrap(), Reply::Int(3300));
    cluster.node(0).command(&["SET", "b", "1"]).unwrap();
    let moved = cluster.node(2).command(&["SET", "b", "1"]).unwrap_err();
    assert!(
        moved.to_string().contains(&format!("MOVED 3300 127.0.0.1:{}", cluster.node(0).port())),
        "{moved}"
    );
    cluster.node(0).kill();
    wait_for("the others miss it", || {
        let info = cluster.node(1).command(&["CLUSTER", "INFO"]).unwrap();
        info.text().is_some_and(|info| info.contains("cluster_state:fail"))
    });
    cluster.node(0).restart().unwrap();
    cluster.wait_until_well(PATIENCE).unwrap();
    cluster.node(0).command(&["SET", "b", "1"]).unwrap();
}

#[test]
fn sentinels_replace_a_killed_master() {
    let mut sentinel = RedisSentinel::start().unwrap();
    assert_eq!(sentinel.sentinel_urls().len(), 3);
    let old = sentinel.kill_master().unwrap();
    sentinel.wait_for_failover(old, PATIENCE).unwrap();
    let new = sentinel.master().unwrap();
    new.command(&["SET", "key", "value"]).unwrap();
    sentinel.server(old).restart().unwrap();
    wait_for("the old master follows the new one", || {
        sentinel.server(old).command(&["GET", "key"]).unwrap().text() == Some("value")
    });
}

#[test]
fn a_proxy_cuts_and_stalls_the_line_to_a_server() {
    let redis = redis();
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], redis.port()))).unwrap();
    let port = proxy.addr().port();
    let mut stream = connect(port);
    assert_eq!(ping(&mut stream).unwrap(), "+PONG");
    proxy.stall();
    hears_nothing_until(&mut stream, || proxy.flow());
    proxy.cut();
    assert!(ping(&mut stream).is_err());
    assert!(TcpStream::connect(proxy.addr()).is_err());
    assert_eq!(ping(&mut connect(redis.port())).unwrap(), "+PONG");
    proxy.restore();
    assert_eq!(ping(&mut connect(port)).unwrap(), "+PONG");
}

#[test]
fn shared_servers_are_there_without_being_named() {
    let (one, other) = (servers::env::redis().unwrap(), servers::env::redis().unwrap());
    assert_eq!(one, other);
    assert_eq!(servers::env::redis_cluster().unwrap().len(), 3);
    let (sentinels, master) = servers::env::redis_sentinel().unwrap();
    assert_eq!((sentinels.len(), master.is_empty()), (3, false));
    let (one, other) =
        (servers::env::postgres_database().unwrap(), servers::env::postgres_database().unwrap());
    assert_ne!(one, other);
}

#[test]
fn dropped_servers_leave_nothing() {
    let (mut paused, mut killed, mut postgres) = (redis(), redis(), Postgres::start().unwrap());
    let mut broken = Postgres::start().unwrap();
    let folders = [paused.folder(), killed.folder(), postgres.folder(), broken.folder()].map(PathBuf::from);
    assert!(living_in(postgres.folder()).len() > 1, "a postmaster has children");
    paused.pause();
    killed.kill();
    postgres.pause();
    broken.kill();
    drop((paused, killed, postgres, broken));
    for folder in folders {
        assert_eq!(living_in(&folder), [""; 0]);
        assert!(!folder.exists());
    }
}

const KILLED: &str = "SERVERS_OWNER_TO_BE_KILLED";

#[test]
fn servers_of_a_killed_owner_end_with_it() {
    if std::env::var_os(KILLED).is_some() {
        let (redis, mut postgres) = (redis(), Postgres::start().unwrap());
        postgres.pause();
        println!("folder {}\nfolder {}\nall", redis.folder().display(), postgres.folder().display());
        sleep(PATIENCE);
        panic!("nobody killed this process");
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["servers_of_a_killed_owner_end_with_it", "--exact", "--nocapture"])
        .env(KILLED, "yes")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines().map(Result::unwrap);
    let folders: Vec<PathBuf> = lines
        .take_while(|line| line != "all")
        .filter_map(|line| line.split_once("folder ").map(|(_, folder)| PathBuf::from(folder)))
        .collect();
    assert_eq!(folders.len(), 2);
    assert!(folders.iter().all(|folder| !living_in(folder).is_empty()));
    owner.kill().unwrap();
    owner.wait().unwrap();
    for folder in folders {
        wait_for("the servers end", || living_in(&folder).is_empty() && !folder.exists());
    }
}
