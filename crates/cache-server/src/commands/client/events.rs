//! Server-sent events, as they come.

use std::time::Duration;

use reqwest::{Response, Url};
use tokio::time::timeout;

use super::problem;
use crate::commands::exit::{CommandError, CommandResult};

/// The longest event that is read, in bytes.
const MAX_EVENT: usize = 4 << 20;

/// An event of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerEvent {
    /// Its name: `message`, if it has none.
    pub(crate) name: String,
    pub(crate) data: String,
}

/// The events of an answer.
#[derive(Debug)]
pub(crate) struct EventStream {
    answer: Response,
    base: Url,
    /// How long nothing may come: figures are told each second.
    silence: Duration,
    reader: EventReader,
}

impl EventStream {
    pub(super) fn new(answer: Response, base: Url, silence: Duration) -> Self {
        Self { answer, base, silence, reader: EventReader::default() }
    }

    /// Waits for the next event. `None` once the service has ended the stream.
    pub(crate) async fn next(&mut self) -> CommandResult<Option<ServerEvent>> {
        loop {
            if let Some(event) = self.reader.next() {
                return Ok(Some(event));
            }
            let chunk = timeout(self.silence, self.answer.chunk()).await;
            let chunk = chunk.map_err(|_| problem::silent(&self.base, self.silence))?;
            let chunk = chunk.map_err(|error| problem::unreachable(&self.base, &error))?;
            let Some(chunk) = chunk else { return Ok(None) };
            self.reader.push(&chunk)?;
        }
    }
}

/// Takes a stream of bytes apart into events, as the HTML standard has them.
#[derive(Debug, Default)]
struct EventReader {
    bytes: Vec<u8>,
    /// Up to where there is no end of a line.
    looked: usize,
    name: String,
    data: Vec<String>,
}

impl EventReader {
    fn push(&mut self, bytes: &[u8]) -> CommandResult {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > MAX_EVENT {
            return Err(CommandError::failed(format!(
                "an event has more than {MAX_EVENT} bytes: is it a cache-server?"
            )));
        }
        Ok(())
    }

    fn next(&mut self) -> Option<ServerEvent> {
        loop {
            let line = self.line()?;
            if line.is_empty() {
                let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
                // Comments keep the connection open.
                if data.is_empty() {
                    continue;
                }
                let name = if name.is_empty() { "message".to_owned() } else { name };
                return Some(ServerEvent { name, data: data.join("\n") });
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut self.name),
                "data" => self.data.push(value.to_owned()),
                _ => {}
            }
        }
    }

    /// Takes a whole line out, without its end.
    fn line(&mut self) -> Option<String> {
        let end = self.looked
            + self.bytes[self.looked..].iter().position(|byte| *byte == b'\n').or_else(|| {
                self.looked = self.bytes.len();
                None
            })?;
        let line: Vec<u8> = self.bytes.drain(..=end).collect();
        self.looked = 0;
        let text = String::from_utf8_lossy(&line);
        Some(text.trim_end_matches(['\n', '\r']).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_however_their_bytes_are_cut() {
        let text =
            ": hello\n\nevent: change\ndata: {\"a\":1}\n\ndata: one\ndata: two\r\n\r\nevent: figures\n";
        let event = |name: &str, data: &str| ServerEvent { name: name.to_owned(), data: data.to_owned() };
        for size in 1..text.len() {
            let mut reader = EventReader::default();
            let mut events = Vec::new();
            for part in text.as_bytes().chunks(size) {
                reader.push(part).unwrap();
                events.extend(std::iter::from_fn(|| reader.next()));
            }
            assert_eq!(events, [event("change", "{\"a\":1}"), event("message", "one\ntwo")], "{size}");
        }
    }
}
