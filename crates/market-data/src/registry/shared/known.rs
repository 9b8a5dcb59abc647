//! What a node knows of a shared quota between two looks at it.

use std::{collections::VecDeque, time::Duration};

use cache_core::{Error, Timestamp};

use super::{
    ledger::{HOLD, Ledger, Limit, MAX_VALID, Memory, Refusal, Shares},
    share::NodeShare,
};
use crate::registry::{
    gate::{NotAdmitted, span_name},
    usage::QuotaReport,
};

/// How long a granted call may take to go out, at first.
const FIRST_VALID: Duration = Duration::from_millis(500);

/// What a node knows, by its own clock that never goes back.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) memory: Option<Memory>,
    pub(super) share: NodeShare,
    /// How long a call may take to go out. Longer if the store is slow: it counts for so much longer.
    pub(super) valid: Duration,
    least_valid: Duration,
    /// Calls that were granted, by the moments at which they have to be out.
    granted: VecDeque<Timestamp>,
    /// Until when none is granted, and why.
    refused: Option<NotAdmitted>,
    pub(super) nodes: usize,
    pub(super) reports: Vec<QuotaReport>,
    /// Since when the store can't be reached by the wall clock, and why.
    pub(super) unreachable: Option<(Timestamp, Error)>,
    /// All calls there were, where nobody else counts, and when that was so.
    pub(super) alone: Option<(Ledger, Timestamp)>,
}

/// What a look at the record has told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) outcome: Result<u32, Refusal>,
    pub(super) valid: Duration,
    pub(super) shares: Shares,
    pub(super) wanted: Shares,
    /// Whether the share was confirmed.
    pub(super) confirmed: bool,
    pub(super) nodes: usize,
    pub(super) memory: Memory,
    pub(super) reports: Vec<QuotaReport>,
    pub(super) alone: Option<(Ledger, Timestamp)>,
    pub(super) failed: Option<Error>,
}

impl Known {
    pub(super) fn new(limits: &[Limit]) -> Self {
        let shortest = limits.iter().map(|(_, span)| *span).min().unwrap_or(MAX_VALID);
        let valid = (shortest / 10).min(FIRST_VALID);
        let reports = limits.iter().map(|(limit, span)| QuotaReport {
            limit: *limit,
            span: *span,
            left: *limit,
            runs_out_in: None,
        });
        Self {
            memory: None,
            share: NodeShare::default(),
            valid,
            least_valid: valid,
            granted: VecDeque::new(),
            refused: None,
            nodes: 1,
            reports: reports.collect(),
            unreachable: None,
            alone: None,
        }
    }

    /// Takes a call that was granted, or one of the share when no other is to be had. Returns `None` if the store
    /// has to be asked.
    pub(super) fn at_hand(&mut self, limits: &[Limit], now: Timestamp) -> Option<Result<(), NotAdmitted>> {
        while let Some(until) = self.granted.pop_front() {
            if now < until {
                return Some(Ok(()));
            }
        }
        let refused = match (&self.unreachable, &self.refused) {
            // It is counted in memory, and written once that is possible.
            (Some(_), _) if self.alone.is_some() => {
                self.refused.clone().filter(|refused| now < refused.until)?
            }
            (Some(_), _) => {
                let why = "its calls can't be counted, and this node has no more of them".to_owned();
                NotAdmitted { until: now.after(super::LOOK_EVERY), why }
            }
            (None, Some(refused)) if now < refused.until => refused.clone(),
            (None, _) => return None,
        };
        Some(match self.share.take(limits, now) {
            Ok(()) => Ok(()),
            Err(until) => {
                Err(NotAdmitted { until: until.unwrap_or(refused.until).min(refused.until), ..refused })
            }
        })
    }

    /// Takes in what a look has told that began when `sent` was.
    pub(super) fn learn(&mut self, told: Told, sent: Timestamp, now: Timestamp) {
        self.memory = Some(told.memory);
        let mut shares = told.shares;
        // It lets go of what is too much at once, and says so with its next look.
        shares.iter_mut().zip(told.wanted).for_each(|(held, wanted)| *held = (*held).min(wanted));
        self.share.set(shares, told.confirmed.then(|| sent.after(HOLD)));
        (self.nodes, self.reports, self.alone) = (told.nodes, told.reports, told.alone);
        match told.outcome {
            Ok(0) => {}
            Ok(calls) => {
                let until = sent.after(told.valid);
                self.granted.extend((0..calls).map(|_| until));
                self.refused = None;
                self.valid = match now < until {
                    true if now.since(sent) < told.valid / 8 => (self.valid / 2).max(self.least_valid),
                    true => self.valid,
                    false => (self.valid * 2).min(MAX_VALID),
                };
            }
            Err(refusal) => {
                let why = match refusal.limit {
                    Some((limit, span)) => {
                        format!("its quota of {limit} calls a {} is used up", span_name(span))
                    }
                    None => "it is being checked whether calls were forgotten".to_owned(),
                };
                self.refused = Some(NotAdmitted { until: now.after(refusal.wait), why });
            }
        }
    }
}
