//! The settings of a connection to Redis.

use std::{ops::RangeInclusive, time::Duration};

use cache_core::{Error, ErrorKind, Pattern, Result, Secret};

use crate::connection::{
    address::{Address, Login, ParsedUrl},
    connect::Connector,
    tls::TlsSettings,
};

/// Where Redis is, and how to connect to it. `Debug` shows no passwords and no private keys.
///
/// ```
/// use std::time::Duration;
/// use cache_l1_redis::RedisConfig;
///
/// let one = RedisConfig::single("redis://app:secret@cache.example/2")?.namespace("shop");
/// let many = RedisConfig::cluster(["redis://10.0.0.1", "redis://10.0.0.2"])?.connections(2);
/// let watched = RedisConfig::sentinel(["redis://10.0.0.1:26379", "redis://10.0.0.2:26379"], "mymaster")?
///     .login(None, "secret")
///     .response_timeout(Duration::from_millis(200));
/// # Ok::<(), cache_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RedisConfig {
    pub(crate) topology: Topology,
    pub(crate) login: Login,
    pub(crate) tls: TlsSettings,
    pub(crate) connections: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) reconnect: RangeInclusive<Duration>,
    pub(crate) keepalive: Duration,
    pub(crate) namespace: String,
    pub(crate) compress_above: usize,
    pub(crate) protected: Vec<Pattern>,
    pub(crate) longest_load: Duration,
    pub(crate) name: &'static str,
}

/// One server, a Cluster of which some nodes are known, or a master that sentinels know.
#[derive(Clone, Debug)]
pub(crate) enum Topology {
    Single(Address),
    Cluster(Vec<Address>),
    Sentinel { sentinels: Vec<Address>, login: Login, master: String },
}

impl TryFrom<&str> for RedisConfig {
    type Error = Error;

