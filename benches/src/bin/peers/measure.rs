//! One round of a crate: each row of the table in turn.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use benches::{
    peers::{Outcome, Plan, locked_version},
    timing::median,
};
use tokio::{
    task::{JoinSet, yield_now},
    time::sleep,
};

use crate::{
    node::{Node, Which},
    provider::Provider,
};

/// Measures both nodes of a cache by the plan.
pub(crate) async fn measure<N: Node>(plan: &Plan) -> Result<Outcome> {
    let provider = Provider::start(plan)?;
    let (a, b) = (Arc::new(N::open(plan, Which::A).await?), Arc::new(N::open(plan, Which::B).await?));
    // A's memory and Redis hold these keys, B's memory doesn't.
    b.read("bus").await?;
    for ids in numbered("q", 0..plan.filled()).chunks(plan.batch) {
        a.read_many(ids).await?;
    }
    sleep(Duration::from_millis(300)).await;

    let mut outcome = Outcome::default();
    for name in N::CRATES {
        outcome.versions.insert((*name).to_owned(), locked_version(name));
    }
    let mut tell = |row: &str, figure: Option<f64>| outcome.rows.insert(row.to_owned(), figure);
    let loaded = provider.calls();
    tell("near_hit", Some(near_hit(&*a, plan).await?));
    tell("redis_hit", Some(singly(&*b, plan).await?));
    tell("redis_hit_64", Some(by_many(&b, plan).await?));
    tell("redis_batch_100", Some(in_batches(&*b, plan).await?));
    ensure!(provider.calls() == loaded, "values were loaded: this did not measure hits");

    let (loads, beyond) = stampede(provider, std::slice::from_ref(&a), "cold:1", plan).await?;
    tell("stampede_loads", Some(loads));
    tell("stampede_ms", Some(beyond));
    let (loads, _) = stampede(provider, &[a.clone(), b.clone()], "cold:2", plan).await?;
    tell("stampede_two_nodes_loads", Some(loads));

    let calls = provider.calls();
    let found = b.read_many(&numbered("p", 0..plan.provider_keys)).await?;
    ensure!(found == plan.provider_keys, "{found} of {} keys were answered", plan.provider_keys);
    tell("provider_calls_300", Some((provider.calls() - calls) as f64));
    if plan.removals > 0 {
        tell("removal_seen", removal(provider, &*a, &*b, plan).await?);
    }
    Ok(outcome)
}

fn numbered(name: &str, numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("{name}:{number}")).collect()
}

/// Nanoseconds of a read that memory answers.
async fn near_hit<N: Node>(node: &N, plan: &Plan) -> Result<f64> {
    let (ids, limit) = (numbered("q", 0..plan.near_keys), Duration::from_millis(plan.near_ms));
    let (began, mut reads) = (Instant::now(), 0);
    while began.elapsed() < limit {
        for id in &ids {
            black_box(node.read(id).await?);
        }
        reads += ids.len();
    }
    Ok(began.elapsed().as_nanos() as f64 / reads as f64)
}

/// Microseconds of a read that Redis answers, one after the other.
async fn singly<N: Node>(node: &N, plan: &Plan) -> Result<f64> {
    let ids = numbered("q", 0..plan.singles);
    let began = Instant::now();
    for id in &ids {
        node.read(id).await?;
    }
    Ok(micros(began) / plan.singles as f64)
}

/// The same with many readers, by the number of reads.
async fn by_many<N: Node>(node: &Arc<N>, plan: &Plan) -> Result<f64> {
    let ids = numbered("q", plan.singles..plan.singles + plan.concurrent);
    let began = Instant::now();
    let mut readers = JoinSet::new();
    for own in ids.chunks(plan.concurrent.div_ceil(plan.at_once)) {
        let (node, own) = (node.clone(), own.to_vec());
        readers.spawn(async move {
            for id in &own {
                node.read(id).await?;
            }
            Ok(())
        });
    }
    joined(readers).await?;
    Ok(micros(began) / plan.concurrent as f64)
}

/// Microseconds of a batch that Redis answers.
async fn in_batches<N: Node>(node: &N, plan: &Plan) -> Result<f64> {
    let first = plan.singles + plan.concurrent;
    let ids = numbered("q", first..first + plan.batches * plan.batch);
    let began = Instant::now();
    for batch in ids.chunks(plan.batch) {
        let found = node.read_many(batch).await?;
        ensure!(found == batch.len(), "{found} of {} keys were answered", batch.len());
    }
    Ok(micros(began) / plan.batches as f64)
}

/// How many loads reads of one cold key cause, all at once on all nodes together, and for how many milliseconds
/// beyond the provider's own they last.
async fn stampede<N: Node>(
    provider: &Provider,
    nodes: &[Arc<N>],
    id: &'static str,
    plan: &Plan,
) -> Result<(f64, f64)> {
    provider.take(plan.provider_ms);
    let calls = provider.calls();
    let began = Instant::now();
    let mut readers = JoinSet::new();
    for node in nodes {
        for _ in 0..plan.stampede / nodes.len() {
            let node = node.clone();
            readers.spawn(async move { node.read(id).await.map(drop) });
        }
    }
    joined(readers).await?;
    let beyond = micros(began) / 1e3 - plan.provider_ms as f64;
    provider.take(0);
    Ok(((provider.calls() - calls) as f64, beyond.max(0.0)))
}

/// Milliseconds until B no longer serves what A removes. `None` if it still does when nobody waits any more.
async fn removal<N: Node>(provider: &Provider, a: &N, b: &N, plan: &Plan) -> Result<Option<f64>> {
    let mut measured = Vec::new();
    for id in numbered("r", 0..plan.removals) {
        provider.mark(1);
        ensure!(a.read(&id).await? == 1 && b.read(&id).await? == 1, "{id} was there before");
        sleep(Duration::from_millis(20)).await;
        provider.mark(2);
        let began = Instant::now();
        a.remove(&id).await?;
        while b.read(&id).await? == 1 {
            if micros(began) / 1e3 > plan.never_ms as f64 {
                ensure!(a.read(&id).await? == 2, "not even the node that removed {id} heeds it");
                return Ok(None);
            }
            yield_now().await;
        }
        measured.push(micros(began) / 1e3);
    }
    Ok(Some(median(measured)))
}

fn micros(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e6
}

async fn joined(mut tasks: JoinSet<Result<()>>) -> Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended.context("a reading task failed")??;
    }
    Ok(())
}
