//! A batch of 100 keys beside 100 single calls of the same tier, one after the other.

use std::slice;

use anyhow::Result;
use cache_core::Tier;

use crate::{
    paired::{Round, run_paired, timed},
    workload::{Workload, all_there, same},
};

pub(crate) async fn gets(tier: &dyn Tier, workload: &Workload, round: usize, turns: usize) -> Result<Round> {
    let batch = async |turn| {
        let (found, time) = timed(tier.get(workload.batch(turn))).await;
        all_there(&found?)?;
        Ok(time)
    };
    let singly = async |turn| {
        let reads = async {
            let mut found = Vec::new();
            for key in workload.batch(turn) {
                found.extend(tier.get(slice::from_ref(key)).await?);
            }
            anyhow::Ok(found)
        };
        let (found, time) = timed(reads).await;
        all_there(&found?)?;
        Ok(time)
    };
    run_paired(round, turns, batch, singly).await
}

pub(crate) async fn puts(tier: &dyn Tier, workload: &Workload, round: usize, turns: usize) -> Result<Round> {
    let batch = async |turn| {
        let entries = workload.entries(workload.batch(turn));
        let (put, time) = timed(tier.put(&entries)).await;
        put?;
        same(&entries, &tier.get(workload.batch(turn)).await?)?;
        Ok(time)
    };
    let singly = async |turn| {
        let entries = workload.entries(workload.batch(turn));
        let writes = async {
            for entry in &entries {
                tier.put(slice::from_ref(entry)).await?;
            }
            anyhow::Ok(())
        };
        let (put, time) = timed(writes).await;
        put?;
        same(&entries, &tier.get(workload.batch(turn)).await?)?;
        Ok(time)
    };
    run_paired(round, turns, batch, singly).await
}
