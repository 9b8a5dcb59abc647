//! All settings of the service, typed, and the checks across them.

mod data_folder;
pub(crate) mod own_kinds;
mod provider;
mod sections;
mod tls;
mod ttl_rules;
mod validators;
mod warming;

use std::time::Duration;

use cache_analytics::MOST_KEY_GROUPS;
use cache_config::{ConfigErrors, ConfigReader, Origin, Section, Setting, Values, shortened};
use cache_core::{Clock, Error, ErrorKind, Result};
use cache_facade::{
    Cache,
    config::{CacheConfig, reader},
};
use cache_market::TtlRules;
use market_calendar::Calendars;
use market_data::{ProviderSettings, Replay};

use crate::{
    app::providers,
    cli::{ReadCalendars, read_calendars},
    log::likely_typos,
    otlp,
};

pub use own_kinds::{OwnKindEntry, OwnLife, OwnSpan};
pub(crate) use provider::KEY_FORM;
pub use provider::{ProviderEntry, ProviderKind};
pub use sections::{
    AnalyticsSection, CalendarsSection, GraceSection, LimitsSection, OwnKindsSection, ProvidersSection,
    ReplaySection, ServiceSection, TracingSection, TtlSection,
};
pub(crate) use tls::CERTIFICATE;
pub use tls::{ServerCertificate, TlsSection};
pub use warming::{BatchSection, WarmingSchedule, WarmingSection};

/// An example of the setting `providers`.
pub(crate) const PROVIDERS_SAMPLE: &str = "\
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

/// All settings.
///
/// ```
/// use cache_server::Settings;
///
/// let settings = Settings::default();
/// assert_eq!(settings.service.listen, "127.0.0.1:8080");
/// assert_eq!(settings.ttl_rules(), cache_market::TtlRules::default());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The service itself.
    pub service: ServiceSection,
    /// What is told of reads besides metrics.
    pub analytics: AnalyticsSection,
    /// TLS for clients.
    pub tls: TlsSection,
    /// Limits on connections and loads.
    pub limits: LimitsSection,
    /// The cache: memory, disk, shared tiers, bus and lease.
    pub cache: CacheConfig,
    /// How long data are fresh.
    pub ttl: TtlSection,
    /// Until what age stale data may be served.
    pub grace: GraceSection,
    /// Trading calendars.
    pub calendars: CalendarsSection,
    /// The providers of data.
    pub providers: ProvidersSection,
    /// The kinds of values that an application keeps by itself.
    pub own_kinds: OwnKindsSection,
    /// Spans, and the traces of callers.
    pub tracing: TracingSection,
    /// The replay of recorded days.
    pub replay: ReplaySection,
    /// Loading keys before they are asked for.
    pub warming: WarmingSection,
    /// Sending updates in batches.
    pub batch: BatchSection,
}

impl Section for Settings {
    fn settings() -> Vec<Setting> {
        [
            CacheConfig::settings(),
            ServiceSection::settings(),
            TlsSection::settings(),
            AnalyticsSection::settings(),
            LimitsSection::settings(),
            TtlSection::settings(),
            GraceSection::settings(),
            CalendarsSection::settings(),
            ProvidersSection::settings(),
            OwnKindsSection::settings(),
            TracingSection::settings(),
            ReplaySection::settings(),
            WarmingSection::settings(),
            BatchSection::settings(),
        ]
        .concat()
    }

    fn from_values(values: &Values) -> Self {
        Self {
            service: Section::from_values(values),
            tls: Section::from_values(values),
            analytics: Section::from_values(values),
            limits: Section::from_values(values),
            cache: Section::from_values(values),
            ttl: Section::from_values(values),
            grace: Section::from_values(values),
            calendars: Section::from_values(values),
            providers: Section::from_values(values),
            own_kinds: Section::from_values(values),
            tracing: Section::from_values(values),
            replay: Section::from_values(values),
            warming: Section::from_values(values),
            batch: Section::from_values(values),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::from_values(&Values::default())
    }
}

impl Settings {
    /// Returns a reader of all settings.
    #[must_use]
    pub fn reader() -> ConfigReader {
        reader(Self::settings())
    }

    /// Adds to `errors` what can't hold together, each with its origin, and returns the calendars that were read.
    pub(crate) fn check(&self, values: &Values, errors: &mut ConfigErrors) -> Option<ReadCalendars> {
        self.cache.check(values, errors);
        // Of what is left of refused rules nothing is said that the whole may not deserve.
        if !values.is_refused("ttl.rules")
            && let Err(why) = self.ttl_rules().check()
        {
            errors.add(&values.origin("ttl.rules"), format_args!("ttl.rules: {why}"));
        }
        if let Err(why) = validators::address(&self.service.listen) {
            let listen = shortened(&self.service.listen);
            errors.add(&values.origin("listen"), format_args!("listen is {listen:?}: {why}"));
        }
        self.tls.check(values, errors);
        let groups = self.analytics.key_groups.len();
        if groups > MOST_KEY_GROUPS {
            let origin = values.origin("analytics.key_groups");
            errors.add(
                &origin,
                format_args!("analytics.key_groups has {groups} patterns: give {MOST_KEY_GROUPS} at most"),
            );
        }
        self.check_export(values, errors);
        providers::check(&self.providers.providers, values, errors);
        own_kinds::check(&self.own_kinds.own_kinds, self.limits.max_value(), values, errors);
        let calendars = read_calendars(self.calendars.file.as_deref());
        let origin = values.origin("calendars.file");
        calendars.map_err(|faults| faults.into_iter().for_each(|fault| errors.add(&origin, fault))).ok()
    }

