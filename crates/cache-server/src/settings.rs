//! All that can be set, typed, and what follows from it.

mod checks;
mod lives;
mod provider;
mod sections;

use std::time::Duration;

use cache_facade::config::{CacheConfig, Faults, Section, Setting, Values};
use cache_market::TtlRules;
use market_calendar::Calendars;
use market_data::{ProviderSettings, Replay};

use cache_core::Result;

use crate::{calendar, upstream};

pub use provider::{ProviderEntry, ProviderKind};
pub use sections::{
    BatchSection, CalendarsSection, GraceSection, LimitsSection, ProvidersSection, ReplaySection,
    ServiceSection, TtlSection, WarmingSection,
};

/// What a list of providers may look like.
pub(crate) const PROVIDERS: &str = "\
providers:
  - name: first
    kind: yahoo
    priority: 0
    quota: {per_second: 2, per_minute: 60, per_day: 2000}
    retries: 1
    timeout_ms: 5000
    breaker_failures: 5
    breaker_pause_ms: 30000
  - name: second
    kind: alpha_vantage
    priority: 1
    key: {env: ALPHA_VANTAGE_KEY}
    data: [price, ohlcv]
    markets: [XNYS, XNAS]
    options: {full: true}
  - name: files
    kind: csv
    priority: 2
    options: {folder: ./bars, faults: skip}
";

/// All that can be set.
///
/// ```
/// use cache_server::Settings;
///
/// let settings = Settings::default();
/// assert_eq!(settings.service.listen, "127.0.0.1:8080");
/// assert_eq!(settings.rules(), cache_market::TtlRules::default());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The service itself.
    pub service: ServiceSection,
    /// What clients and loads may take.
    pub limits: LimitsSection,
    /// Memory, the disk, and what is shared with other nodes.
    pub cache: CacheConfig,
    /// How long data are fresh.
    pub ttl: TtlSection,
    /// Until what age data may stand in.
    pub grace: GraceSection,
    /// Trading calendars.
    pub calendars: CalendarsSection,
    /// Where data come from.
    pub providers: ProvidersSection,
    /// How recorded days are replayed.
    pub replay: ReplaySection,
    /// Loading ahead of demand.
    pub warming: WarmingSection,
    /// Updates in batches.
    pub batch: BatchSection,
}

impl Section for Settings {
    fn settings() -> Vec<Setting> {
        [
            CacheConfig::settings(),
            ServiceSection::settings(),
            LimitsSection::settings(),
            TtlSection::settings(),
            GraceSection::settings(),
            CalendarsSection::settings(),
            ProvidersSection::settings(),
            ReplaySection::settings(),
            WarmingSection::settings(),
            BatchSection::settings(),
        ]
        .concat()
    }

    fn read(values: &Values) -> Self {
        Self {
            service: Section::read(values),
            limits: Section::read(values),
            cache: Section::read(values),
            ttl: Section::read(values),
            grace: Section::read(values),
            calendars: Section::read(values),
            providers: Section::read(values),
            replay: Section::read(values),
            warming: Section::read(values),
            batch: Section::read(values),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::read(&Values::default())
    }
}

impl Settings {
    /// Notes what does not go together.
    pub(crate) fn check(&self, values: &Values, faults: &mut Faults) {
        self.cache.check(values, faults);
        if let Err(why) = self.rules().check() {
            faults.add(&values.origin("ttl.rules"), format_args!("ttl.rules: {why}"));
        }
        if let Err(why) = self.calendars() {
            faults.add(&values.origin("calendars.file"), why);
        }
        upstream::check(&self.providers.providers, &values.origin("providers"), faults);
        let mut names: Vec<&str> = Vec::new();
        for provider in &self.providers.providers {
            if names.contains(&provider.name()) {
                let what = format!("providers has two of the name {:?}: give each its own", provider.name());
                faults.add(&values.origin("providers"), what);
            }
            names.push(provider.name());
        }
    }

    /// How long data live, by kind, type of asset and phase of the market.
    #[must_use]
    pub fn rules(&self) -> TtlRules {
        lives::rules(&self.ttl, &self.grace)
    }

    /// When markets trade, with what the configured file says.
    ///
    /// # Errors
    ///
    /// `Config` for a file that can't be read, with its line.
    pub fn calendars(&self) -> Result<Calendars> {
        calendar::with_file(self.calendars.file.as_deref())
    }

    /// How the replay is treated that is asked if no providers are configured. A load is tried but once, and
    /// again when its throttle is over: the provider is left alone no longer than that.
    #[must_use]
    pub fn treatment(&self) -> ProviderSettings {
        ProviderSettings {
            timeout_ms: self.limits.load_timeout_ms,
            retries: 0,
            breaker_pause_ms: self.limits.throttle_ms.max(1),
            ..ProviderSettings::default()
        }
    }

    /// How recorded days are replayed.
    #[must_use]
    pub fn replay(&self) -> Replay {
        Replay {
            latency: Duration::from_millis(self.replay.latency_ms),
            max_batch: self.replay.batch as usize,
            calls_per_second: self.replay.rate,
            failure_rate: self.replay.failure_rate,
            seed: self.replay.seed,
            ..Replay::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_documentation() {
        let settings = Settings::default();
        assert_eq!(settings.service.listen, "127.0.0.1:8080");
        assert_eq!(settings.rules(), TtlRules::default());
        assert_eq!(settings.replay(), Replay::default());
    }

    #[test]
    fn no_two_settings_share_a_key_a_variable_or_a_flag() {
        let settings = Settings::settings();
        let mut names: Vec<&str> = settings.iter().map(|setting| setting.key).collect();
        names.extend(settings.iter().flat_map(|setting| setting.traits.variables));
        names.extend(settings.iter().filter_map(|setting| setting.traits.flag));
        // A setting at the top may be called like its flag.
        names.retain(|name| name.contains(['.', '-']) || name.to_uppercase() == **name);
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn every_default_passes_its_own_check() {
        for profile in ["development", "production"] {
            let mut reading = cache_facade::config::Reading::of(Settings::settings());
            reading.file("profile", &format!("profile: {profile}"));
            let (values, _) = reading.finish().unwrap();
            let mut again = cache_facade::config::Reading::of(Settings::settings());
            again.file("printed", &values.to_yaml(&Settings::settings()));
            let (again, warnings) = again.finish().unwrap();
            assert_eq!(Settings::read(&again), Settings::read(&values));
            assert!(warnings.is_empty());
        }
    }
}
