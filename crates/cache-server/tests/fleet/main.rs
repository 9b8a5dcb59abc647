//! The quota of a provider holds for all processes of the service together, whatever ends or starts again.

mod stores;
mod upstream;

// The fixture of the other tests of the service.
#[allow(dead_code, reason = "the tests that include this module use a part of it each")]
#[path = "../service/fixture/process.rs"]
mod process;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use servers::{Postgres, Redis, RedisOptions};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::sleep};

use self::{
    process::{PATIENCE, Server, command},
    upstream::{MINUTE, Upstream},
};

/// The calls that the upstream allows in any minute.
const QUOTA: usize = 50;

/// The symbols that are asked for all the time.
const HOT: usize = 20;

/// A process of the service, its data folder and the clients that ask it.
struct Node {
    data: TempDir,
    flags: Vec<String>,
    server: Option<Server>,
    load: Option<Load>,
}

impl Node {
    /// Starts a process, and clients that ask it for far more than the quota.
    async fn start(upstream: &Upstream, tier: &str, number: usize) -> Self {
        let flags = [upstream.config(), tier].into_iter().filter(|flag| !flag.is_empty()).map(str::to_owned);
        let (data, flags) = (tempfile::tempdir().unwrap(), flags.collect());
        let mut node = Self { data, flags, server: None, load: None };
        node.run(number).await;
        node
    }

    async fn run(&mut self, number: usize) {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        let server = Server::run(&mut command(self.data.path(), &flags));
        server.wait_until_reachable().await;
        self.load = Some(Load::on(&server, number));
        self.server = Some(server);
    }

