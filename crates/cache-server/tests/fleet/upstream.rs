//! An upstream of quotes that notes when it was called, and the configuration of a provider of it.

use std::{
    fs,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) struct Upstream {
    called: Arc<Mutex<Vec<Instant>>>,
    config: String,
    _folder: TempDir,
}

impl Upstream {
    /// Starts it, with a configuration of the provider `acme` that may call it so often in a minute. Quotes are
    /// fresh for less than a minute, and may be served long after.
    pub(crate) async fn start(per_minute: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/{{symbol}}", listener.local_addr().unwrap());
        let called = Arc::<Mutex<Vec<Instant>>>::default();
        let seen = called.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                seen.lock().unwrap().push(Instant::now());
                tokio::spawn(answer(socket));
            }
        });
        let acme = json!({
            "name": "acme", "kind": "json", "retries": 0, "quota": { "per_minute": per_minute },
            "options": { "markets": ["US"], "quotes": { "url": url, "price": "/p" } },
        });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cache.yaml");
        let lives = json!({ "providers": [acme], "ttl": { "price": 45 }, "grace": { "price": 3600 } });
        fs::write(&file, lives.to_string()).unwrap();
        Self { called, config: format!("--config={}", file.display()), _folder: folder }
    }

    /// Returns the flag of a service in front of it.
    pub(crate) fn config(&self) -> &str {
        &self.config
    }

    /// Returns how often it was called.
    pub(crate) fn calls(&self) -> usize {
        self.called.lock().unwrap().len()
    }

    /// Returns how often it was called in the minute in which that was most, wherever it begins.
    pub(crate) fn most_in_a_minute(&self) -> usize {
        let called = self.called.lock().unwrap();
        let within = |began: usize| {
            called[began..].iter().take_while(|at| at.duration_since(called[began]) < MINUTE).count()
        };
        (0..called.len()).map(within).max().unwrap_or_default()
    }
}

async fn answer(mut socket: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let body = r#"{"p": 7.5}"#;
    let length = body.len();
    let said = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let _ = socket.write_all(said.as_bytes()).await;
}
