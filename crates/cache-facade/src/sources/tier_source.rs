//! Tiers as a builder is given them: made already, or to be opened by the clock and the namespace of the cache.

use std::{fmt, sync::Arc};

use cache_core::{Bus, Clock, Error, ErrorKind, Lease, Result, Tier};

use crate::tier::guard::{Guard, GuardSettings};

/// The servers that can carry a bus and a lease, the first choice first.
const CARRIERS: &[&str] = &["redis", "postgres"];

/// The longest name of a topic: PostgreSQL takes no longer ones.
const MAX_TOPIC_LEN: usize = 63;

/// What a tier comes from.
pub(crate) trait TierSource: fmt::Debug + Send + Sync {
    /// The server that it is on, if that can carry a bus and a lease.
    fn server(&self) -> Option<&'static str> {
        None
    }

    /// The name and the clock of a tier that is there already.
    fn clock(&self) -> Option<(&'static str, &Clock)> {
        None
    }

    /// Returns the tier by `clock`; with a bus on `topic`, and with a lease, if these are wanted.
    fn open(self: Box<Self>, clock: &Clock, topic: Option<&str>, lease: bool) -> Result<OpenedTier>;
}

/// A tier, and what comes with it.
pub(crate) struct OpenedTier {
    pub(crate) tier: Arc<dyn Tier>,
    /// Whether it is this node's alone.
    pub(crate) local: bool,
    pub(crate) bus: Option<Arc<dyn Bus>>,
    pub(crate) lease: Option<Arc<dyn Lease>>,
}

/// A tier that is there already.
#[derive(Debug)]
pub(crate) struct GivenTier {
    pub(crate) tier: Arc<dyn Tier>,
    pub(crate) local: bool,
}

impl TierSource for GivenTier {
    fn clock(&self) -> Option<(&'static str, &Clock)> {
        Some((self.tier.name(), self.tier.clock()?))
    }

    fn open(self: Box<Self>, clock: &Clock, _: Option<&str>, _: bool) -> Result<OpenedTier> {
        let Self { tier, local } = *self;
        let tier = if tier.needs_guard() { guarded(tier, GuardSettings::default(), clock) } else { tier };
        Ok(OpenedTier { tier, local, bus: None, lease: None })
    }
}

/// Returns a tier in a guard on `clock`.
pub(crate) fn guarded(tier: impl Tier, settings: GuardSettings, clock: &Clock) -> Arc<dyn Tier> {
    Arc::new(Guard::new(tier, GuardSettings { clock: clock.clone(), ..settings }))
}

/// The tiers, the bus and the lease of a cache as they were given.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) tiers: Vec<Box<dyn TierSource>>,
    pub(crate) bus: Option<Arc<dyn Bus>>,
    pub(crate) lease: Option<Arc<dyn Lease>>,
    /// The first of these servers that there is carries the bus, if none is given.
    pub(crate) bus_carriers: &'static [&'static str],
    /// The same for the lease.
    pub(crate) lease_carriers: &'static [&'static str],
}

impl Default for Sources {
    fn default() -> Self {
        Self { tiers: Vec::new(), bus: None, lease: None, bus_carriers: CARRIERS, lease_carriers: CARRIERS }
    }
}

/// The tiers, the bus and the lease of a cache, all by one clock.
pub(crate) struct Opened {
    /// Each tier, and whether it is this node's alone.
    pub(crate) tiers: Vec<(Arc<dyn Tier>, bool)>,
    pub(crate) bus: Option<Arc<dyn Bus>>,
    pub(crate) lease: Option<Arc<dyn Lease>>,
}

impl Sources {
    /// Returns the one clock that `given` and all parts go by: the given one, else a part's, else the system's.
    ///
    /// # Errors
    ///
    /// `Config` if there are two.
    pub(crate) fn clock(&self, given: Option<Clock>) -> Result<Clock> {
        let tiers = self.tiers.iter().filter_map(|source| source.clock());
        let tiers = tiers.map(|(name, clock)| (format!("the tier {name:?}"), clock));
        let bus = self.bus.as_ref().and_then(|bus| Some((format!("the bus {:?}", bus.name()), bus.clock()?)));
        let lease = self.lease.as_ref();
        let lease = lease.and_then(|lease| Some((format!("the lease {:?}", lease.name()), lease.clock()?)));
        let mut one = given.map(|clock| ("the cache".to_owned(), clock));
        for (name, clock) in tiers.chain(bus).chain(lease) {
            match &one {
                None => one = Some((name, clock.clone())),
                Some((_, one)) if one.is_same(clock) => {}
                Some((other, _)) => {
                    let message = format!(
                        "{other} and {name} go by two clocks: make one, `let clock = Clock::system()`, and give a \
                         clone of it to each, and to the builder by `.clock(clock)`; `.redis(..)`, `.postgres(..)` \
                         and `.disk(..)` of the builder do so by themselves"
                    );
                    return Err(Error::new(ErrorKind::Config, "build", message));
                }
            }
        }
        Ok(one.map_or_else(Clock::system, |(_, clock)| clock))
    }

    /// Opens what is not yet open, by `clock`, and guards what needs it. The bus of a server has the topic of
    /// `namespace`.
    ///
    /// # Errors
    ///
    /// What a tier can't be opened for.
    pub(crate) fn open(self, clock: &Clock, namespace: Option<&str>) -> Result<Opened> {
        let servers: Vec<_> = self.tiers.iter().filter_map(|source| source.server()).collect();
        let first = |of: &[&'static str]| of.iter().copied().find(|server| servers.contains(server));
        let mut bus_on = first(self.bus_carriers).filter(|_| self.bus.is_none());
        let mut lease_on = first(self.lease_carriers).filter(|_| self.lease.is_none());
        let topic = topic(namespace);
        let mut opened =
            Opened { tiers: Vec::with_capacity(self.tiers.len()), bus: self.bus, lease: self.lease };
        for source in self.tiers {
            let server = source.server();
            let topic = bus_on.take_if(|on| server == Some(*on)).map(|_| topic.as_str());
            let lease = lease_on.take_if(|on| server == Some(*on)).is_some();
            let OpenedTier { tier, local, bus, lease } = source.open(clock, topic, lease)?;
            opened.tiers.push((tier, local));
            opened.bus = opened.bus.or(bus);
            opened.lease = opened.lease.or(lease);
        }
        Ok(opened)
    }
}

/// Returns the topic of the bus of a namespace: a name that every server takes. Two namespaces may share one,
/// since a node passes over messages of other namespaces than its own.
fn topic(namespace: Option<&str>) -> String {
    let Some(namespace) = namespace else { return "cache".to_owned() };
    let plain = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '_' };
    "cache_".chars().chain(namespace.chars().map(plain)).take(MAX_TOPIC_LEN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topic_follows_the_namespace_and_is_a_plain_name() {
        for (namespace, wanted) in [
            (None, "cache".to_owned()),
            (Some("md"), "cache_md".to_owned()),
            (Some("Größe-2"), "cache_gr__e_2".to_owned()),
            (Some(&*"x".repeat(100)), format!("cache_{}", "x".repeat(57))),
        ] {
            assert_eq!(topic(namespace), wanted);
        }
    }
}
