//! The scenarios by their names.

use clap::ValueEnum;

/// One load test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Scenario {
    /// 1,000 reads at once over 100 keys.
    Reads,
    /// The same, answered by each tier behind memory.
    ReadsTier,
    /// 1,000 reads at once of 1,000 keys, answered by each tier behind memory: no two share a call.
    ReadsDistinct,
    /// 1,000 writes at once of as many keys.
    Writes,
    /// 1,000 at once over 100 keys: 800 reads, 200 writes.
    Mixed,
    /// 5,000 reads at once over 500 keys.
    Stress,
    /// The same, answered by each tier behind memory.
    StressTier,
    /// Reads of 100 keys in one call.
    GetMany,
    /// The same, answered by each tier behind memory.
    GetManyTier,
    /// Writes of 100 keys in one call.
    PutMany,
    /// 1,000 reads at once of 15 symbols, through an empty cache to a provider that takes 50 ms.
    HitRateCold,
    /// The same, after warming has loaded the symbols.
    HitRateWarm,
    /// Reads at a fixed rate: the highest one at which 99 of 100 are answered in time.
    OpenLoop,
    /// The same, answered by the first tier behind memory.
    OpenLoopTier,
}

/// What a client over HTTP can't have, and why.
const FOR_CACHES_ALONE: &str = "no request makes a service pass its memory over";
const FOR_OWN_PROVIDERS: &str = "it would spend the quotas of the providers that the service has";

impl Scenario {
    /// Returns the name, as `--only` takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::ReadsTier => "reads-tier",
            Self::ReadsDistinct => "reads-distinct",
            Self::Writes => "writes",
            Self::Mixed => "mixed",
            Self::Stress => "stress",
            Self::StressTier => "stress-tier",
            Self::GetMany => "get-many",
            Self::GetManyTier => "get-many-tier",
            Self::PutMany => "put-many",
            Self::HitRateCold => "hit-rate-cold",
            Self::HitRateWarm => "hit-rate-warm",
            Self::OpenLoop => "open-loop",
            Self::OpenLoopTier => "open-loop-tier",
        }
    }

    /// Returns those that were asked for, in their order; all, if none was.
    pub(crate) fn chosen(only: &[Self]) -> Vec<Self> {
        let is_chosen = |scenario: &Self| only.is_empty() || only.contains(scenario);
        Self::value_variants().iter().copied().filter(is_chosen).collect()
    }

    /// Returns why a service over HTTP can't be loaded so; `None` if it can.
    pub(crate) fn left_out_over_http(self) -> Option<&'static str> {
        match self {
            Self::ReadsTier
            | Self::ReadsDistinct
            | Self::StressTier
            | Self::GetManyTier
            | Self::OpenLoopTier => Some(FOR_CACHES_ALONE),
            Self::HitRateCold | Self::HitRateWarm => Some(FOR_OWN_PROVIDERS),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name() {
        for scenario in Scenario::value_variants() {
            assert_eq!(Scenario::from_str(scenario.name(), false), Ok(*scenario));
        }
    }

    #[test]
    fn the_order_is_not_that_of_the_arguments() {
        let chosen = Scenario::chosen(&[Scenario::OpenLoop, Scenario::Reads]);
        assert_eq!(chosen, [Scenario::Reads, Scenario::OpenLoop]);
        assert_eq!(Scenario::chosen(&[]).len(), 14);
    }
}
