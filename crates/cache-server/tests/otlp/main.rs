//! The export of spans to a collector, which is a socket of the test; and a collector that is no more.

#[path = "../service/fixture/process.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod process;
#[path = "../service/fixture/upstream.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod upstream;

use std::{
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use self::{
    process::{PATIENCE, Server, command},
    upstream::Upstream,
};

const SENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: [u8; 16] =
    [0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c];

/// A collector that keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Sent>>>);

/// The path and the body of a request.
type Sent = (String, Vec<u8>);

impl Collector {
    /// Starts it. Returns its URL, too.
    async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (collector, url) = (Self::default(), format!("http://{}", listener.local_addr().unwrap()));
        let taking = collector.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(taking.clone().take(socket));
            }
        });
        (collector, url)
    }

    async fn take(self, mut socket: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = socket.read_u8().await else { return };
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        socket.read_exact(&mut body).await.unwrap();
        self.0.lock().unwrap().push((head, body));
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    }

    /// Whether one body holds all of these.
    fn has(&self, parts: &[&[u8]]) -> bool {
        let holds = |body: &[u8], part: &[u8]| body.windows(part.len()).any(|window| window == part);
        self.0.lock().unwrap().iter().any(|(_, body)| parts.iter().all(|part| holds(body, part)))
    }
}

async fn quote(server: &Server, symbol: &str, traceparent: &str) -> Duration {
    let begun = Instant::now();
    let request = server.client.get(format!("{}/v1/quotes/{symbol}", server.url));
    let response = request.header("traceparent", traceparent).timeout(PATIENCE).send().await.unwrap();
    assert_eq!(response.status(), 200);
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_gets_the_spans_in_the_trace_of_the_caller_and_a_provider_the_id_of_its_own_span() {
    let ((collector, url), upstream) = (Collector::start().await, Upstream::start().await);
    let data = tempfile::tempdir().unwrap();
    let mut command = command(data.path(), &upstream.flags());
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &url).env("OTEL_SERVICE_NAME", "quotes-of-the-test");
    let server = Server::run(&mut command);
    quote(&server, "AAPL", SENT).await;
    let sent = upstream.headers("traceparent").remove(0).expect("the provider gets a trace");
    let parts: Vec<&str> = sent.split('-').collect();
    assert_eq!((parts[1], parts[3]), (SENT.split('-').nth(1).unwrap(), "01"));
    assert_ne!(parts[2], "b7ad6b7169203331", "it is the span of the request to the provider");
    // A caller who does not record its trace is not recorded here either, and still passed on.
    quote(&server, "MSFT", &SENT.replace("0af7", "beef").replace("-01", "-00")).await;
    let unrecorded = upstream.headers("traceparent").remove(1).expect("the provider gets a trace");
    assert!(unrecorded.contains("beef") && unrecorded.ends_with("-00"), "{unrecorded}");
    // What is left is sent at the end.
    server.terminate();
    let spans: [&[u8]; 7] = [
        b"quotes-of-the-test",
        b"request",
        b"cache.read",
        b"cache.flight",
        b"cache.tier",
        b"provider.request",
        &TRACE,
    ];
    let told = collector.0.lock().unwrap().len();
    assert!(collector.has(&spans), "{told} exports");
    assert!(!collector.has(&[b"AAPL"]) && !collector.has(&[&[0xbe, 0xef, 0x65, 0x19]]));
    let (head, _) = collector.0.lock().unwrap()[0].clone();
    assert!(head.starts_with("post /v1/traces ") && head.contains("application/x-protobuf"), "{head}");
}

/// One that refuses connections, and one that takes them and says nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_gone_or_silent_slows_nobody_and_does_not_hold_up_the_end() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    for url in ["http://127.0.0.1:1", &silent_url] {
        let (upstream, data) = (Upstream::start().await, tempfile::tempdir().unwrap());
        let endpoint = format!("--set=tracing.otlp_endpoint={url}");
        let mut command = command(data.path(), &[&upstream.flags()[..], &[&endpoint]].concat());
        // Each span is to be sent at once.
        command.env("OTEL_BSP_SCHEDULE_DELAY", "1").stderr(Stdio::null());
        let server = Server::run(&mut command);
        let begun = Instant::now();
        for at in 0..200_u8 {
            quote(&server, &format!("S{}", char::from(b'A' + at % 20)), SENT).await;
        }
        // An export alone would take 5 s to be given up.
        assert!(begun.elapsed() < Duration::from_secs(4), "{url}: {:?}", begun.elapsed());
        server.terminate();
    }
}
