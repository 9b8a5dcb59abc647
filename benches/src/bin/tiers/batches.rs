//! A batch of 100 keys beside 100 single calls of the same tier, one after the other.

use std::slice;

use anyhow::Result;
use cache_core::Tier;

use crate::{
    duel::{Round, duel, timed},
    load::{Load, all_there, same},
};

pub(crate) async fn gets(tier: &dyn Tier, load: &Load, round: usize, turns: usize) -> Result<Round> {
    let batch = async |turn| {
        let (found, time) = timed(tier.get(load.batch(turn))).await;
        all_there(&found?)?;
        Ok(time)
    };
    let singly = async |turn| {
        let reads = async {
            let mut found = Vec::new();
            for key in load.batch(turn) {
                found.extend(tier.get(slice::from_ref(key)).await?);
            }
            anyhow::Ok(found)
        };
        let (found, time) = timed(reads).await;
        all_there(&found?)?;
        Ok(time)
    };
    duel(round, turns, batch, singly).await
}

pub(crate) async fn puts(tier: &dyn Tier, load: &Load, round: usize, turns: usize) -> Result<Round> {
    let batch = async |turn| {
        let entries = load.entries(load.batch(turn));
        let (put, time) = timed(tier.put(&entries)).await;
        put?;
        same(&entries, &tier.get(load.batch(turn)).await?)?;
        Ok(time)
    };
    let singly = async |turn| {
        let entries = load.entries(load.batch(turn));
        let writes = async {
            for entry in &entries {
                tier.put(slice::from_ref(entry)).await?;
            }
            anyhow::Ok(())
        };
        let (put, time) = timed(writes).await;
        put?;
        same(&entries, &tier.get(load.batch(turn)).await?)?;
        Ok(time)
    };
    duel(round, turns, batch, singly).await
}
