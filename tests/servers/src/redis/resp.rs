//! Redis's protocol, as much of it as starting and watching a server takes.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::REPLY_TIMEOUT;

/// What Redis answers to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A text: a status such as `OK`, or a value.
    Text(String),
    /// A number.
    Int(i64),
    /// Nothing under that key.
    Nil,
    /// Several answers.
    Many(Vec<Reply>),
    /// What went wrong, beginning with its kind, such as `NOAUTH`.
    Error(String),
}

impl Reply {
    /// The text, of an answer that is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value after `name` in answers that are pairs of names and values.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let Self::Many(parts) = self else { return None };
        parts.chunks_exact(2).find(|pair| pair[0].text() == Some(name))?[1].text()
    }
}

/// A connection over a server's unix socket.
#[derive(Debug)]
pub(crate) struct Connection(BufReader<UnixStream>);

impl Connection {
    pub(crate) fn open(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket)
            .with_context(|| format!("nobody listens on {}: the server is down", socket.display()))?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends one command and reads its answer. An error the server answers is an answer.
    ///
    /// # Errors
    /// Fails if the server is down, or silent for 5 s.
    pub(crate) fn ask<A: AsRef<str>>(&mut self, command: &[A]) -> Result<Reply> {
        let mut bytes = format!("*{}\r\n", command.len());
        for part in command {
            let part = part.as_ref();
            bytes.push_str(&format!("${}\r\n{part}\r\n", part.len()));
        }
        self.0.get_mut().write_all(bytes.as_bytes()).context("Redis took no command")?;
        read(&mut self.0).context("Redis did not answer")
    }
}

fn read(from: &mut impl BufRead) -> Result<Reply> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        bail!("the connection was closed");
    }
    let line = line.trim_end();
    let Some((kind, rest)) = line.split_at_checked(1) else { bail!("an empty line") };
    let number = || rest.parse::<i64>().with_context(|| format!("`{line}` holds no number"));
    Ok(match kind {
        "+" => Reply::Text(rest.to_owned()),
        "-" => Reply::Error(rest.to_owned()),
        ":" => Reply::Int(number()?),
        "$" => match usize::try_from(number()?) {
            Ok(length) => {
                let mut bytes = vec![0; length + 2];
                from.read_exact(&mut bytes)?;
                bytes.truncate(length);
                Reply::Text(String::from_utf8_lossy(&bytes).into_owned())
            }
            Err(_) => Reply::Nil,
        },
        "*" => match usize::try_from(number()?) {
            Ok(length) => Reply::Many((0..length).map(|_| read(from)).collect::<Result<_>>()?),
            Err(_) => Reply::Nil,
        },
        _ => bail!("`{line}` is no answer"),
    })
}

#[cfg(test)]
mod tests {
    use super::{Reply, read};

    fn parsed(bytes: &str) -> Reply {
        read(&mut bytes.as_bytes()).unwrap()
    }

    #[test]
    fn answers_of_each_kind_are_read() {
        let text = |text: &str| Reply::Text(text.to_owned());
        assert_eq!(parsed("+OK\r\n"), text("OK"));
        assert_eq!(parsed("-NOAUTH no\r\n"), Reply::Error("NOAUTH no".to_owned()));
        assert_eq!(parsed(":-7\r\n"), Reply::Int(-7));
        assert_eq!(parsed("$4\r\na\r\nb\r\n"), text("a\r\nb"));
        assert_eq!(parsed("$-1\r\n"), Reply::Nil);
        let pairs = parsed("*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n");
        assert_eq!((pairs.field("b"), pairs.field("1")), (Some("2"), None));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for bytes in ["", "\r\n", "?\r\n", ":x\r\n", "$5\r\nab\r\n", "*2\r\n+OK\r\n"] {
            assert!(read(&mut bytes.as_bytes()).is_err(), "{bytes:?}");
        }
    }
}
