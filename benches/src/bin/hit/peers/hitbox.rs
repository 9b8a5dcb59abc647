//! hitbox: a function under its macro, over its moka backend.

use std::{convert::Infallible, hint::black_box};

use anyhow::Result;
use hitbox::{
    DisabledOffload,
    concurrency::BroadcastConcurrencyManager,
    policy::{ConcurrencyLimit, PolicyConfig},
};
use hitbox_backend::format::BincodeFormat;
use hitbox_fn::{Cache, cached};
use hitbox_moka::MokaBackend;

use crate::candidate::{Candidate, LIFE, Quote, Workload, load_value};

/// As its documentation begins, with what that advises: bincode for the values, which are stored as
/// bytes and read anew at each hit, and the manager that shares loads of one key. The key is an owned
/// text, made at each call, as the macro wants it.
struct Function(Cache<MokaBackend<BincodeFormat>, BroadcastConcurrencyManager<Answer>, DisabledOffload>);

type Answer = Result<Quote, Infallible>;

#[cached]
async fn quote(key: String) -> Answer {
    Ok(load_value(&key))
}

pub(crate) fn function(workload: &Workload) -> Result<Box<dyn Candidate>> {
    let room = workload.room() as u64;
    let cache = Cache::builder()
        .backend(MokaBackend::builder().max_entries(room).value_format(BincodeFormat).build())
        .policy(PolicyConfig::builder().ttl(LIFE).concurrency(ConcurrencyLimit::MIN).build())
        .concurrency_manager(BroadcastConcurrencyManager::new())
        .build();
    for key in &workload.keys {
        let Ok(_) = workload.drive(quote(key.clone()).cache(&cache).into_future());
    }
    workload.drive(cache.backend().cache().run_pending_tasks());
    Ok(Box::new(Function(cache)))
}

impl Candidate for Function {
    fn read(&self, workload: &Workload, ranks: &[usize]) {
        workload.drive(async {
            for key in workload.keys_of(ranks) {
                let Ok(value) = quote(key.to_owned()).cache(&self.0).await;
                black_box(value);
            }
        });
    }
}
