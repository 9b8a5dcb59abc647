//! The client: connections that are kept, each with one request under way.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// What is asked for, and of whom.
pub(crate) struct Target {
    address: String,
    request: Vec<u8>,
}

impl Target {
    pub(crate) fn new(address: &str, path: &str) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: */*\r\n\r\n");
        Self { address: address.to_owned(), request: request.into_bytes() }
    }

    /// Returns the body of one answer.
    pub(crate) async fn body(&self) -> Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let mut buffer = Vec::new();
        let (start, end) = ask(&mut stream, &self.request, &mut buffer).await?;
        Ok(buffer[start..end].to_vec())
    }

    /// Returns how many answers a second so many connections get together.
    pub(crate) async fn rate(&self, connections: usize, span: Duration) -> Result<f64> {
        let mut asking = JoinSet::new();
        let (begun, until) = (Instant::now(), Instant::now() + span);
        for _ in 0..connections {
            let (address, request) = (self.address.clone(), self.request.clone());
            asking.spawn(async move {
                let mut stream = TcpStream::connect(&address).await?;
                stream.set_nodelay(true)?;
                let (mut count, mut buffer) = (0_u64, Vec::with_capacity(16 << 10));
                while Instant::now() < until {
                    ask(&mut stream, &request, &mut buffer).await?;
                    count += 1;
                }
                Ok::<_, anyhow::Error>(count)
            });
        }
        let mut answers = 0;
        while let Some(count) = asking.join_next().await {
            answers += count??;
        }
        Ok(answers as f64 / begun.elapsed().as_secs_f64())
    }
}

/// Sends a request and reads the whole answer into the buffer. Returns where its body is.
async fn ask(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> Result<(usize, usize)> {
    stream.write_all(request).await?;
    buffer.clear();
    let (mut start, mut end) = (0, usize::MAX);
    while buffer.len() < end {
        ensure!(stream.read_buf(buffer).await? > 0, "the connection ended within an answer");
        if start == 0
            && let Some(head) = buffer.windows(4).position(|four| four == b"\r\n\r\n")
        {
            start = head + 4;
            end = start + length(&buffer[..head])?;
        }
    }
    Ok((start, end))
}

/// Returns the length of the body that a head announces.
fn length(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head).context("the head is not text")?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("answered {}", head.lines().next().unwrap_or_default());
    }
    let line = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim())
    });
    line.context("no content-length")?.parse().context("the content-length is no number")
}
