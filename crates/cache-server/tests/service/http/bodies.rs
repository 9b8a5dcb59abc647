//! Bodies that are late, endless, chunked or wrongly announced, and what hyper refuses by itself.

use std::{future::pending, net::SocketAddr, process::Command, time::Duration};

use cache_server::{Limits, bind, serve};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use crate::fixture::{
    in_process::InProcess,
    process::{PATIENCE, Server},
    raw::{RawAnswer, ask, read},
};

const POST: &str = "POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
const GET: &str = "GET / HTTP/1.1\r\nhost: localhost\r\n";

async fn serving(limits: Limits) -> (SocketAddr, InProcess) {
    let service = InProcess::open(&[]).await;
    let listener = bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, None, service.router.clone(), limits, pending::<()>()));
    (address, service)
}

/// With nothing else to do, paused time advances to the deadline by itself.
#[tokio::test(start_paused = true)]
async fn rule_73_a_body_that_does_not_come_is_cut_at_its_deadline_however_it_is_announced() {
    let (address, _service) = serving(Limits::default()).await;
    for request in [
        format!("{POST}content-length: 100\r\n\r\n"),
        format!("{POST}content-length: 100\r\n\r\n{{\"asset\""),
        format!("{POST}transfer-encoding: chunked\r\n\r\n"),
        format!("{POST}transfer-encoding: chunked\r\n\r\n5\r\nab"),
        format!("{POST}transfer-encoding: chunked\r\n\r\n1\r\n{{\r\n"),
        format!("{POST}content-length: 100\r\nexpect: 100-continue\r\n\r\n"),
        format!("{GET}content-length: 1\r\n\r\n"),
        format!("{GET}transfer-encoding: chunked\r\n\r\n"),
        "DELETE / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n"
            .to_owned(),
    ] {
        let began = tokio::time::Instant::now();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let bytes = read(&mut stream, Duration::from_secs(60)).await;
        let took = began.elapsed();
        assert!((15..17).contains(&took.as_secs()), "{request}: after {took:?}");
        let bytes = bytes.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&bytes);
        RawAnswer::parse(bytes).is_problem(408, &request);
    }
}

