//! What is measured of each file of demand, and how it is told.

use std::thread;

use anyhow::{Result, anyhow};
use serde_json::{Map, Value, json};
use tokio::runtime::Builder;

use crate::{
    baselines::{self, Counted},
    demand::Demand,
    hit,
    replay::{Mode, Outcome, replay},
};

/// How many keys are fetched at a boundary at most, each as far as there are more keys.
const KEYS: [usize; 6] = [3, 5, 20, 50, 200, 1000];

/// What share of the average a key has to be worth to be fetched by the key.
const WORTH: f32 = 0.15;

/// How many calls a planned one has to save.
const SAVING: f32 = 2.0;

/// What is tried for the frontier.
const BATCHES: [usize; 4] = [10, 20, 50, 100];
const SAVINGS: [f32; 7] = [1.3, 1.6, 2.0, 2.5, 3.5, 5.0, 8.0];
const BUDGETS: [f64; 5] = [0.15, 0.2, 0.25, 0.3, 0.5];

/// What share has to be read in the precise mode.
const PRECISE: f32 = 0.92;

/// Of how many keys it is remembered what is asked for after them.
const TOGETHER: usize = 1000;

/// What a key costs where it costs anything, a call costing one.
const PRICE_OF_KEY: f32 = 0.05;

/// What was measured, a set at a time.
#[derive(Debug, Default)]
pub(crate) struct Report {
    sets: Map<String, Value>,
    hit: Value,
}

impl Report {
    /// Measures what the history costs a hit.
    pub(crate) fn measure_hit(&mut self) -> Result<()> {
        self.hit = Builder::new_current_thread().enable_all().build()?.block_on(hit::measure())?;
        Ok(())
    }

    /// Measures a set.
    pub(crate) fn measure(&mut self, demand: &Demand, frontier: bool) -> Result<()> {
        let sizes: Vec<usize> = KEYS.into_iter().filter(|keys| *keys <= demand.keys.len()).collect();
        let mut modes = vec![
            Mode::Nothing,
            Mode::Precise { share: PRECISE },
            Mode::Together { keys: TOGETHER },
            Mode::Fill { batch: 50, price_of_key: 0.0 },
            Mode::Plan { batch: 50, saving: SAVING, price_of_key: 0.0 },
            Mode::Fill { batch: 50, price_of_key: PRICE_OF_KEY },
            Mode::Plan { batch: 50, saving: SAVING, price_of_key: PRICE_OF_KEY },
        ];
        let fixed = modes.len();
        modes.extend(sizes.iter().map(|keys| Mode::ByKey { keys: *keys, worth: WORTH }));
        modes.extend(sizes.iter().map(|keys| Mode::BySeedScore { keys: *keys }));
        let outcomes = replay_all(demand, &modes)?;
        let [nothing, precise, together, fill, plan, priced_fill, priced_plan] = outcomes[..fixed] else {
            return Err(anyhow!("seven modes have seven outcomes"));
        };
        let told = |outcome: &Outcome| relative(outcome, &nothing);
        let mut by_key = Map::new();
        for (at, keys) in sizes.iter().enumerate() {
            let mut set = told(&outcomes[fixed + at]);
            let simple: Map<String, Value> = Counted::ALL
                .into_iter()
                .map(|counted| (counted.name().to_owned(), told(&baselines::replay(demand, counted, *keys))))
                .collect();
            let best = simple.values().filter_map(|told| told["hit_ratio"].as_f64()).fold(0.0, f64::max);
            set["best_baseline"] = json!(best);
            set["baselines"] = Value::Object(simple);
            set["seeds_score"] = told(&outcomes[fixed + sizes.len() + at]);
            by_key.insert(keys.to_string(), set);
        }
        let mut set = json!({
            "requests": nothing.requests,
            "keys": demand.keys.len(),
            "scored_days": demand.scored_days,
            "no_warming": { "hit_ratio": nothing.hit_ratio() },
            "by_key": by_key,
            "by_call": { "50": { "fill": told(&fill), "plan": told(&plan) } },
            "precise": told(&precise),
            "together": told_together(&together, &nothing),
            "priced": {
                "price_of_key": PRICE_OF_KEY,
                "no_warming": price(&nothing) / price(&nothing),
                "fill": { "price": price(&priced_fill) / price(&nothing), "hit_ratio": priced_fill.hit_ratio() },
                "plan": { "price": price(&priced_plan) / price(&nothing), "hit_ratio": priced_plan.hit_ratio() },
                "fill_as_if_free": { "price": price(&fill) / price(&nothing), "hit_ratio": fill.hit_ratio() },
            },
        });
        if frontier {
            set["frontier"] = frontier_of(demand, &nothing)?;
        }
        self.sets.insert(demand.name.clone(), set);
        Ok(())
    }

