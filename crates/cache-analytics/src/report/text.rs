//! The report as a text: a table of the kinds, and why reads missed.

use std::fmt;

use super::{
    advice::AdviceThresholds, memory::EntryTotals, numbers::Summary, savings::SavedCalls, trial::Trials,
    whole::Report,
};
use crate::recorder::surroundings::ProviderFigures;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header =
            ["kind", "reads", "hit rate", "stale", "joined", "calls", "keys/call", "p50 ms", "p99 ms"];
        let mut rows = vec![header.map(str::to_owned)];
        for kind in &self.kinds {
            let waits = [kind.waits.p50, kind.waits.p99].map(|wait| format!("{wait:.1}"));
            rows.push(row(&kind.kind, &kind.since_start, waits));
        }
        rows.push(row("all", &self.since_start, [String::new(), String::new()]));
        write_aligned(f, &rows)?;
        for advice in self.advice(&AdviceThresholds::default()) {
            let kind = advice.kind.as_deref().unwrap_or("all");
            writeln!(f, "advice on {kind}: {}", advice.text)?;
        }
        self.write_savings(f)?;
        self.write_memory(f)?;
        for kind in &self.kinds {
            for source in &kind.sources {
                let causes = source.misses.each();
                let causes = causes.iter().filter(|(_, count)| *count > 0);
                let causes: Vec<String> = causes.map(|(cause, count)| format!("{cause} {count}")).collect();
                if !causes.is_empty() {
                    writeln!(f, "{} missed in {}: {}", kind.kind, source.name, causes.join(", "))?;
                }
            }
        }
        Ok(())
    }
}

impl Report {
    /// Writes what was saved, and what it is worth.
    fn write_savings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SavedCalls { by_cache, by_joining, by_batching, ahead } = self.since_start.saved;
        write!(
            f,
            "calls saved: {} (by the cache {by_cache}, by joining {by_joining}, by batching {by_batching}, less {ahead} \
             loaded ahead)",
            self.since_start.calls_saved
        )?;
        if let Some(saved) = self.saved_by_warming {
            write!(f, ", by warming {saved}")?;
        }
        writeln!(f)?;
        if let Some(money) = &self.money {
            writeln!(f, "money: spent {}, saved about {}", amount(money.spent), amount(money.saved))?;
        }
        for provider in &self.providers {
            let ProviderFigures { name, calls, failed_calls, refused, .. } = provider;
            write!(f, "provider {name}: {calls} calls, {failed_calls} failed, {refused} not made")?;
            provider.spent().map_or(Ok(()), |spent| write!(f, ", spent {}", amount(spent)))?;
            writeln!(f)?;
        }
        if let Some(trend) = &self.trend {
            let unusual = if trend.is_unusual { ", unusual" } else { "" };
            writeln!(
                f,
                "hit rate this hour: {:.1}%, usually {:.1}%{unusual}; {:+.1} points an hour",
                trend.now * 100.0,
                trend.usual * 100.0,
                trend.per_hour * 100.0
            )?;
        }
        Ok(())
    }

    /// Writes what memory holds, for how long, and what others would be.
    fn write_memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in &self.kinds {
            if let Some(share) = kind.pollution.estimated_share {
                let share = share * 100.0;
                let sampled = kind.pollution.sampled;
                writeln!(
                    f,
                    "{}: about {share:.1}% of entries read once at most ({sampled} sampled)",
                    kind.kind
                )?;
            }
        }
        if let Some(memory) = &self.memory {
            let unit = if memory.weighs_bytes { "bytes" } else { "entries" };
            let EntryTotals { entries, weight, .. } = memory.all;
            writeln!(f, "memory: {entries} entries, {weight} of {} {unit}", memory.budget)?;
            let dying = memory.all.dies.iter().filter(|dying| dying.entries > 0);
            let dying = dying.map(|dying| match dying.within_s {
                Some(0) => format!("dead {}", dying.entries),
                Some(seconds) => format!("within {seconds} s {}", dying.entries),
                None => format!("later {}", dying.entries),
            });
            let dying: Vec<_> = dying.collect();
            if !dying.is_empty() {
                writeln!(f, "memory frees: {}", dying.join(", "))?;
            }
            for hot in memory.hot_keys.iter().take(5) {
                writeln!(f, "hot: {}, about {:.1}% of the reads", hot.key, hot.estimated_share * 100.0)?;
            }
        }
        for group in &self.key_groups {
            let (reads, hits) = (group.estimated_reads, group.estimated_hits);
            writeln!(f, "keys {}: about {reads:.0} reads, about {hits:.0} hits", group.group)?;
        }
        for tier in &self.tiers {
            writeln!(f, "{}: {} bytes", tier.name, tier.bytes)?;
        }
        if let Some(trials) = &self.trials {
            let Trials { keys, sample_rate, estimated_hit_rate, .. } = trials;
            let (rate, hits) = (sample_rate * 100.0, estimated_hit_rate * 100.0);
            writeln!(
                f,
                "tried on {keys} keys (of {rate:.1}% of all), about {hits:.1}% hits as it is: {}",
                trials.budgets_text()
            )?;
            for kind in &self.kinds {
                if let Some(lives) = trials.lives_text(&kind.kind) {
                    writeln!(f, "tried lives of {}: {lives}", kind.kind)?;
                }
            }
        }
        Ok(())
    }
}

fn row(name: &str, summary: &Summary, [p50, p99]: [String; 2]) -> [String; 9] {
    let percent = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:.1}%", share * 100.0));
    [
        name.to_owned(),
        summary.reads.to_string(),
        percent(summary.hit_rate),
        summary.stale.to_string(),
        summary.joined.to_string(),
        summary.calls.to_string(),
        summary.keys_per_call.map_or("-".to_owned(), |keys| format!("{keys:.1}")),
        p50,
        p99,
    ]
}

/// Writes rows, the first column to the left and the others to the right.
fn write_aligned<const N: usize>(f: &mut fmt::Formatter<'_>, rows: &[[String; N]]) -> fmt::Result {
    let widths: [usize; N] =
        std::array::from_fn(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or_default());
    for row in rows {
        write!(f, "{:<1$}", row[0], widths[0])?;
        for (cell, width) in row.iter().zip(widths).skip(1) {
            write!(f, "  {cell:>width$}")?;
        }
        writeln!(f)?;
    }
    Ok(())
}

/// Returns an amount of money with as many digits as tell something: calls may cost less than a hundredth.
fn amount(money: f64) -> String {
    let digits = if money == 0.0 || money.abs() >= 1.0 { 2 } else { 4 };
    format!("{money:.digits$}")
}
