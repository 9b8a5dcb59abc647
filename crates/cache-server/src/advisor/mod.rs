//! The start-up advisor: combinations of settings that work, but bite. One rule, one function.
//!
//! A rule looks at the settings, and at what is known of the machine, which it is given. It says what it saw, with
//! the value, what will come of it, and what to change.

mod access;
mod capacity;
mod lives;
mod machine;
mod nodes;
mod quotas;

#[cfg(test)]
mod tests;

use cache_config::Values;

pub(crate) use self::machine::Machine;
use crate::settings::Settings;

/// What a rule found: the setting to change first, and what to say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Advice {
    key: &'static str,
    text: String,
}

impl Advice {
    fn new(key: &'static str, text: impl Into<String>) -> Self {
        Self { key, text: text.into() }
    }
}

/// What rules look at.
struct Situation<'a> {
    settings: &'a Settings,
    machine: &'a Machine,
}

type Rule = fn(&Situation<'_>) -> Option<Advice>;

const RULES: [(&str, Rule); 12] = [
    ("a public address without a token", access::no_token),
    ("a token that goes over the network unencrypted", access::token_without_tls),
    ("a certificate that is over, or soon will be", access::certificate_ends),
    ("memory above the container's limit", capacity::memory_above_limit),
    ("a disk budget above the free space", capacity::disk_above_free),
    ("a disk smaller than memory", capacity::disk_below_memory),
    ("a grace shorter than a load may take", lives::grace_below_timeout),
    ("quotes that are never kept", lives::life_of_nothing),
    ("a bus without another node to hear", nodes::bus_alone),
    ("shared tiers without a bus", nodes::shared_without_bus),
    ("lives that the quota can't refresh", quotas::life_below_quota),
    ("a load that ends before its provider's retries", quotas::timeout_below_retries),
];

/// Returns what is to be said of settings that hold together, and bite: the setting to change first, and the text,
/// with the origin of the setting.
pub(crate) fn advise(settings: &Settings, values: &Values, machine: &Machine) -> Vec<(&'static str, String)> {
    let situation = Situation { settings, machine };
    let advice = RULES.iter().filter_map(|(_, rule)| rule(&situation));
    advice.map(|Advice { key, text }| (key, format!("{}: {text}", values.origin(key)))).collect()
}