    /// Measures what co-access is worth on a trace.
    pub(crate) fn measure_together(&mut self, demand: &Demand) -> Result<()> {
        let outcomes = replay_all(demand, &[Mode::Nothing, Mode::Together { keys: TOGETHER }])?;
        let [nothing, together] = outcomes[..] else { return Err(anyhow!("two modes have two outcomes")) };
        let set = json!({
            "requests": nothing.requests,
            "keys": demand.keys.len(),
            "no_warming": { "hit_ratio": nothing.hit_ratio() },
            "together": told_together(&together, &nothing),
        });
        self.sets.insert(demand.name.clone(), set);
        Ok(())
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "hit": self.hit, "sets": self.sets })
    }

    pub(crate) fn print(&self) {
        println!("a hit in memory: {}", self.hit);
        for (name, set) in &self.sets {
            println!(
                "{name}: {} requests, hit ratio {:.4} without warming",
                set["requests"],
                number(&set["no_warming"]["hit_ratio"])
            );
            let row = |what: &str, told: &Value| {
                println!(
                    "  {what:<22} hit ratio {:.4}  precision {:.3}  keys {:.3}  calls {:.3}",
                    number(&told["hit_ratio"]),
                    number(&told["precision"]),
                    number(&told["keys"]),
                    number(&told["calls"]),
                );
            };
            println!("  together {}", set["together"]);
            if set.get("by_key").is_none() {
                continue;
            }
            for (keys, told) in set["by_key"].as_object().into_iter().flatten() {
                row(&format!("by key, {keys}"), told);
                for (baseline, told) in told["baselines"].as_object().into_iter().flatten() {
                    row(&format!("  {baseline}"), told);
                }
                row("  seeds' score", &told["seeds_score"]);
            }
            row("fill", &set["by_call"]["50"]["fill"]);
            row("plan", &set["by_call"]["50"]["plan"]);
            row("precise", &set["precise"]);
            println!("  priced {}", set["priced"]);
            if let Some(frontier) = set.get("frontier") {
                println!("  frontier {frontier}");
            }
        }
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// What a replay cost, where a call costs one.
fn price(outcome: &Outcome) -> f64 {
    outcome.calls as f64 + f64::from(PRICE_OF_KEY) * outcome.keys as f64
}

fn relative(outcome: &Outcome, nothing: &Outcome) -> Value {
    // A simple warmer's calls are not counted.
    let calls = (outcome.calls > 0).then(|| outcome.calls as f64 / nothing.calls as f64);
    json!({
        "hit_ratio": outcome.hit_ratio(),
        "precision": outcome.precision(),
        "keys": outcome.keys as f64 / nothing.keys as f64,
        "calls": calls,
    })
}

/// What co-access is worth: misses that were none, and the keys and calls that it took besides.
fn told_together(together: &Outcome, nothing: &Outcome) -> Value {
    let misses = |outcome: &Outcome| outcome.requests - outcome.hits;
    json!({
        "hit_ratio": together.hit_ratio(),
        "precision": together.precision(),
        "fetched": together.warmed,
        "misses_saved": misses(nothing) as i64 - misses(together) as i64,
        "extra_keys": together.keys as i64 - nothing.keys as i64,
        "extra_calls": together.calls as i64 - nothing.calls as i64,
    })
}

/// The best that each budget of calls reaches, for each size of calls, of all that was tried.
fn frontier_of(demand: &Demand, nothing: &Outcome) -> Result<Value> {
    let mut modes = Vec::new();
    for batch in BATCHES {
        modes.push(Mode::Fill { batch, price_of_key: 0.0 });
        modes.extend(SAVINGS.map(|saving| Mode::Plan { batch, saving, price_of_key: 0.0 }));
    }
    let outcomes = replay_all(demand, &modes)?;
    let mut frontier = Map::new();
    for (batch, tried) in BATCHES.iter().zip(outcomes.chunks(SAVINGS.len() + 1)) {
        let told: Map<String, Value> = BUDGETS
            .iter()
            .map(|budget| {
                let within = tried.iter().filter(|one| one.calls as f64 <= budget * nothing.calls as f64);
                let best = within.max_by(|a, b| a.hit_ratio().total_cmp(&b.hit_ratio()));
                (budget.to_string(), best.map_or(Value::Null, |best| relative(best, nothing)))
            })
            .collect();
        let points: Vec<Value> = tried.iter().map(|one| relative(one, nothing)).collect();
        frontier.insert(batch.to_string(), json!({ "within": told, "tried": points }));
    }
    Ok(Value::Object(frontier))
}

/// Replays in all these ways, two at a time.
fn replay_all(demand: &Demand, modes: &[Mode]) -> Result<Vec<Outcome>> {
    let run = |mode: &Mode| -> Result<Outcome> {
        Builder::new_current_thread().enable_all().build()?.block_on(replay(demand, *mode))
    };
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for first in 0..2 {
            let run = &run;
            workers.push(scope.spawn(move || {
                let own = modes.iter().enumerate().skip(first).step_by(2);
                own.map(|(at, mode)| run(mode).map(|outcome| (at, outcome))).collect::<Result<Vec<_>>>()
            }));
        }
        let mut outcomes = vec![Outcome::default(); modes.len()];
        for worker in workers {
            let done = worker.join().map_err(|_| anyhow!("a replay panicked"))??;
            done.into_iter().for_each(|(at, outcome)| outcomes[at] = outcome);
        }
        Ok(outcomes)
    })
}
