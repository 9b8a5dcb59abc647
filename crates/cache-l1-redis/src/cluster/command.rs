//! A command about keys of one bucket, and what the server's reply to it asks for.

use redis::{Cmd, RedisError, ServerErrorKind as ServerError, Value};

use crate::scripts::LuaScript;

/// A command about keys of one bucket.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) bucket: u16,
    pub(crate) cmd: Cmd,
    /// The script it runs, if it runs one.
    script: Option<&'static LuaScript>,
}

/// What is to be done with a server's reply.
#[derive(Debug)]
pub(crate) enum Reply {
    Value(Value),
    /// `NOSCRIPT`: send the command again with the script's text.
    ScriptMissing(&'static LuaScript),
    /// `MOVED` or `ASK`: send it to this node, behind `ASKING` if so.
    Redirect {
        host: String,
        port: u16,
        asking: bool,
    },
    /// `TRYAGAIN` or `CLUSTERDOWN`: send it again after a pause.
    TryAgain(RedisError),
    Error(RedisError),
}

impl Command {
    pub(crate) fn new(bucket: u16, cmd: Cmd) -> Self {
        Self { bucket, cmd, script: None }
    }

    /// A call of a script for so many keys. The caller appends the keys and then the arguments.
    pub(crate) fn script(bucket: u16, script: &'static LuaScript, keys: usize) -> Self {
        Self { bucket, cmd: script.evalsha(keys), script: Some(script) }
    }

    /// Returns what is to be done with the reply to this command.
    pub(crate) fn interpret(&self, reply: Value) -> Reply {
        let Value::ServerError(error) = reply else { return Reply::Value(reply) };
        let kind = error.kind();
        let error = RedisError::from(error);
        match (kind, self.script) {
            (Some(ServerError::NoScript), Some(script)) => Reply::ScriptMissing(script),
            (Some(ServerError::Moved | ServerError::Ask), _) => match error
                .redirect_node()
                .and_then(|(node, _)| parse_host_port(node))
            {
                Some((host, port)) => Reply::Redirect { host, port, asking: kind == Some(ServerError::Ask) },
                None => Reply::Error(error),
            },
            (Some(ServerError::TryAgain | ServerError::ClusterDown), _) => Reply::TryAgain(error),
            _ => Reply::Error(error),
        }
    }
}

/// Reads `host:port`, where the host may be empty.
fn parse_host_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    Some((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::parse_host_port;

    #[test]
    fn hosts_and_ports_are_read() {
        assert_eq!(parse_host_port("10.0.0.1:7000"), Some(("10.0.0.1".to_owned(), 7000)));
        assert_eq!(parse_host_port("[::1]:7000"), Some(("::1".to_owned(), 7000)));
        assert_eq!(parse_host_port("::1:7000"), Some(("::1".to_owned(), 7000)));
        assert_eq!(parse_host_port(":7000"), Some((String::new(), 7000)));
        assert_eq!(parse_host_port("host"), None);
    }
}
