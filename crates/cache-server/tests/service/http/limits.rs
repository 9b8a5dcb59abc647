//! Requests that are too large, too slow or malformed, sent as raw bytes.

use std::{future::pending, time::Duration};

use cache_server::{Limits, bind, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::fixture::{
    in_process::InProcess,
    process::{PATIENCE, Server},
};

/// Sends bytes. Returns the status line, and whether a problem follows it.
async fn send(server: &Server, request: &[u8]) -> (String, bool) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    // The server may respond and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("no answer");
    let text = String::from_utf8_lossy(&answer);
    let status = text.lines().next().unwrap_or_default().to_owned();
    (status, text.contains("application/problem+json"))
}

#[tokio::test]
async fn what_is_too_long_or_for_no_host_is_refused_by_its_own_status() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--provider-latency-ms=0"]);
    let head = "host: localhost\r\nconnection: close\r\n";
    let long = |len| "x".repeat(len);
    for (request, status, problem) in [
        (format!("GET /{} HTTP/1.1\r\n{head}\r\n", long(9_000)), "414", true),
        (format!("GET /{} HTTP/1.1\r\n{head}\r\n", long(70_000)), "414", true),
        (format!("GET / HTTP/1.1\r\n{head}x: {}\r\n\r\n", long(20_000)), "431", true),
        (format!("GET / HTTP/1.1\r\n{head}x: {}\r\n\r\n", long(300_000)), "431", true),
        (format!("GET / HTTP/1.1\r\n{head}{}\r\n", "a: b\r\n".repeat(200)), "431", true),
        (format!("POST / HTTP/1.1\r\n{head}content-length: 17000\r\n\r\n"), "413", true),
        (format!("GET / HTTP/1.1\r\n{head}content-length: 17000\r\n\r\n{}", long(17_000)), "413", true),
        ("nonsense\r\n\r\n".to_owned(), "400", true),
        ("GET / HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(), "400", true),
        (format!("GET / HTTP/1.1\r\n{head}host: 127.0.0.1\r\n\r\n"), "400", true),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), "200", false),
        (format!("GET / HTTP/1.1\r\n{head}\r\n"), "200", false),
    ] {
        let start: String = request.chars().take(60).collect();
        let answer = send(&server, request.as_bytes()).await;
        assert!(answer.0.contains(&format!(" {status} ")) && answer.1 == problem, "{start:?}: {answer:?}");
    }
}

#[tokio::test]
async fn connections_past_the_limit_wait_for_room() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--max-connections=1"]);
    let request = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut first = TcpStream::connect(server.address()).await.unwrap();
    first.write_all(request).await.unwrap();
    first.read_exact(&mut [0; 15]).await.unwrap();

    let mut second = TcpStream::connect(server.address()).await.unwrap();
    second.write_all(request).await.unwrap();
    let early = timeout(Duration::from_millis(100), second.read_exact(&mut [0; 15])).await;
    assert!(early.is_err(), "the first connection holds the only place");
    drop(first);
    timeout(PATIENCE, second.read_exact(&mut [0; 15])).await.expect("the place is free").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_ends_its_head_is_cut_off() {
    let service = InProcess::open(&[]).await;
    let listener = bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, None, service.router.clone(), Limits::default(), pending::<()>()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ").await.unwrap();
    // With nothing else to do, paused time advances to the deadline by itself.
    let mut answer = Vec::new();
    let ended = timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "still connected after a minute");
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{answer:?}");
}

#[tokio::test]
async fn a_client_that_never_reads_loses_its_place() {
    const ASKED: usize = 200;
    let service = InProcess::open(&[]).await;
    let listener = bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { connections: 1, stall: Duration::from_millis(100), ..Limits::default() };
    tokio::spawn(serve(listener, None, service.router.clone(), limits, pending::<()>()));

    // The responses are far larger than the buffers between the two.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(address).await.unwrap();
    let request = "GET /v1/bars/AAPL HTTP/1.1\r\nhost: localhost\r\n\r\n";
    deaf.write_all(request.repeat(ASKED).as_bytes()).await.unwrap();
    timeout(PATIENCE, deaf.peek(&mut [0])).await.expect("it has the only place").unwrap();

    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut status = [0; 15];
    timeout(PATIENCE, other.read_exact(&mut status)).await.expect("the place is free").unwrap();
    assert_eq!(&status, b"HTTP/1.1 200 OK");

    let mut taken = Vec::new();
    let _ = timeout(PATIENCE, deaf.read_to_end(&mut taken)).await.expect("it was cut off");
    let answers = String::from_utf8_lossy(&taken).matches("HTTP/1.1 200 OK").count();
    assert!(answers < ASKED, "all of it was answered");
}
