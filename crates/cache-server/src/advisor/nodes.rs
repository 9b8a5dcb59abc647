//! What nodes share.

use cache_facade::config::BusCarrier;

use super::{Advice, Situation, access::is_public};

/// A bus has something to say where nodes share what they write. A node that only its own machine can reach is
/// most likely the only one.
pub(super) fn bus_alone(situation: &Situation<'_>) -> Option<Advice> {
    let settings = situation.settings;
    let carrier = match settings.cache.bus.by {
        Some(BusCarrier::Redis) => "redis",
        Some(BusCarrier::Postgres) => "postgres",
        Some(BusCarrier::Off) | None => return None,
    };
    (!is_public(&settings.service.listen)).then(|| {
        let text = format!(
            "bus.by is {carrier}, and listen is {}, which only this machine can reach: a node that is alone pays for each write with a \
             message that nobody hears, and for a lost bus with unproven memory; leave bus.by off (bus: {{by: off}}) unless several \
             nodes share {carrier}",
            settings.service.listen
        );
        Advice::new("bus.by", text)
    })
}

/// Without a bus a node serves what another has ended, for as long as its memory holds it.
pub(super) fn shared_without_bus(situation: &Situation<'_>) -> Option<Advice> {
    let cache = &situation.settings.cache;
    let shared: Vec<&str> = cache.shared_tiers().collect();
    (cache.bus.by == Some(BusCarrier::Off) && !shared.is_empty()).then(|| {
        let shared = shared.join(" and ");
        let text = format!(
            "bus.by is off, and {shared} may be shared: what another node writes or ends is served from memory here until its life is \
             over; leave bus.by out, so that {shared} carries the bus, unless this node is the only one"
        );
        Advice::new("bus.by", text)
    })
}