/// A drop now and then is no progress.
#[tokio::test(start_paused = true)]
async fn rule_73_a_body_in_drops_is_cut_at_the_same_deadline_and_so_is_a_head() {
    let (address, _service) = serving(Limits::default()).await;
    for (start, drop) in [
        (format!("{POST}content-length: 1000\r\n\r\n"), "x"),
        (format!("{POST}transfer-encoding: chunked\r\n\r\n"), "1\r\nx\r\n"),
        (format!("{POST}transfer-encoding: chunked\r\n\r\n"), "1;ext=1\r\nx\r\n"),
        (GET.to_owned(), "x: y\r\n"),
        (String::new(), "G"),
        (String::new(), "\r\n"),
        (format!("{GET}\r\n"), "\r\n"),
    ] {
        let began = tokio::time::Instant::now();
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut from, mut to) = stream.into_split();
        to.write_all(start.as_bytes()).await.unwrap();
        let dripping = tokio::spawn(async move {
            while to.write_all(drop.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let mut answer = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut from, &mut answer);
        let _ = timeout(Duration::from_secs(120), read).await.expect("still connected");
        let took = began.elapsed();
        assert!((14..32).contains(&took.as_secs()), "{start:?}: after {took:?}");
        dripping.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn rule_73_a_connection_between_requests_is_closed_at_the_deadline() {
    let (address, _service) = serving(Limits::default()).await;
    let began = tokio::time::Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{GET}\r\n").as_bytes()).await.unwrap();
    assert_eq!(RawAnswer::parse(&read(&mut stream, Duration::from_secs(60)).await).status, 200);
    assert!((15..17).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn rule_73_the_limit_of_bodies_holds_however_they_are_sent() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let long = "x".repeat(16 << 10);
    let chunks = |count: usize, len: usize| format!("{len:x}\r\n{}\r\n", "x".repeat(len)).repeat(count);
    let close = "connection: close\r\n";
    for (request, status) in [
        (format!("{POST}{close}content-length: 16385\r\n\r\n{long}x"), 413),
        (format!("{POST}{close}content-length: 99999999999999999999\r\n\r\n"), 400),
        (format!("{POST}{close}content-length: 16385\r\nexpect: 100-continue\r\n\r\n"), 413),
        (format!("{POST}{close}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunks(1, 16385)), 413),
        (format!("{POST}{close}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunks(16385, 1)), 413),
        (format!("{POST}{close}transfer-encoding: chunked\r\n\r\n{}", chunks(100, 10_000)), 413),
        (format!("{POST}{close}transfer-encoding: chunked\r\n\r\nffffffff\r\n{long}x"), 413),
        (format!("{POST}{close}transfer-encoding: chunked\r\n\r\nzz\r\n"), 400),
        (format!("{POST}{close}transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n"), 400),
        (format!("{POST}{close}transfer-encoding: chunked\r\n\r\n1;{}\r\nx\r\n", "e".repeat(20_000)), 400),
        (format!("{GET}{close}transfer-encoding: chunked\r\n\r\n{}", chunks(100, 10_000)), 413),
        (format!("{POST}{close}transfer-encoding: gzip\r\n\r\n"), 400),
        (format!("{POST}{close}content-length: 1\r\ncontent-length: 2\r\n\r\nxx"), 400),
        (format!("{POST}{close}content-length: -1\r\n\r\n"), 400),
        // The announced length is a part of what is sent: what follows is read as another request.
        (format!("{POST}content-length: 2\r\n\r\n{{}}nonsense\r\n\r\n"), 422),
    ] {
        let start: String = request.chars().take(200).collect();
        let answer = ask(server.address(), request.as_bytes()).await;
        assert_eq!(answer.status, status, "{start}: {answer:?}");
        assert!(answer.head.contains("application/problem+json"), "{start}: {answer:?}");
    }
    let all = format!("{POST}{close}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunks(1024, 16));
    ask(server.address(), all.as_bytes()).await.is_problem(422, "as much as the limit");
    assert_eq!(server.get("/health").await.status(), 200);
}

#[tokio::test]
async fn rule_73_what_cannot_be_read_as_http_is_a_problem_too() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    for (request, status) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nhost localhost\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nhost: localhost\r\n folded: x\r\n\r\n".to_owned(), 400),
        ("GET /\0 HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 400),
        ("\u{16}\u{3}\u{1}\0\u{1}".to_owned() + "TLS hello\r\n\r\n", 400),
        (format!("{GET}{}\r\n", "a: b\r\n".repeat(101)), 431),
        (format!("{GET}x: {}\r\n\r\n", "x".repeat(300_000)), 431),
        (format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(70_000)), 414),
        ("BREW / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned(), 405),
        ("TRACE / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned(), 405),
        ("OPTIONS * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned(), 404),
        ("CONNECT localhost:1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned(), 404),
        ("GET /v1/quotes/%ff HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned(), 400),
        ("GET /nowhere HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned(), 404),
    ] {
        let start: String = request.chars().take(80).collect();
        ask(server.address(), request.as_bytes()).await.is_problem(status, &start);
    }
    let two = format!("{GET}\r\nnonsense\r\n\r\n");
    let answers = ask(server.address(), two.as_bytes()).await;
    assert_eq!(answers.status, 200);
    assert!(answers.body.contains("HTTP/1.1 400") && answers.body.contains("problem+json"), "{answers:?}");
}

/// The places are no more than there are descriptors: else the silent would keep theirs when these run out.
#[tokio::test]
async fn rule_73_where_descriptors_are_few_the_silent_make_room_as_well() {
    let data = tempfile::tempdir().unwrap();
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "ulimit -n 100 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_cache-server")]);
    limited.env_clear().arg("--data-dir").arg(data.path()).arg("--client-timeout-ms=600000");
    let server = Server::run(&mut limited);
    let mut silent = Vec::new();
    for _ in 0..150 {
        silent.push(timeout(PATIENCE, TcpStream::connect(server.address())).await.unwrap().unwrap());
    }
    for _ in 0..8 {
        let request = format!("{GET}connection: close\r\n\r\n");
        let answer = timeout(PATIENCE, ask(server.address(), request.as_bytes())).await.unwrap();
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn rule_73_clients_that_send_nothing_make_room_for_those_that_do() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--max-connections=8"]);
    let mut slow = Vec::new();
    for number in 0..8 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let start = match number % 4 {
            0 => format!("{POST}content-length: 100\r\n\r\n"),
            1 => format!("{POST}transfer-encoding: chunked\r\n\r\n1\r\nx\r\n"),
            2 => "GET / HT".to_owned(),
            _ => String::new(),
        };
        stream.write_all(start.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    for _ in 0..16 {
        let request = format!("{GET}connection: close\r\n\r\n");
        let answer = timeout(PATIENCE, ask(server.address(), request.as_bytes())).await.unwrap();
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn rule_73_a_flood_of_bodies_that_never_end_costs_little_memory_and_no_answer() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--provider-latency-ms=0", "--client-timeout-ms=3000"]);
    server.get("/v1/quotes/AAPL").await;
    let before = server.resident_kib();
    let began = std::time::Instant::now();
    let mut sockets = Vec::new();
    for number in 0..2348 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let request = match number {
            0..2048 => format!("{POST}content-length: 16000\r\n\r\n"),
            _ => format!("{POST}transfer-encoding: chunked\r\n\r\n"),
        };
        let _ = stream.write_all(request.as_bytes()).await;
        sockets.push(stream);
    }
    let connected = began.elapsed();
    let mut slowest = Duration::ZERO;
    let mut peak = before;
    while began.elapsed() < connected + Duration::from_secs(5) {
        let asked = std::time::Instant::now();
        assert_eq!(server.get("/v1/quotes/AAPL").await.status(), 200);
        slowest = slowest.max(asked.elapsed());
        peak = peak.max(server.resident_kib());
        for stream in &mut sockets[2048..] {
            let _ = stream.try_write(format!("2000\r\n{}\r\n", "x".repeat(0x2000)).as_bytes());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("resident {before} KiB before, {peak} KiB at most; the slowest answer took {slowest:?}");
    assert!(peak - before < 64 << 10, "{before} KiB, then {peak} KiB");
    let mut open = 0;
    for stream in &mut sockets {
        open += usize::from(timeout(Duration::from_millis(100), stream.readable()).await.is_err());
    }
    assert_eq!(open, 0, "still open 5 s after the last had connected, in {connected:?}");
}