    /// Refuses a collector where the export isn't built in. What all programs are told by a variable is no setting
    /// of this one: see [`Settings::warnings`].
    fn check_export(&self, values: &Values, errors: &mut ConfigErrors) {
        let (Some(why), Some(_)) = (otlp::refusal(), &self.tracing.otlp_endpoint) else { return };
        let origin = values.origin("tracing.otlp_endpoint");
        if origin != Origin::Variable(otlp::STANDARD_VARIABLE) {
            errors.add(&origin, format_args!("tracing.otlp_endpoint can't be used: {why}"));
        }
    }

    /// Returns what is told of settings that hold, and may not be what was meant.
    pub(crate) fn warnings(&self, values: &Values) -> Vec<String> {
        let origin = values.origin("log");
        let mut warnings: Vec<String> =
            likely_typos(&self.service.log).iter().map(|typo| format!("{origin}: {typo}")).collect();
        if let (Some(why), Some(_)) = (otlp::refusal(), &self.tracing.otlp_endpoint) {
            let origin = values.origin("tracing.otlp_endpoint");
            warnings.push(format!("{origin}: no spans are exported, since {why}"));
        }
        warnings
    }

    /// Adds to `errors` what else would stop a start: API keys and folders that aren't there, servers whose
    /// certificates can't be read. Nothing is asked over the network. Returns the certificate of the service.
    pub(crate) fn check_start(
        &self,
        values: &Values,
        errors: &mut ConfigErrors,
    ) -> Option<ServerCertificate> {
        providers::open_all(&self.providers.providers, values, &Clock::system(), errors);
        if let Err(why) = data_folder::check(&self.cache.disk.dir) {
            errors.add(&values.origin("disk.dir"), why);
        }
        if !["redis.", "postgres.", "bus."].iter().any(|section| values.is_refused(section))
            && let Err(why) = self.cache.share(Cache::builder())
        {
            let key = if self.cache.redis.url.is_some() && why.to_string().contains("edis") {
                "redis.url"
            } else {
                "postgres.url"
            };
            errors.add(&values.origin(key), format_args!("{key} can't be used: {why}"));
        }
        self.tls.read(values, errors)
    }

    /// Returns the TTL rules: how long data are fresh, by kind, type of asset and phase of the market.
    #[must_use]
    pub fn ttl_rules(&self) -> TtlRules {
        ttl_rules::ttl_rules(&self.ttl, &self.cache.lives, &self.grace)
    }

    /// Returns the calendars of all markets, with the days of the configured file.
    ///
    /// # Errors
    ///
    /// `Config` if the file can't be read or has invalid lines, with their numbers.
    pub fn calendars(&self) -> Result<Calendars> {
        let calendars = read_calendars(self.calendars.file.as_deref());
        let error = |faults: Vec<String>| Error::new(ErrorKind::Config, "calendar", faults.join("\n"));
        calendars.map(|read| read.calendars).map_err(error)
    }

    /// Returns the registry's settings of the replay that serves if no providers are configured. A load is tried
    /// once; the breaker pauses no longer than the throttle does.
    #[must_use]
    pub fn replay_provider_settings(&self) -> ProviderSettings {
        ProviderSettings {
            timeout_ms: self.limits.load_timeout_ms,
            retries: 0,
            breaker_pause_ms: self.limits.throttle_ms.max(1),
            ..ProviderSettings::default()
        }
    }

    /// Returns how recorded days are replayed.
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
        assert_eq!(settings.ttl_rules(), TtlRules::default());
        assert_eq!(settings.replay(), Replay::default());
    }

    #[test]
    fn no_two_settings_share_a_key_a_variable_or_a_flag() {
        let settings = Settings::settings();
        let mut names: Vec<&str> = settings.iter().map(|setting| setting.key).collect();
        names.extend(settings.iter().flat_map(|setting| setting.spec.variables));
        names.extend(settings.iter().filter_map(|setting| setting.spec.flag));
        // A top-level setting may have the name of its flag.
        names.retain(|name| name.contains(['.', '-']) || name.to_uppercase() == **name);
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn every_default_passes_its_own_check() {
        for profile in ["development", "production"] {
            let mut reader = Settings::reader();
            reader.yaml("profile", &format!("profile: {profile}"));
            let (values, _) = reader.finish().unwrap();
            let mut again = Settings::reader();
            again.yaml("printed", &values.to_yaml(&Settings::settings()));
            let (again, warnings) = again.finish().unwrap();
            assert_eq!(Settings::from_values(&again), Settings::from_values(&values));
            assert!(warnings.is_empty());
        }
    }
}
