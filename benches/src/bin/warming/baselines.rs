//! Simple warmers to compare with, on the same requests: the keys asked for most, by three counts.

use std::collections::HashMap;

use crate::{
    demand::{Asked, Demand},
    replay::{LIFE, Outcome},
};

const HOUR: u32 = 3600;
const DAY: u32 = 86_400;

/// What a simple warmer counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counted {
    /// All requests before.
    AllHistory,
    /// Those of the same hour of the day, in UTC, on earlier days.
    SameHour,
    /// Those of the last hour, today.
    LastHour,
}

impl Counted {
    pub(crate) const ALL: [Self; 3] = [Self::AllHistory, Self::SameHour, Self::LastHour];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AllHistory => "top-K all history",
            Self::SameHour => "top-K same hour, earlier days",
            Self::LastHour => "top-K last 60 min (today only)",
        }
    }
}

/// Fetches at each boundary of a life the `most` keys that were asked for most, whatever is fresh.
pub(crate) fn replay(demand: &Demand, counted: Counted, most: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut all, mut by_hour) = (vec![0_u64; demand.keys.len()], HashMap::<u32, Vec<u64>>::new());
    let none = vec![0; demand.keys.len()];
    let mut seen = 0;
    let mut learn = |until: u32, all: &mut Vec<u64>, by_hour: &mut HashMap<u32, Vec<u64>>, days: bool| {
        while let Some(asked) = demand.asked.get(seen).filter(|asked| asked.at < until) {
            all[asked.key as usize] += 1;
            if days {
                by_hour.entry(asked.at % DAY / HOUR).or_insert_with(|| none.clone())[asked.key as usize] += 1;
            }
            seen += 1;
        }
    };
    for day in demand.scored() {
        let midnight = day[0].at / DAY * DAY;
        learn(midnight, &mut all, &mut by_hour, true);
        let mut alive = vec![0_u32; demand.keys.len()];
        let mut unread = vec![false; demand.keys.len()];
        let mut next = day[0].at / LIFE * LIFE;
        let mut today = all.clone();
        let mut counted_to = 0;
        for asked in day {
            while next <= asked.at {
                while counted_to < day.len() && day[counted_to].at < next {
                    today[day[counted_to].key as usize] += 1;
                    counted_to += 1;
                }
                let recent;
                let counts: &[u64] = match counted {
                    Counted::AllHistory => &today,
                    Counted::SameHour => by_hour.get(&(next % DAY / HOUR)).unwrap_or(&none),
                    Counted::LastHour => {
                        recent = within(day, next.saturating_sub(HOUR), next, demand.keys.len());
                        &recent
                    }
                };
                let mut top: Vec<usize> = (0..counts.len()).filter(|key| counts[*key] > 0).collect();
                top.sort_unstable_by_key(|key| std::cmp::Reverse((counts[*key], *key)));
                for key in top.into_iter().take(most) {
                    alive[key] = next + LIFE;
                    unread[key] = true;
                    outcome.warmed += 1;
                    outcome.keys += 1;
                }
                next += LIFE;
            }
            let key = asked.key as usize;
            outcome.requests += 1;
            if alive[key] > asked.at {
                outcome.hits += 1;
                outcome.read += u64::from(std::mem::take(&mut unread[key]));
            } else {
                alive[key] = asked.at + LIFE;
                outcome.keys += 1;
                unread[key] = false;
            }
        }
    }
    outcome
}

fn within(day: &[Asked], from: u32, until: u32, keys: usize) -> Vec<u64> {
    let mut counts = vec![0; keys];
    let from = day.partition_point(|asked| asked.at < from);
    for asked in day[from..].iter().take_while(|asked| asked.at < until) {
        counts[asked.key as usize] += 1;
    }
    counts
}