    async fn kill(&mut self) {
        if let Some(load) = self.load.take() {
            load.end().await;
        }
        self.server.take().unwrap().kill();
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Returns what hot symbols are answered with that get no value.
    async fn unanswered(&self) -> Vec<String> {
        let mut unanswered = Vec::new();
        for hot in 0..HOT {
            let answer = self.server().json(&format!("/v1/quotes/HOT{hot}@US")).await;
            if !answer["price"].is_number() {
                unanswered.push(answer.to_string());
            }
        }
        unanswered
    }

    async fn counter(&self) -> serde_json::Value {
        self.server().json("/v1/stats").await["providers"][0]["quota_counter"].clone()
    }

    async fn until_counter(&self, what: &str, reached: impl Fn(&serde_json::Value) -> bool) {
        let began = Instant::now();
        loop {
            let counter = self.counter().await;
            if reached(&counter) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: {counter}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Clients that ask for symbols that nobody has asked for before, one after another.
struct Load {
    ends: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    fn on(server: &Server, number: usize) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let client = |at: usize| {
            let (url, client, ends) = (server.url.clone(), server.client.clone(), ends.clone());
            tokio::spawn(async move {
                let mut asked = 0;
                while !ends.load(Ordering::Relaxed) {
                    let symbol = format!("C{number}X{at}X{asked}@US");
                    // Most are refused, and none may be answered late.
                    let _ = client.get(format!("{url}/v1/quotes/{symbol}")).timeout(PATIENCE).send().await;
                    asked += 1;
                    sleep(Duration::from_millis(100)).await;
                }
            })
        };
        Self { clients: (0..2).map(client).collect(), ends }
    }

    async fn end(self) {
        self.ends.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.unwrap();
        }
    }
}

/// Lets time pass, and checks meanwhile that hot symbols are answered on all nodes that are there.
async fn watch(nodes: &[Node], span: Duration) {
    let until = Instant::now() + span;
    while Instant::now() < until {
        for node in nodes.iter().filter(|node| node.server.is_some()) {
            let unanswered = node.unanswered().await;
            assert!(unanswered.is_empty(), "{}: {unanswered:#?}", node.server().url);
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Waits until hot symbols are known, before there is any other load.
async fn warm(upstream: &Upstream, tier: &str) -> Node {
    let data = tempfile::tempdir().unwrap();
    let flags = [upstream.config(), tier].into_iter().filter(|flag| !flag.is_empty()).map(str::to_owned);
    let flags: Vec<String> = flags.collect();
    let flags_of: Vec<&str> = flags.iter().map(String::as_str).collect();
    let server = Server::run(&mut command(data.path(), &flags_of));
    server.wait_until_reachable().await;
    let mut node = Node { data, flags, server: Some(server), load: None };
    let began = Instant::now();
    while !node.unanswered().await.is_empty() {
        assert!(began.elapsed() < PATIENCE, "the hot symbols are not answered");
        sleep(Duration::from_millis(200)).await;
    }
    node.load = Some(Load::on(node.server(), 0));
    node
}

/// Three processes under load, of which one is killed and started again.
async fn fleet(upstream: &Upstream, tier: &str) -> Vec<Node> {
    let mut nodes = vec![warm(upstream, tier).await];
    for number in 1..3 {
        nodes.push(Node::start(upstream, tier, number).await);
    }
    nodes[0].until_counter("all are seen", |counter| counter["nodes"] == 3).await;
    watch(&nodes, Duration::from_secs(8)).await;
    nodes[1].kill().await;
    nodes[1].run(3).await;
    watch(&nodes, Duration::from_secs(4)).await;
    nodes
}

async fn end(nodes: Vec<Node>, upstream: &Upstream) {
    for node in &nodes {
        assert!(node.server().json("/health").await["status"].is_string());
    }
    drop(nodes);
    let (most, calls) = (upstream.most_in_a_minute(), upstream.calls());
    println!("at most {most} calls in any minute of {calls} in all");
    assert!(most <= QUOTA, "{most} calls in a minute");
    assert!(calls > QUOTA, "the quota came back: {calls} calls");
}

/// Kills Redis under three processes, and starts it again after a while.
async fn interrupt(redis: &mut Redis, nodes: &[Node]) {
    redis.kill();
    for node in nodes {
        node.until_counter("the loss is told", |counter| !counter["unreachable"].is_null()).await;
        let health = node.server().json("/health").await;
        assert_eq!(health["providers"][0]["quota_counter_unreachable"], "redis", "{health}");
    }
    watch(nodes, Duration::from_secs(8)).await;
    redis.restart().unwrap();
    for node in nodes {
        node.until_counter("redis is back", |counter| counter["unreachable"].is_null()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_82_three_processes_keep_a_quota_on_redis_though_one_and_redis_are_killed() {
    let kept = RedisOptions { config: vec!["appendonly yes".into()], ..RedisOptions::default() };
    let mut redis = Redis::start(&kept).unwrap();
    let upstream = Upstream::start(QUOTA).await;
    let nodes = fleet(&upstream, &format!("--redis-url={}", redis.url())).await;
    interrupt(&mut redis, &nodes).await;
    watch(&nodes, MINUTE + Duration::from_secs(15)).await;
    end(nodes, &upstream).await;
}

/// Whatever hung on it is loaded anew then, as far as there are calls: nothing is served unchecked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_82_three_processes_keep_a_quota_though_redis_forgets_all_calls() {
    let mut redis = Redis::start(&RedisOptions::default()).unwrap();
    let upstream = Upstream::start(QUOTA).await;
    let nodes = fleet(&upstream, &format!("--redis-url={}", redis.url())).await;
    interrupt(&mut redis, &nodes).await;
    sleep(MINUTE + Duration::from_secs(15)).await;
    end(nodes, &upstream).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_82_three_processes_keep_a_quota_on_postgresql_though_one_is_killed() {
    let postgres = Postgres::start().unwrap();
    let url = format!("--postgres-url={}", postgres.create_database().unwrap());
    let upstream = Upstream::start(QUOTA).await;
    let nodes = fleet(&upstream, &url).await;
    watch(&nodes, MINUTE).await;
    end(nodes, &upstream).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_82_one_process_keeps_a_quota_over_a_kill_and_a_restart() {
    let upstream = Upstream::start(QUOTA).await;
    let mut nodes = vec![warm(&upstream, "").await];
    watch(&nodes, Duration::from_secs(3)).await;
    nodes[0].kill().await;
    assert!(is_counted(nodes[0].data.path()), "the calls are on disk");
    nodes[0].run(1).await;
    watch(&nodes, MINUTE + Duration::from_secs(5)).await;
    end(nodes, &upstream).await;
}

fn is_counted(data: &Path) -> bool {
    data.join("quota").join("acme.quota").is_file()
}
