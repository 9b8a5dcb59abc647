//! An upstream for tests: a real HTTP server on loopback that answers as it was recorded or told to.

#![allow(dead_code, reason = "each test that includes this module uses a part of it")]

use std::{collections::VecDeque, sync::Arc};

use cache_core::sync::Mutex;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What was asked of an [`Upstream`].
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The path and query, as they were sent.
    pub(crate) target: String,
    /// The headers, by names in small letters.
    pub(crate) headers: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The path, without the query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }
}

/// An answer of an [`Upstream`].
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Whole,
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// The connection ends before a word is said.
    Dropped,
    /// Nothing is ever said.
    Silent,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), fate: Fate::Whole }
    }

    /// An exchange as it was recorded: `{url, status, headers, body}`, or the same within `response`.
    /// Without a status it is one of success. Headers that tell how the body was sent then are left out: it is
    /// sent otherwise now.
    pub(crate) fn recorded(text: &str) -> Self {
        let exchange: Value = serde_json::from_str(text).expect("a recorded exchange");
        let response = exchange.get("response").unwrap_or(&exchange);
        let status = response["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let body = match &response["body"] {
            Value::String(text) => text.clone(),
            json => json.to_string(),
        };
        let answer = Self::new(status.unwrap_or(200), body);
        let Some(headers) = response["headers"].as_object() else { return answer };
        headers.iter().fold(answer, |answer, (name, value)| {
            let sent = ["content-length", "content-encoding", "transfer-encoding", "connection"];
            let values = match value {
                Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
                value => value.as_str().into_iter().collect::<Vec<_>>(),
            };
            let kept = !sent.contains(&name.to_ascii_lowercase().as_str());
            values.into_iter().filter(|_| kept).fold(answer, |answer, value| answer.header(name, value))
        })
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same, but the connection ends after `len` bytes of the body, whose whole length was announced.
    pub(crate) fn cut(self, len: usize) -> Self {
        Self { fate: Fate::Cut(len), ..self }
    }

    /// No answer: the connection ends.
    pub(crate) fn dropped() -> Self {
        Self { fate: Fate::Dropped, ..Self::new(0, "") }
    }

    /// No answer, ever.
    pub(crate) fn silent() -> Self {
        Self { fate: Fate::Silent, ..Self::new(0, "") }
    }

    async fn send(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Said\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let sent = match self.fate {
            Fate::Cut(len) => &self.body[..len.min(self.body.len())],
            _ => &self.body,
        };
        // In one write: a second small one would wait for the first to be acknowledged.
        stream.write_all(&[head.as_bytes(), sent].concat()).await
    }
}

type Script = Box<dyn FnMut(&Asked) -> Answer + Send>;

struct State {
    script: Script,
    asked: Vec<Asked>,
}

/// A server on a port of its own, which ends with this value.
pub(crate) struct Upstream {
    address: std::net::SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Upstream {
    /// A server that answers each request as `script` says.
    pub(crate) async fn answering(script: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State { script: Box::new(script), asked: Vec::new() }));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state, task }
    }

    /// A server that gives these answers in turn, and the last of them from then on.
    pub(crate) async fn saying(answers: impl IntoIterator<Item = Answer>) -> Self {
        let mut answers: VecDeque<Answer> = answers.into_iter().collect();
        Self::answering(move |_| match answers.len() {
            0 => Answer::new(500, "no answer was prepared"),
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap_or_else(|| unreachable!()),
        })
        .await
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().asked.clone()
    }

    /// How often it was asked.
    pub(crate) fn calls(&self) -> usize {
        self.state.lock().asked.len()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one connection's requests until either side ends it.
async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    // A head and a body are two writes: the second would wait for the first's acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read(&mut stream).await {
        let answer = {
            let mut state = state.lock();
            state.asked.push(asked.clone());
            (state.script)(&asked)
        };
        match answer.fate {
            Fate::Dropped => return,
            Fate::Silent => std::future::pending::<()>().await,
            Fate::Whole | Fate::Cut(_) => {}
        }
        if answer.send(stream.get_mut()).await.is_err() || answer.fate != Fate::Whole {
            return;
        }
    }
}

/// The head of a request; adapters send no bodies.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|len| *len > 0)?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|len| *len > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some(Asked { target, headers })
}
