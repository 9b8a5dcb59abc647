//! Reads at a fixed rate, higher and higher, until some come too late.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use super::{KEYS, Load};
use crate::{
    measure::{
        open_loop::{Schedule, Step, open_loop},
        tally::{Fault, Outcome, Tally},
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
        let mut search = self.options.search();
        let (mut steps, mut best, mut wrong) = (Vec::new(), None, Vec::new());
        while let Some(rate) = search.next() {
            self.progress.say(format!("{}: {rate:.0}/s", scenario.name()));
            self.settle(subject).await?;
            let schedule = Schedule { rate, span: self.options.step(), drain: DRAIN };
            let step = self.step(subject, schedule, keys).await?;
            let holds = step.holds(limit_ms);
            search.note(rate, holds);
            steps.push(StepRow::new(rate, &step, holds));
            if step.tally.wrong() > 0 {
                wrong.push(step.tally.clone());
            }
            if holds && search.found() == Some(rate) {
                best = Some(step.tally);
            }
        }
        // Errors above the rate that is borne are no errors: the search looks for them. A wrong value always
        // is one.
        let mut tally = best.map_or_else(Tally::new, Ok)?;
        for wrong in wrong {
            tally.add(wrong)?;
        }
        let highest_rate = search.found();
        let took = highest_rate.map(|_| self.options.step()).into_iter().collect();
        let row = Row::new(scenario, &tally, Measured { at_once: 0, keys, took, tier_faults: 0 });
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

    /// Waits until the subject answers as it should.
    async fn settle(&self, subject: &Subject) -> Result<()> {
        let until = Instant::now() + RECOVERY;
        loop {
            match read(subject, 0).await {
                Ok(_) => return Ok(()),
                Err(Fault::Failed(error)) if Instant::now() > until => {
                    return Err(error.context("nothing is answered any more after a rate that was too high"));
                }
                Err(Fault::Wrong(what)) => anyhow::bail!("a wrong value: {what}"),
                Err(Fault::Failed(_)) => sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

async fn read(subject: &Subject, id: u64) -> Result<Outcome, Fault> {
    subject.read(&[id], |_, version| version == 0).await
}