    /// As [`RedisConfig::parse`].
    fn try_from(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<&String> for RedisConfig {
    type Error = Error;

    /// As [`RedisConfig::parse`].
    fn try_from(text: &String) -> Result<Self> {
        Self::parse(text)
    }
}

impl RedisConfig {
    /// Configures one server: `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS (feature
    /// `tls`), or a socket as `unix:///path[?user=…&pass=…&db=…]`. Special characters in a password are written
    /// `%XX`.
    ///
    /// # Errors
    ///
    /// `Config` if the URL can't be read, or asks for TLS and the feature is off. The error does not repeat it.
    pub fn single(url: &str) -> Result<Self> {
        let url = ParsedUrl::parse(url)?;
        Ok(Self::new(Topology::Single(url.address), url.login))
    }

    /// Configures a Redis Cluster, found through any of these nodes. The first user and password in the URLs
    /// are used for all nodes.
    ///
    /// # Errors
    ///
    /// `Config` if there is no URL, one can't be read, or one names a database: a Cluster has none.
    pub fn cluster<U: AsRef<str>>(urls: impl IntoIterator<Item = U>) -> Result<Self> {
        Self::from_nodes(parse_urls(urls)?)
    }

    /// Configures the master that sentinels know under the name `master`. User and password in the first URL
    /// are the sentinels'; the master's are set by [`RedisConfig::login`]. A database in the first URL is the
    /// master's. With `rediss://` the master is spoken to by TLS as well.
    ///
    /// # Errors
    ///
    /// `Config` if there is no URL, or one can't be read.
    pub fn sentinel<U: AsRef<str>>(urls: impl IntoIterator<Item = U>, master: &str) -> Result<Self> {
        Self::from_sentinels(parse_urls(urls)?, master)
    }

    /// Reads a list of URLs separated by commas, as from an environment variable. One URL is a server, and
    /// several are nodes of a Cluster. With `?master=name` behind the last they are sentinels; with
    /// `?cluster=true` a single URL is a node of a Cluster.
    ///
    /// ```
    /// use cache_l1_redis::RedisConfig;
    ///
    /// let config = RedisConfig::parse("redis://10.0.0.1:26379,redis://10.0.0.2:26379?master=mymaster")?;
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Config` if the text is none of these.
    pub fn parse(text: &str) -> Result<Self> {
        let mut urls = parse_urls(text.split(',').filter(|part| !part.trim().is_empty()))?;
        match urls.iter().rev().find_map(|url| url.master.clone()) {
            Some(master) => Self::from_sentinels(urls, &master),
            None if urls.len() == 1 && !urls[0].cluster => {
                let url = urls.remove(0);
                Ok(Self::new(Topology::Single(url.address), url.login))
            }
            None => Self::from_nodes(urls),
        }
    }

    fn from_nodes(urls: Vec<ParsedUrl>) -> Result<Self> {
        if urls.iter().any(|url| url.login.database != 0) {
            return Err(refused("a Redis Cluster has no databases: leave the number out of its URLs"));
        }
        let login = urls.iter().map(|url| url.login.clone()).find(|login| login.password.is_some());
        let topology = Topology::Cluster(urls.into_iter().map(|url| url.address).collect());
        Ok(Self::new(topology, login.unwrap_or_default()))
    }

    fn from_sentinels(urls: Vec<ParsedUrl>, master: &str) -> Result<Self> {
        if master.is_empty() {
            return Err(refused("the master's name is empty: give the name that the sentinels know it by"));
        }
        let first = urls[0].login.clone();
        let master_login = Login { database: first.database, ..Login::default() };
        let sentinels = urls.into_iter().map(|url| url.address).collect();
        let login = Login { database: 0, ..first };
        Ok(Self::new(Topology::Sentinel { sentinels, login, master: master.to_owned() }, master_login))
    }

    fn new(topology: Topology, login: Login) -> Self {
        Self {
            topology,
            login,
            tls: TlsSettings::default(),
            connections: 1,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_millis(500),
            reconnect: Duration::from_millis(50)..=Duration::from_secs(1),
            keepalive: Duration::from_secs(5),
            namespace: String::new(),
            compress_above: 1 << 10,
            protected: Vec::new(),
            longest_load: Duration::from_secs(60),
            name: "redis",
        }
    }

    /// Sets the ACL user, or the default one for `None`, and the password.
    #[must_use]
    pub fn login(mut self, user: Option<&str>, password: &str) -> Self {
        self.login.user = user.map(str::to_owned);
        self.login.password = Some(Secret::from(password));
        self
    }

    /// Sets the password, in place of the URL's; with sentinels the master's.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.login.password = Some(Secret::from(password));
        self
    }

    /// Sets the number of the database, in place of the URL's.
    ///
    /// # Errors
    ///
    /// `Config` for a number above 0 with a Cluster, which has no databases.
    pub fn database(mut self, number: u16) -> Result<Self> {
        if number > 0 && matches!(self.topology, Topology::Cluster(_)) {
            return Err(refused("a Redis Cluster has no databases: leave the number out"));
        }
        self.login.database = number;
        Ok(self)
    }

    /// Sets how many connections are kept to each server, 1 to 16. Default 1: each carries any number of
    /// calls at once, and a second one only helps once one core can't write them fast enough.
    #[must_use]
    pub fn connections(mut self, count: usize) -> Self {
        self.connections = count;
        self
    }

    /// Sets how long connecting may take, TLS and login included. Default 1 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long the reply to a command is waited for. Default 500 ms.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Sets the limits of the pause between two attempts to connect. The limit doubles from the first to the
    /// last, and each pause is a random part of it. Default 50 ms to 1 s.
    #[must_use]
    pub fn reconnect(mut self, range: RangeInclusive<Duration>) -> Self {
        self.reconnect = range;
        self
    }

    /// Sets how often each connection is checked, and so how long a dead one may go unnoticed. Default 5 s.
    #[must_use]
    pub fn keepalive(mut self, every: Duration) -> Self {
        self.keepalive = every;
        self
    }

    /// Sets a prefix of all names on the server, followed by a `:`. Default empty: a cache's own namespace
    /// is part of its keys already.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.namespace);
        self
    }

    /// Sets the length in bytes above which values are compressed, if that makes them shorter. Default
    /// 1 KiB; `usize::MAX` for never.
    #[must_use]
    pub fn compress_above(mut self, bytes: usize) -> Self {
        self.compress_above = bytes;
        self
    }

    /// Adds keys that the server should never evict, besides the cache's own. Under a `volatile-*` policy,
    /// which evicts only keys with an expiry, they are stored without one.
    #[must_use]
    pub fn protect(mut self, keys: impl IntoIterator<Item = Pattern>) -> Self {
        self.protected.extend(keys);
        self
    }

    /// Sets how long a load may take at most. Default 60 s, as for a region. A server that was restarted or
    /// replaced may have lost removals: for this long after noticing it, a tier stores nothing that was born
    /// before.
    #[must_use]
    pub fn longest_load(mut self, duration: Duration) -> Self {
        self.longest_load = duration;
        self
    }

    /// Sets the tier's name in statistics. Default `redis`.
    #[must_use]
    pub fn name(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Checks all that can be checked without a server, as [`Redis::new`](crate::Redis::new) does.
    ///
    /// # Errors
    ///
    /// `Config` for settings out of range, and for certificates that can't be read.
    pub fn check(&self) -> Result<()> {
        self.validate()?;
        Connector::new(self, &self.login).map(drop)
    }

    pub(crate) fn validate(&self) -> Result<()> {
        if !(1..=16).contains(&self.connections) {
            let message = format!("connections is {}, it must be 1 to 16", self.connections);
            return Err(refused(&message));
        }
        let durations = [
            ("connect_timeout", self.connect_timeout),
            ("response_timeout", self.response_timeout),
            ("keepalive", self.keepalive),
            ("the shortest pause of reconnect", *self.reconnect.start()),
        ];
        if let Some((what, _)) = durations.iter().find(|(_, duration)| *duration < Duration::from_millis(1)) {
            return Err(refused(&format!("{what} is below 1 ms, the minimum")));
        }
        if self.reconnect.is_empty() {
            return Err(refused(&format!(
                "reconnect is {:?}, from longer to shorter: give the shorter pause first",
                self.reconnect
            )));
        }
        if self.namespace.contains(|char: char| "{}".contains(char) || char.is_control()) {
            let message =
                format!("the namespace {:?} must not hold braces or control characters", self.namespace);
            return Err(refused(&message));
        }
        Ok(())
    }

    /// Returns whether any server is spoken to by TLS.
    pub(crate) fn wants_tls(&self) -> bool {
        match &self.topology {
            Topology::Single(address) => address.is_tls(),
            Topology::Cluster(addresses) | Topology::Sentinel { sentinels: addresses, .. } => {
                addresses.iter().any(Address::is_tls)
            }
        }
    }
}

fn parse_urls<U: AsRef<str>>(urls: impl IntoIterator<Item = U>) -> Result<Vec<ParsedUrl>> {
    let urls = urls.into_iter().map(|url| ParsedUrl::parse(url.as_ref())).collect::<Result<Vec<_>>>()?;
    if urls.is_empty() {
        return Err(refused("there is no Redis URL: give one, such as redis://127.0.0.1:6379"));
    }
    Ok(urls)
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Config, "connect", why)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RedisConfig, Topology};

    #[test]
    fn a_list_of_urls_tells_the_topology() {
        let topology = |text| RedisConfig::parse(text).unwrap().topology;
        assert!(matches!(topology("redis://a"), Topology::Single(_)));
        assert!(matches!(topology("redis://a?cluster=true"), Topology::Cluster(nodes) if nodes.len() == 1));
        assert!(matches!(topology("redis://a, redis://b,"), Topology::Cluster(nodes) if nodes.len() == 2));
        let Topology::Sentinel { sentinels, master, .. } = topology("redis://a,redis://b?master=one") else {
            panic!("sentinels")
        };
        assert!(sentinels.len() == 2 && master == "one");
    }

    #[test]
    fn logins_are_for_the_servers_or_for_the_sentinels() {
        let cluster = RedisConfig::parse("redis://:secret@a,redis://b").unwrap();
        assert!(cluster.login.password.is_some());
        let watched = RedisConfig::sentinel(["redis://:secret@a/2"], "one").unwrap();
        let Topology::Sentinel { login, .. } = &watched.topology else { panic!("sentinels") };
        assert!(login.password.is_some() && login.database == 0);
        assert!(watched.login.password.is_none() && watched.login.database == 2);
        assert!(watched.login(None, "other").login.password.is_some());
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = RedisConfig::single("redis://app:hunter2@cache").unwrap();
        let shown = format!("{config:?}");
        assert!(shown.contains("app") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let one = || RedisConfig::single("redis://cache").unwrap();
        let whys = [
            (one().connections(0), "connections is 0"),
            (one().response_timeout(Duration::ZERO), "response_timeout is below"),
            (one().reconnect(Duration::from_secs(2)..=Duration::from_secs(1)), "from longer to shorter"),
            (one().namespace("a{b"), "braces"),
        ];
        for (config, why) in whys {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        assert!(one().check().is_ok());
        for text in ["", "redis://a/1,redis://b", "redis://a?master="] {
            assert!(RedisConfig::parse(text).is_err(), "{text}");
        }
    }
}
