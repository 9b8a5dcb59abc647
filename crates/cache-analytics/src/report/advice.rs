//! Advice: what the figures say should be changed, each with its evidence.

use serde::Serialize;

use super::{
    numbers::Summary,
    trial::Trials,
    whole::{KindReport, Report},
};
use crate::recorder::{
    cause::{MissCause, MissCauses},
    surroundings::ProviderFigures,
};

/// From when on something is worth advice.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct AdviceThresholds {
    /// The least reads, refreshes or keys of a kind that prove anything. Default: 100.
    pub least: u64,
    /// The lowest hit rate of all kinds together. Default: 0.7.
    pub hit_rate: f64,
    /// The lowest hit rate of a kind. Default: 0.6.
    pub hit_rate_of_kind: f64,
    /// The longest that 99 of 100 reads may wait which memory could not answer, in milliseconds. Default: 100.
    pub p99_ms: f64,
    /// The most misses of what memory had and had no room for. Default: 100.
    pub evicted: u64,
    /// The largest share of refreshes that bring the same value again. Default: 0.8.
    pub unchanged: f64,
    /// The largest share of answers that are outdated though they are fresh. Default: 0.1.
    pub outdated: f64,
    /// The largest share of keys that fail. Default: 0.05.
    pub failing: f64,
    /// The largest share of calls that providers are not asked for, as for a quota that is used up. Default: 0.01.
    pub refused: f64,
}

impl Default for AdviceThresholds {
    fn default() -> Self {
        Self {
            least: 100,
            hit_rate: 0.7,
            hit_rate_of_kind: 0.6,
            p99_ms: 100.0,
            evicted: 100,
            unchanged: 0.8,
            outdated: 0.1,
            failing: 0.05,
            refused: 0.01,
        }
    }
}

/// What to look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Topic {
    /// Too few reads are answered without a source.
    HitRate,
    /// Reads that memory can't answer wait too long.
    Waits,
    /// Memory is too small.
    MemoryTooSmall,
    /// Values live shorter than they need.
    LifeTooShort,
    /// Values live longer than they are right.
    LifeTooLong,
    /// The source fails.
    SourceFails,
    /// The hit rate is not as usual.
    HitRateUnusual,
    /// Memory holds what nobody reads again.
    Pollution,
    /// Warming makes more calls than it saves.
    WarmingCosts,
    /// A provider is not asked, as for a quota that is used up.
    ProviderRefuses,
}

impl Topic {
    /// Returns its place in the order of advice: first that reads fail, then causes, last what they show in.
    fn rank(self) -> u8 {
        match self {
            Self::SourceFails => 0,
            Self::ProviderRefuses => 1,
            Self::MemoryTooSmall => 2,
            Self::LifeTooLong => 3,
            Self::LifeTooShort => 4,
            Self::Pollution => 5,
            Self::WarmingCosts => 6,
            Self::HitRateUnusual => 7,
            Self::HitRate => 8,
            Self::Waits => 9,
        }
    }
}

/// One piece of advice.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Advice {
    /// What to look into.
    pub topic: Topic,
    /// The kind that it is about; `None` for all together.
    pub kind: Option<String>,
    /// What was measured, and what to do.
    pub text: String,
}

impl Report {
    /// Returns what the figures since the start say should be changed, causes before what they show in; nothing
    /// where too little was asked to tell.
    #[must_use]
    pub fn advice(&self, thresholds: &AdviceThresholds) -> Vec<Advice> {
        let mut advice: Vec<Advice> = Vec::new();
        let Summary { reads, hit_rate, .. } = self.since_start;
        if let Some(rate) = hit_rate.filter(|rate| reads >= thresholds.least && *rate < thresholds.hit_rate) {
            let text = format!(
                "{} of {reads} reads are hits, where {} are wanted: see each kind",
                percent(rate),
                percent(thresholds.hit_rate)
            );
            advice.push(Advice { topic: Topic::HitRate, kind: None, text });
        }
        advice.extend(self.advice_on_all(thresholds).map(|(topic, text)| Advice { topic, kind: None, text }));
        for kind in &self.kinds {
            let found = kind.advice(thresholds, self.trials.as_ref()).into_iter();
            advice.extend(found.map(|(topic, text)| Advice { topic, kind: Some(kind.kind.clone()), text }));
        }
        // Stable: of one topic, what is about all kinds together comes first.
        advice.sort_by_key(|advice| advice.topic.rank());
        advice
    }

    /// Returns what is about no kind by itself.
    fn advice_on_all(&self, thresholds: &AdviceThresholds) -> impl Iterator<Item = (Topic, String)> {
        let unusual = self.trend.filter(|trend| trend.is_unusual).map(|trend| {
            let (now, usual) = (percent(trend.now), percent(trend.usual));
            let text = format!(
                "{now} of the reads of this hour are hits, where {usual} are usual ({:+.1} standard deviations): see what \
                 changed, and the causes of misses",
                trend.deviations
            );
            (Topic::HitRateUnusual, text)
        });
        let warming =
            self.saved_by_warming.filter(|saved| saved.unsigned_abs() >= thresholds.least && *saved < 0);
        let warming = warming.map(|saved| {
            let text =
                format!("warming made {} calls more than it saved: let it fetch less", saved.unsigned_abs());
            (Topic::WarmingCosts, text)
        });
        let refuses = self.providers.iter().filter(|provider| {
            let wanted = provider.calls + provider.refused;
            wanted >= thresholds.least && provider.refused as f64 / wanted as f64 > thresholds.refused
        });
        let refuses = refuses.map(|provider| {
            let why = if provider.has_quota {
                "for its quota is used up or it failed: let values live longer, fill calls, or raise the quota"
            } else {
                "for it failed or asked for a pause: see its last failure"
            };
            let ProviderFigures { name, calls, refused, .. } = provider;
            let text = format!("{name} was not asked {refused} of {} times, {why}", calls + refused);
            (Topic::ProviderRefuses, text)
        });
        let refuses: Vec<_> = refuses.collect();
        unusual.into_iter().chain(warming).chain(refuses)
    }
}

