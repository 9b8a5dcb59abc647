//! What a server says of itself: its run id, version, role, eviction policy and clock.

use cache_core::{Clock, Result, Timestamp};
use redis::{Pipeline, Value, aio::MultiplexedConnection, cmd, from_redis_value};

use crate::{connection::address::Address, error};

/// Nodes that have Redis and PostgreSQL go by the time of Redis.
const CLOCK_RANK: u8 = 0;

/// What a server said of itself. A field is `None` if the user of the connection may not ask for it.
#[derive(Clone, Debug)]
pub(crate) struct ServerInfo {
    pub(crate) address: Address,
    /// Changes whenever the server starts.
    pub(crate) run_id: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) is_master: Option<bool>,
    pub(crate) is_loading: bool,
    pub(crate) eviction: Option<EvictionPolicy>,
    /// By how many microseconds the server's clock is ahead of ours, accurate to half a round trip.
    pub(crate) clock_skew_micros: Option<i64>,
}

/// Which keys a server evicts when its memory is full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EvictionPolicy {
    pub(crate) name: String,
    /// Whether `maxmemory` is set: without it nothing is evicted.
    pub(crate) has_memory_limit: bool,
}

impl EvictionPolicy {
    /// Returns whether it may evict any key.
    pub(crate) fn evicts_any_key(&self) -> bool {
        self.name.starts_with("allkeys-")
    }

    /// Returns whether it evicts only keys that have an expiry.
    pub(crate) fn evicts_only_expiring(&self) -> bool {
        self.name.starts_with("volatile-")
    }
}

/// Asks a server for what there is to know. Fails if the connection does, but not if the server refuses to tell.
pub(crate) async fn query(
    connection: &mut MultiplexedConnection,
    address: &Address,
    clock: &Clock,
) -> Result<ServerInfo> {
    let mut commands = Pipeline::with_capacity(5);
    for words in
        [&["TIME"][..], &["ROLE"], &["INFO", "server"], &["INFO", "memory"], &["INFO", "persistence"]]
    {
        let mut command = cmd(words[0]);
        words[1..].iter().for_each(|word| {
            command.arg(word);
        });
        commands.add_command(command);
    }
    let before = clock.now();
    let replies = connection
        .send_packed_commands(&commands, 0, commands.len())
        .await
        .map_err(|error| error::classify("connect", address, error))?;
    let halfway = before.as_micros() + clock.now().since(before).as_micros() as i64 / 2;
    let mut replies = replies.into_iter();
    let mut next = || replies.next().unwrap_or(Value::Nil);
    let (time, role, server, memory) = (next(), next(), text(next()), text(next()));
    let persistence = text(next());
    Ok(ServerInfo {
        address: address.clone(),
        run_id: field(&server, "run_id"),
        version: field(&server, "redis_version"),
        is_master: first_word(role).map(|role| role == "master"),
        is_loading: field(&persistence, "loading").is_some_and(|loading| loading != "0"),
        eviction: field(&memory, "maxmemory_policy").map(|name| {
            let has_memory_limit = field(&memory, "maxmemory").is_some_and(|bytes| bytes != "0");
            EvictionPolicy { name, has_memory_limit }
        }),
        clock_skew_micros: micros(time).map(|server| server.saturating_sub(halfway)),
    })
}

/// Asks a server for its role and its time, and has the clock follow that. Returns whether it is a master; `None`
/// if it may not say.
pub(crate) async fn query_role(
    connection: &mut MultiplexedConnection,
    address: &Address,
    clock: &Clock,
) -> Result<Option<bool>> {
    let mut commands = Pipeline::with_capacity(2);
    commands.cmd("TIME").cmd("ROLE");
    let asked = clock.steady();
    let replies = connection
        .send_packed_commands(&commands, 0, commands.len())
        .await
        .map_err(|error| error::classify("connect", address, error))?;
    let mut replies = replies.into_iter();
    let time = replies.next().and_then(micros);
    if let Some(time) = time.filter(|_| clock.follows_servers()) {
        clock.synchronise(CLOCK_RANK, asked, Timestamp::from_micros(time));
    }
    Ok(replies.next().and_then(first_word).map(|role| role == "master"))
}

fn text(reply: Value) -> String {
    from_redis_value(reply).unwrap_or_default()
}

fn field(info: &str, name: &str) -> Option<String> {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(|value| value.trim().to_owned());
    info.lines().find_map(value)
}

fn first_word(reply: Value) -> Option<String> {
    match reply {
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
    fn policies_tell_which_keys_they_evict() {
        let evicts = |policy: &str| {
            let eviction = EvictionPolicy { name: policy.to_owned(), has_memory_limit: true };
            (eviction.evicts_any_key(), eviction.evicts_only_expiring())
        };
        assert_eq!(evicts("noeviction"), (false, false));
        assert_eq!(evicts("allkeys-lfu"), (true, false));
        assert_eq!(evicts("volatile-ttl"), (false, true));
    }
}
