//! A call to a server, and what is to be done with its answer.

use redis::{Cmd, RedisError, ServerErrorKind as Refusal, Value};

use crate::scripts::Lua;

/// A command about keys of one bucket.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) bucket: u16,
    pub(crate) command: Cmd,
    /// The script it runs, if it runs one.
    script: Option<&'static Lua>,
}

/// What an answer comes to.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answer(Value),
    /// The server lost the script: the same again, with its text.
    Script(&'static Lua),
    /// The bucket's slot has moved, or is moving: ask there, to say so first if it is moving.
    Elsewhere {
        host: String,
        port: u16,
        moving: bool,
    },
    /// The server asks for a moment.
    Later(RedisError),
    Refused(RedisError),
}

impl Call {
    pub(crate) fn plain(bucket: u16, command: Cmd) -> Self {
        Self { bucket, command, script: None }
    }

    /// A call of a script for some keys, which come next, and then its arguments.
    pub(crate) fn script(bucket: u16, script: &'static Lua, keys: usize) -> Self {
        Self { bucket, command: script.call(keys), script: Some(script) }
    }

    /// What is to be done with its answer.
    pub(crate) fn judge(&self, answer: Value) -> Outcome {
        let Value::ServerError(refusal) = answer else { return Outcome::Answer(answer) };
        let kind = refusal.kind();
        let error = RedisError::from(refusal);
        match (kind, self.script) {
            (Some(Refusal::NoScript), Some(script)) => Outcome::Script(script),
            (Some(Refusal::Moved | Refusal::Ask), _) => match error
                .redirect_node()
                .and_then(|(at, _)| place(at))
            {
                Some((host, port)) => Outcome::Elsewhere { host, port, moving: kind == Some(Refusal::Ask) },
                None => Outcome::Refused(error),
            },
            (Some(Refusal::TryAgain | Refusal::ClusterDown), _) => Outcome::Later(error),
            _ => Outcome::Refused(error),
        }
    }
}

/// `host:port`, where the host may be empty.
fn place(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    Some((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn places_are_read() {
        assert_eq!(place("10.0.0.1:7000"), Some(("10.0.0.1".to_owned(), 7000)));
        assert_eq!(place("[::1]:7000"), Some(("::1".to_owned(), 7000)));
        assert_eq!(place("::1:7000"), Some(("::1".to_owned(), 7000)));
        assert_eq!(place(":7000"), Some((String::new(), 7000)));
        assert_eq!(place("host"), None);
    }
}
