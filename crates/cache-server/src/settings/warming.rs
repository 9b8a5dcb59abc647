//! The sections of warming and of batched updates, and when to warm by the clock.

use std::fmt;

use cache_config::{section, setting};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};

use super::validators;

/// Symbols that are asked for wherever stocks are, the replay's among them.
const POPULAR: [&str; 30] = [
    "AAPL", "MSFT", "GOOG", "AMZN", "NVDA", "META", "TSLA", "JPM", "BAC", "V", "MA", "UNH", "JNJ", "PG",
    "KO", "PEP", "XOM", "CVX", "WMT", "HD", "DIS", "INTC", "GE", "T", "BABA", "NFLX", "AMD", "ORCL", "CSCO",
    "IBM",
];

section! {
    /// Loading keys before they are asked for.
    pub struct WarmingSection("warming.", _profile) {
        /// Whether values are loaded before they are asked for, and the history of what is asked for survives a
        /// restart.
        enabled: bool = true,
            setting().reloadable().env(&["CACHE_WARMING_ENABLED"]),
        /// The symbols whose quotes are loaded at the start, unless they are fresh. Those that no provider offers
        /// are left out.
        popular: Vec<String> = POPULAR.map(str::to_owned).into(),
            setting().list().validate(validators::symbol).env(&["CACHE_WARMING_POPULAR"]),
        /// When the keys that are asked for most are loaded, in UTC: hours of the day, such as 0,6,12,18, or a
        /// cron expression, such as '30 13 * * MON-FRI'. Empty: never.
        schedule: WarmingSchedule = WarmingSchedule::Hours(vec![0, 6, 12, 18]),
            setting().validate(validators::schedule).env(&["CACHE_WARMING_SCHEDULE"]),
        /// The time between two looks for keys that will likely be asked for and are stale, or soon will be.
        interval: u64 = 300,
            setting().unit("s").range(1.0..=86_400.0).env(&["CACHE_WARMING_INTERVAL"]),
        /// How many calls to a provider a call that nobody waits for yet must be expected to save.
        plan: f64 = 2.0,
            setting().range(0.1..=1000.0).env(&["CACHE_WARMING_PLAN"]),
        /// Of how many keys it is remembered what is asked for within seconds after them, to be loaded when they
        /// are asked for: 100 bytes each. 0: of none, and nothing is loaded for that reason.
        together: u32 = 1000,
            setting().range(0.0..=1_000_000.0).env(&["CACHE_WARMING_TOGETHER"]),
        /// For how long after the opening of the New York market what is stale is loaded, what is asked for most
        /// first, with nine tenths of what quotas leave. 0: not at all.
        opening_bell: u64 = 0,
            setting().unit("s").range(0.0..=3600.0).env(&["CACHE_WARMING_OPENING_BELL"]),
        /// Whether the free places of calls are filled with what will likely be asked for next.
        fill: bool = true,
            setting().env(&["CACHE_WARMING_FILL"]),
        /// How many keys warming asks for at once, at most. A provider may allow fewer; what is asked for in the
        /// same moment shares a call.
        batch_size: u32 = 50,
            setting().range(1.0..=10_000.0).env(&["CACHE_WARMING_BATCH_SIZE"]),
        /// How many calls a run of warming makes at once.
        max_concurrent: u32 = 5,
            setting().range(1.0..=1000.0).env(&["CACHE_WARMING_MAX_CONCURRENT"]),
        /// How long refreshes of values that are near the end of their life wait for others, to go in few calls.
        /// 0: not at all.
        refresh_window_ms: u64 = 2000,
            setting().reloadable().unit("ms").range(0.0..=60_000.0).env(&["CACHE_WARMING_REFRESH_WINDOW_MS"]),
        /// How long a start may take to bring what was asked for most before it into memory, from disk and the
        /// shared tiers. 0: not at all.
        start_timeout_ms: u64 = 4000,
            setting().unit("ms").range(0.0..=600_000.0).env(&["CACHE_WARMING_START_TIMEOUT_MS"]),
        /// How often the history of what is asked for is stored, besides at a stop.
        save_interval: u64 = 60,
            setting().unit("s").range(1.0..=86_400.0).env(&["CACHE_WARMING_SAVE_INTERVAL"]),
    }
}

section! {
    /// Sending updates in batches.
    pub struct BatchSection("batch.", _profile) {
        /// Whether updates can be scheduled, to be sent in batches.
        enabled: bool = true,
            setting().reloadable().env(&["CACHE_BATCH_ENABLED"]),
        /// How many updates a batch has. A provider may allow fewer.
        size: u32 = 50,
            setting().range(1.0..=10_000.0).env(&["CACHE_BATCH_SIZE"]),
        /// How long an update that may go waits for its batch to be full.
        interval: u64 = 60,
            setting().unit("s").range(1.0..=86_400.0).env(&["CACHE_BATCH_INTERVAL"]),
        /// The hours of the day in which updates of low and normal priority go in small batches too, in New York
        /// time.
        low_load_hours: Vec<u8> = (0..=6).collect(),
            setting().list().validate(validators::hour).env(&["CACHE_LOW_LOAD_HOURS"]),
    }
}

