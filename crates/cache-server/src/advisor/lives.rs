//! How long values live, against how long it takes to have others.

use std::time::Duration;

use cache_market::{Life, Scope};
use market_calendar::Phase;
use market_data::DataType;

use super::{Advice, Situation};

/// The kinds whose grace is a setting, with its name.
const GRACES: [(&str, DataType); 2] = [("grace.price", DataType::Price), ("grace.ohlcv", DataType::Ohlcv)];

/// In grace a value is served while another is loaded. One that is over sooner leaves readers waiting.
pub(super) fn grace_below_timeout(situation: &Situation<'_>) -> Option<Advice> {
    let (settings, rules) = (situation.settings, situation.settings.ttl_rules());
    let timeout = Duration::from_millis(settings.limits.load_timeout_ms);
    let given = |key: &str| match key {
        "grace.price" => settings.grace.price,
        _ => settings.grace.ohlcv,
    };
    GRACES.iter().find_map(|(key, data)| {
        let until = given(key)?;
        let scope = Scope::all(*data);
        let life = match rules.life(scope, Phase::Open) {
            Life::For(life) => life,
            _ => return None,
        };
        let grace = rules.grace(scope, life).saturating_sub(life);
        (grace < timeout).then(|| {
            let text = format!(
                "{key} is {until} s, and {data} lives {} s while its market is open: it is served stale for {} s, less than \
                 limits.load_timeout_ms, which is {}: readers wait for a slow provider, or fail with it; give {key} {} at least",
                life.as_secs(),
                grace.as_secs(),
                timeout.as_millis(),
                (life + timeout).as_secs_f64().ceil()
            );
            Advice::new(key, text)
        })
    })
}

/// A life of zero means that each request is a call.
pub(super) fn life_of_nothing(situation: &Situation<'_>) -> Option<Advice> {
    (situation.settings.ttl.price == Some(0)).then(|| {
        let text = "ttl.price is 0: no quote is ever kept, and each request for one is a call to a provider; give the seconds \
                    that a quote may be old, such as 5";
        Advice::new("ttl.price", text)
    })
}
