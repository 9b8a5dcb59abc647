//! Reads at a fixed rate, higher and higher, until some come too late.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use super::{KEYS, Load};
use crate::{
    measure::{
        open_loop::{Schedule, Step, open_loop},
        tally::{Fault, Outcome, Tally, What},
    },
    report::row::{Measured, OpenLoopRow, Row, StepRow},
    scenario::Scenario,
    subject::Subject,
};

/// How long what is under way is waited for after a rate that was too high.
const DRAIN: Duration = Duration::from_secs(5);
/// How long a subject has to come back to itself after a rate that was too high.
const RECOVERY: Duration = Duration::from_secs(15);

impl Load<'_> {
    pub(super) async fn open_loop(&self, scenario: Scenario, subject: &Subject) -> Result<Row> {
        let keys = self.options.scaled(KEYS);
        let limit_ms = self.options.limit_ms;
        let (faults_before, mut search) = (self.tier_faults(), self.options.search());
        let (mut steps, mut best, mut lowest, mut wrong) = (Vec::new(), None, None, Vec::new());
        while let Some(rate) = search.next() {
            self.progress.say(format!("{}: {rate:.0}/s", scenario.name()));
            if let Err(error) = self.settle(subject).await {
                lowest = Some(failed(error)?);
                break;
            }
            let schedule = Schedule { rate, span: self.options.step(), drain: DRAIN };
            let step = self.step(subject, schedule, keys).await?;
            let holds = step.holds(limit_ms);
            search.note(rate, holds);
            steps.push(StepRow::new(rate, &step, holds));
            if step.tally.wrong() > 0 {
                wrong.push(step.tally.clone());
            }
            if holds && search.found() == Some(rate) {
                best = Some((step.tally, step.took));
            } else if best.is_none() {
                lowest = Some(step.tally);
            }
        }
        // Errors above the rate that is borne are no errors: the search looks for them. A wrong value always
        // is one, and if no rate is borne, so are those of the lowest.
        let took = best.as_ref().map(|(_, took)| *took).into_iter().collect();
        let mut tally = match (best, lowest) {
            (Some((best, _)), _) => best,
            (None, Some(lowest)) => lowest,
            (None, None) => Tally::new()?,
        };
        for wrong in wrong {
            tally.add(wrong)?;
        }
        let highest_rate = search.found();
        let tier_faults = self.tier_faults().since(&faults_before);
        let row = Row::new(scenario, &tally, Measured { at_once: 0, keys, took, tier_faults });
        let step_seconds = self.options.step_seconds;
        Ok(row.of_open_loop(OpenLoopRow::new(limit_ms, step_seconds, highest_rate, steps)))
    }

    async fn step(&self, subject: &Subject, schedule: Schedule, keys: usize) -> Result<Step> {
        let subject = subject.clone();
        open_loop(schedule, move |number| {
            let (subject, id) = (subject.clone(), number % keys as u64);
            async move { read(&subject, id).await }
        })
        .await
    }

    /// Waits until the subject answers as it should. Fails with why it does not.
    async fn settle(&self, subject: &Subject) -> Result<(), Fault> {
        let until = Instant::now() + RECOVERY;
        loop {
            match read(subject, 0).await {
                Ok(_) => return Ok(()),
                Err(fault @ Fault { what: What::Wrong(_), .. }) => return Err(fault),
                Err(Fault { what: What::Failed(error), reads }) if Instant::now() > until => {
                    let why = "before a rate was tried, nothing was answered rightly for 15 s";
                    return Err(Fault::from(error.context(why)).of_reads(reads));
                }
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

async fn read(subject: &Subject, id: u64) -> Result<Outcome, Fault> {
    subject.read(&[id], |_, version| version == 0).await
}

/// Returns what a single read that failed comes to.
fn failed(fault: Fault) -> Result<Tally> {
    let mut tally = Tally::new()?;
    tally.note(RECOVERY, Err(fault));
    Ok(tally)
}