impl KindReport {
    fn advice(&self, thresholds: &AdviceThresholds, trials: Option<&Trials>) -> Vec<(Topic, String)> {
        let mut advice = Vec::new();
        let all = &self.since_start;
        let memory = self.sources.iter().find(|source| source.name == "memory");
        let misses = memory.map(|memory| memory.misses).unwrap_or_default();
        if let Some(rate) = all.hit_rate
            && all.reads >= thresholds.least
            && rate < thresholds.hit_rate_of_kind
        {
            let wanted = percent(thresholds.hit_rate_of_kind);
            let why = main_cause(&misses);
            let text =
                format!("{} of {} reads are hits, where {wanted} are wanted{why}", percent(rate), all.reads);
            advice.push((Topic::HitRate, text));
        }
        if self.waits.count >= thresholds.least && self.waits.p99 > thresholds.p99_ms {
            let text = format!(
                "1 of 100 reads that memory can't answer waits for {:.0} ms or more (calls: {:.0} ms): serve stale values \
                 meanwhile (a grace and a soft timeout), refresh before lives end (eager), or fetch beforehand",
                self.waits.p99, self.calls.p99
            );
            advice.push((Topic::Waits, text));
        }
        if misses.evicted > thresholds.evicted {
            let text = format!(
                "{} of {} misses of memory were of values that had given way to others: give memory more room{}",
                misses.evicted,
                misses.total(),
                trials.map(|trials| format!(" (tried: {})", trials.budgets_text())).unwrap_or_default()
            );
            advice.push((Topic::MemoryTooSmall, text));
        }
        if let (Some(unchanged), Some(outdated)) = (all.unchanged, all.estimated_outdated)
            && all.refreshes >= thresholds.least
        {
            let refreshes = all.refreshes;
            let tried = trials.and_then(|trials| trials.lives_text(&self.kind));
            let tried = tried.map(|tried| format!(" (tried: {tried})")).unwrap_or_default();
            if outdated > thresholds.outdated {
                let (changed, outdated) = (percent(1.0 - unchanged), percent(outdated));
                let text = format!(
                    "{changed} of {refreshes} refreshes brought another value, so about {outdated} of the answers that are \
                     fresh by their life are outdated: let values live shorter{tried}"
                );
                advice.push((Topic::LifeTooLong, text));
            } else if unchanged > thresholds.unchanged {
                let (unchanged, outdated) = (percent(unchanged), percent(outdated));
                let text = format!(
                    "{unchanged} of {refreshes} refreshes brought the same value again, and about {outdated} of the answers \
                     are outdated: values can live longer{tried}"
                );
                advice.push((Topic::LifeTooShort, text));
            }
        }
        if self.pollution.is_polluted {
            let text = format!(
                "about {} of about {:.0} entries were read once at most while memory held them (about {:.0} never): warm and put less that \
                 nobody asks for, or let it live shorter",
                percent(self.pollution.estimated_share.unwrap_or_default()),
                self.pollution.estimated_entries,
                self.pollution.estimated_never_read
            );
            advice.push((Topic::Pollution, text));
        }
        let failing = all.failed_keys as f64 / all.called_keys.max(1) as f64;
        if all.called_keys >= thresholds.least && failing > thresholds.failing {
            let text = format!(
                "{} of {} keys could not be loaded, and {} of {} calls failed: look into the source, and into what is asked of it",
                percent(failing),
                all.called_keys,
                all.failed_calls,
                all.calls
            );
            advice.push((Topic::SourceFails, text));
        }
        advice
    }
}

/// Returns why most reads missed, and what helps.
fn main_cause(misses: &MissCauses) -> String {
    let Some((cause, count)) = misses.each().into_iter().max_by_key(|(_, count)| *count) else {
        return String::new();
    };
    let remedy = match cause {
        MissCause::Expired | MissCause::Stale => {
            "let values live longer, or refresh them before their lives end"
        }
        MissCause::Evicted => "give memory more room",
        MissCause::NeverThere => "fetch beforehand what is likely to be asked for",
        MissCause::Invalidated | MissCause::Replaced | MissCause::InputsChanged => {
            "invalidate less at once, or softly"
        }
        MissCause::Refused => "allow larger values, or store smaller ones",
        MissCause::Unproven => "look into the bus between the nodes",
        MissCause::Unreadable => "look into the codec, and the schema version",
        MissCause::TooOld => "let calls take older values, or refresh them before they are too old for those",
        MissCause::NotAsked => "let memory take part",
    };
    if count == 0 {
        String::new()
    } else {
        format!("; most misses of memory are {cause} ({count}): {remedy}")
    }
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}