/// When to warm by the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WarmingSchedule {
    /// At these hours of the day.
    Hours(Vec<u8>),
    /// By a cron expression of five fields.
    Cron(String),
}

impl WarmingSchedule {
    /// Returns it as an expression; `None` for never.
    #[must_use]
    pub fn expression(&self) -> Option<String> {
        match self {
            Self::Hours(hours) if hours.is_empty() => None,
            Self::Hours(hours) => Some(hours.iter().map(u8::to_string).collect::<Vec<_>>().join(",")),
            Self::Cron(text) => Some(text.clone()),
        }
    }
}

impl Serialize for WarmingSchedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Hours(hours) => hours.serialize(serializer),
            Self::Cron(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for WarmingSchedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HoursOrCron)
    }
}

/// Whether a text means that nothing is warmed by the clock: an empty list, as it is written in a file.
pub(super) fn is_never(text: &str) -> bool {
    matches!(text.trim(), "" | "[]")
}

struct HoursOrCron;

impl<'de> Visitor<'de> for HoursOrCron {
    type Value = WarmingSchedule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hours, such as 0,6,12,18, or a cron expression, such as \"30 13 * * MON-FRI\"")
    }

    /// Nothing, as by an empty variable.
    fn visit_unit<E: Error>(self) -> Result<WarmingSchedule, E> {
        Ok(WarmingSchedule::Hours(Vec::new()))
    }

    fn visit_u64<E: Error>(self, hour: u64) -> Result<WarmingSchedule, E> {
        self.visit_str(&hour.to_string())
    }

    fn visit_i64<E: Error>(self, hour: i64) -> Result<WarmingSchedule, E> {
        self.visit_str(&hour.to_string())
    }

    /// What can't be a schedule is refused by the validator, which says more.
    fn visit_str<E: Error>(self, text: &str) -> Result<WarmingSchedule, E> {
        if is_never(text) {
            return self.visit_unit();
        }
        let hours = text.split(',').map(str::trim).filter(|hour| !hour.is_empty());
        let hours: Result<Vec<u8>, _> = hours.map(str::parse).collect();
        Ok(hours.map_or_else(|_| WarmingSchedule::Cron(text.trim().to_owned()), WarmingSchedule::Hours))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<WarmingSchedule, A::Error> {
        let mut hours = Vec::new();
        while let Some(hour) = items.next_element()? {
            hours.push(hour);
        }
        Ok(WarmingSchedule::Hours(hours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn read(text: &str) -> WarmingSchedule {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_schedule_is_a_list_of_hours_a_text_of_hours_or_a_cron_expression() {
        for hours in ["[0, 6]", "\"0,6\"", "\" 0, 6 \""] {
            assert_eq!(read(hours), WarmingSchedule::Hours(vec![0, 6]), "{hours}");
        }
        assert_eq!(read("6").expression().unwrap(), "6");
        for never in ["\"\"", "[]", "\"[]\"", "null"] {
            assert_eq!(read(never).expression(), None, "{never}");
        }
        let cron = read("\"30 13 * * MON-FRI\"");
        assert_eq!(cron.expression().unwrap(), "30 13 * * MON-FRI");
        assert_eq!(serde_json::to_string(&cron).unwrap(), "\"30 13 * * MON-FRI\"");
    }

    #[test]
    fn never_can_be_said_wherever_settings_are_read_from() {
        for text in ["", "[]", ","] {
            for by_flag in [true, false] {
                let mut reader = Settings::reader();
                match by_flag {
                    true => reader.flag("--set", "warming.schedule", text),
                    false => reader.env([("CACHE_WARMING_SCHEDULE", text)]),
                }
                let (values, _) = reader.finish().unwrap();
                let schedule: WarmingSchedule = values.get("warming.schedule").unwrap();
                assert_eq!(schedule.expression(), None, "{text:?}");
            }
        }
    }

    #[test]
    fn rule_75_what_is_no_schedule_and_no_symbol_is_refused_with_the_remedy() {
        let refused = |text: &str| {
            let mut reader = Settings::reader();
            reader.yaml("file", text);
            reader.finish().unwrap_err().to_string()
        };
        for (text, why) in [
            ("warming: {schedule: '24'}", "give hours from 0 to 23"),
            ("warming: {schedule: [0, 24]}", "give hours from 0 to 23"),
            ("warming: {schedule: soon}", "a cron expression of five fields"),
            ("warming: {schedule: '61 * * * *'}", "a cron expression of five fields"),
            ("warming: {popular: ['']}", "give symbols"),
        ] {
            assert!(refused(text).contains(why), "{text}: {}", refused(text));
        }
    }
}
