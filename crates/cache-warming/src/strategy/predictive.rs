//! The predictive strategy: what will most likely be asked for and is dead, or soon will be.

use std::time::Duration;

use async_trait::async_trait;
use cache_core::{Key, Result, sync::Mutex};

use super::{RunBudget, RunTerms, Strategy, schedule::RunSchedule};
use crate::warming::outlook::{Outlook, PickLimits, Precision};

/// Fetches what is expected to be asked for, as far as it pays.
///
/// ```
/// use std::time::Duration;
/// use cache_warming::{RunBudget, Predictive, RunSchedule};
///
/// // A call whenever a full one is expected to save two and a half.
/// let plan = Predictive::new("plan", RunSchedule::Every(Duration::from_secs(2))).saving(2.5);
/// // Each five minutes the two hundred keys that are likeliest to be read before the next time.
/// let by_key = Predictive::new("hot", RunSchedule::Every(Duration::from_secs(300)))
///     .worth(0.1)
///     .budget(RunBudget::default().keys(200));
/// ```
#[derive(Debug)]
pub struct Predictive {
    terms: RunTerms,
    saving: Option<f32>,
    least_read: f32,
    worth: f32,
    precision: Option<f32>,
    average: Mutex<Average>,
}

/// How likely what was picked was to save a call, on average; what is older counts for less.
#[derive(Debug, Default)]
struct Average {
    picked: f32,
    saved: f32,
    /// All that was ever picked, and how much of it was expected to be read.
    all: f64,
    read: f64,
}

impl Average {
    /// What is left of it at each run.
    const KEPT: f32 = 0.999;

    fn get(&self) -> f32 {
        if self.picked > 0.0 { self.saved / self.picked } else { 0.0 }
    }

    fn expected(&self) -> f32 {
        if self.all > 0.0 { (self.read / self.all) as f32 } else { 1.0 }
    }

    fn add(&mut self, picked: usize, saved: f32, read: f32) {
        self.all += picked as f64;
        self.read += f64::from(read);
        self.picked = self.picked * Self::KEPT + picked as f32;
        self.saved = self.saved * Self::KEPT + saved;
    }
}

impl Predictive {
    /// Makes a strategy of all that is worth its price.
    #[must_use]
    pub fn new(name: impl Into<String>, schedule: RunSchedule) -> Self {
        Self {
            terms: RunTerms::new(name, schedule),
            saving: None,
            least_read: 0.0,
            worth: 0.0,
            precision: None,
            average: Mutex::default(),
        }
    }

    /// Sets what one run may cost.
    #[must_use]
    pub fn budget(self, budget: RunBudget) -> Self {
        Self { terms: self.terms.budget(budget), ..self }
    }

    /// Makes a call only when its keys together are expected to save more calls than this. Without it each run
    /// fetches what it finds.
    #[must_use]
    pub fn saving(self, calls: f32) -> Self {
        Self { saving: Some(calls.max(0.0)), ..self }
    }

    /// Leaves keys out that are less likely to save a call than this share of what its keys were on average: in
    /// quiet hours it fetches less than its budget allows.
    #[must_use]
    pub fn worth(self, share: f32) -> Self {
        Self { worth: share, ..self }
    }

    /// Fetches only keys that are read with this probability, before what is fetched dies.
    #[must_use]
    pub fn least_read(self, probability: f32) -> Self {
        Self { least_read: probability, ..self }
    }

    /// Fetches as many keys as leave this share of all that it fetches read, as far as can be foreseen and was
    /// measured.
    #[must_use]
    pub fn precision(self, share: f32) -> Self {
        Self { precision: Some(share.clamp(0.0, 1.0)), ..self }
    }

    /// Fetches what dies within this time, too. By default as [`Coverage::soon`](crate::Coverage::soon) says; with
    /// a life or more, whatever gains by it.
    #[must_use]
    pub fn soon(self, soon: Duration) -> Self {
        Self { terms: self.terms.soon(soon), ..self }
    }
}

#[async_trait]
impl Strategy for Predictive {
    fn terms(&self) -> &RunTerms {
        &self.terms
    }

    async fn pick(&self, outlook: &Outlook<'_>) -> Result<Vec<Key>> {
        let (usual, expected) = {
            let average = self.average.lock();
            (average.get(), average.expected())
        };
        let wanted = PickLimits {
            keys: self.terms.budget.keys,
            least_read: self.least_read.max(self.worth * usual),
            precision: self.precision.map(|share| Precision { share, expected }),
            saving: self.saving,
            soon: self.terms.soon,
        };
        let mut keys = Vec::new();
        for kind in outlook.kinds() {
            let likeliest = outlook.likeliest(kind, &wanted);
            let saved = likeliest.iter().map(|candidate| candidate.saved).sum();
            let read = likeliest.iter().map(|candidate| candidate.read).sum();
            self.average.lock().add(likeliest.len(), saved, read);
            keys.extend(likeliest.into_iter().map(|candidate| candidate.key));
        }
        Ok(keys)
    }
}
