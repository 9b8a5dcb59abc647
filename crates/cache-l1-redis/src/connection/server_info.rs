//! What a server says of itself.

use cache_core::{Clock, Result};
use redis::{Pipeline, Value, aio::MultiplexedConnection, cmd, from_redis_value};

use crate::{connection::address::Address, error};

/// What a server said of itself when it was last asked. What it may not tell is unknown.
#[derive(Clone, Debug)]
pub(crate) struct ServerInfo {
    pub(crate) address: Address,
    /// A number of its own since it started.
    pub(crate) run_id: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) is_master: Option<bool>,
    pub(crate) eviction: Option<EvictionPolicy>,
    /// By how many microseconds its clock is ahead of ours, at most half a round trip off.
    pub(crate) clock_skew_micros: Option<i64>,
}

/// Which keys a server gives up when memory runs out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EvictionPolicy {
    pub(crate) name: String,
    /// Whether memory has a limit at all.
    pub(crate) has_memory_limit: bool,
}

impl EvictionPolicy {
    /// Whether it may give up keys of every sort.
    pub(crate) fn evicts_any_key(&self) -> bool {
        self.name.starts_with("allkeys-")
    }

    /// Whether it gives up only keys that have an expiry.
    pub(crate) fn evicts_only_expiring(&self) -> bool {
        self.name.starts_with("volatile-")
    }
}

/// Asks a server for what there is to know.
pub(crate) async fn query(
    connection: &mut MultiplexedConnection,
    address: &Address,
    clock: &Clock,
) -> Result<ServerInfo> {
    let mut questions = Pipeline::with_capacity(4);
    for question in [&["TIME"][..], &["ROLE"], &["INFO", "server"], &["INFO", "memory"]] {
        let mut command = cmd(question[0]);
        question[1..].iter().for_each(|word| {
            command.arg(word);
        });
        questions.add_command(command);
    }
    let before = clock.now();
    let answers = connection
        .send_packed_commands(&questions, 0, questions.len())
        .await
        .map_err(|error| error::classify("connect", address, error))?;
    let halfway = before.as_micros() + clock.now().since(before).as_micros() as i64 / 2;
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or(Value::Nil);
    let (time, role, server, memory) = (next(), next(), text(next()), text(next()));
    Ok(ServerInfo {
        address: address.clone(),
        run_id: field(&server, "run_id"),
        version: field(&server, "redis_version"),
        is_master: first_word(role).map(|role| role == "master"),
        eviction: field(&memory, "maxmemory_policy").map(|name| {
            let has_memory_limit = field(&memory, "maxmemory").is_some_and(|bytes| bytes != "0");
            EvictionPolicy { name, has_memory_limit }
        }),
        clock_skew_micros: micros(time).map(|server| server.saturating_sub(halfway)),
    })
}

fn text(answer: Value) -> String {
    from_redis_value(answer).unwrap_or_default()
}

fn field(info: &str, name: &str) -> Option<String> {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(|value| value.trim().to_owned());
    info.lines().find_map(value)
}

fn first_word(answer: Value) -> Option<String> {
    match answer {
        Value::Array(words) => from_redis_value(words.into_iter().next()?).ok(),
        _ => None,
    }
}

fn micros(time: Value) -> Option<i64> {
    let (seconds, micros): (i64, i64) = from_redis_value(time).ok()?;
    seconds.checked_mul(1_000_000)?.checked_add(micros)
}

#[cfg(test)]
mod tests {
    use super::{EvictionPolicy, field};

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let info = "# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:volatile-lru\r\n";
        assert_eq!(field(info, "maxmemory").as_deref(), Some("0"));
        assert_eq!(field(info, "maxmemory_policy").as_deref(), Some("volatile-lru"));
        assert_eq!(field(info, "max"), None);
    }

    #[test]
    fn policies_say_whom_they_take() {
        let takes = |policy: &str| {
            let eviction = EvictionPolicy { name: policy.to_owned(), has_memory_limit: true };
            (eviction.evicts_any_key(), eviction.evicts_only_expiring())
        };
        assert_eq!(takes("noeviction"), (false, false));
        assert_eq!(takes("allkeys-lfu"), (true, false));
        assert_eq!(takes("volatile-ttl"), (false, true));
    }
}
