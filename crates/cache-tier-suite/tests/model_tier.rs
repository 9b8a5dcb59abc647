//! The behaviour suite on the model tier.

use cache_core::Clock;
use cache_tier_suite::{ModelTier, Subject, behaviour_suite};

async fn model() -> Subject {
    Subject::new(ModelTier::new("model"), Clock::manual(), ())
}

behaviour_suite!(model_tier, model);
