//! What the model systems' own load tests claim, and what they did when they were run.
//!
//! They were run on 2 cores with a Redis on the same machine, the best of three times. They have no near
//! tier: each of their reads asks Redis.

use serde::Serialize;

use crate::scenario::Scenario;

/// What is known of a scenario in the model systems.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Seeds {
    pub(crate) claimed: Option<SeedFigures>,
    pub(crate) measured: Option<SeedFigures>,
    /// What the figures alone don't tell.
    pub(crate) note: Option<&'static str>,
}

/// Figures of a model system; `None` where it says nothing.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct SeedFigures {
    /// How long all operations that were started at once took, or one batch: from and to, in milliseconds.
    pub(crate) took_ms: Option<[f64; 2]>,
    pub(crate) p50_ms: Option<f64>,
    /// Operations a second.
    pub(crate) throughput: Option<f64>,
    /// How many of the operations that were started at once were answered.
    pub(crate) answered: Option<u64>,
    pub(crate) hit_rate: Option<f64>,
}

const NONE: SeedFigures =
    SeedFigures { took_ms: None, p50_ms: None, throughput: None, answered: None, hit_rate: None };

impl Seeds {
    /// Returns what is known of a scenario.
    pub(crate) fn of(scenario: Scenario) -> Self {
        match scenario {
            Scenario::Reads | Scenario::ReadsTier | Scenario::ReadsDistinct => Self {
                claimed: Some(SeedFigures { took_ms: Some([200.0, 500.0]), answered: Some(1000), ..NONE }),
                measured: Some(SeedFigures { p50_ms: Some(120.0), throughput: Some(4000.0), ..NONE }),
                note: None,
            },
            Scenario::Writes | Scenario::Mixed => {
                Self { claimed: Some(SeedFigures { answered: Some(1000), ..NONE }), ..Self::default() }
            }
            Scenario::Stress | Scenario::StressTier => Self {
                claimed: Some(SeedFigures { answered: Some(5000), ..NONE }),
                measured: Some(SeedFigures { took_ms: Some([740.0, 808.0]), answered: Some(50), ..NONE }),
                note: Some("its pool has 50 connections; whoever finds none counts as a miss"),
            },
            Scenario::GetMany | Scenario::GetManyTier => Self::batch(3.9),
            Scenario::PutMany => Self::batch(4.8),
            Scenario::HitRateCold => Self {
                note: Some("a thousand readers of one cold key make a thousand calls to the provider"),
                ..Self::default()
            },
            Scenario::HitRateWarm => Self {
                claimed: Some(SeedFigures { hit_rate: Some(0.918), ..NONE }),
                note: Some("prints 100 % even if it warmed nothing: Redis still has what was read cold"),
                ..Self::default()
            },
            Scenario::OpenLoop | Scenario::OpenLoopTier => Self::default(),
        }
    }

    fn batch(p50_ms: f64) -> Self {
        Self {
            claimed: Some(SeedFigures { took_ms: Some([50.0, 200.0]), ..NONE }),
            measured: Some(SeedFigures { p50_ms: Some(p50_ms), ..NONE }),
            note: None,
        }
    }
}
