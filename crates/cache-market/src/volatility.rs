//! How the volatility of an asset shortens lives, and calm lengthens them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Swing, ttl::human_duration};
use market_data::Invalid;

/// How the swing of an asset's price changes lives, while the asset is traded.
///
/// The steps shorten a life: the highest step whose `above` the swing exceeds gives the longest life allowed. Calm
/// lengthens a life, up to its own and never past the next change of the value. Both are bounds and not
/// factors, so no life is shorter than the shortest step, or longer than both the table's and calm's.
///
/// ```
/// use std::time::Duration;
/// use cache_market::{Swing, Volatility};
///
/// let life = |percent| {
///     let swing = Swing { percent, watched: Duration::from_secs(60) };
///     Volatility::narrative_crypto().life(Duration::from_secs(600), swing).as_secs()
/// };
/// assert_eq!([life(1.0), life(2.5), life(7.0), life(20.0)], [600, 450, 300, 180]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Volatility {
    /// The steps, by rising swing.
    pub steps: Vec<Step>,
    /// Below which swing lives are longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calm: Option<Calm>,
}

/// A swing, and the longest life above it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The swing that must be exceeded, in percent.
    pub above: f64,
    /// The longest life then.
    #[serde(with = "human_duration")]
    pub life: Duration,
}

/// A swing, and the longer life below it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calm {
    /// The swing that must not be reached, in percent.
    pub below: f64,
    /// How long the asset must have been tracked first.
    #[serde(with = "human_duration")]
    pub watched: Duration,
    /// The life then, if it is longer than the table's.
    #[serde(with = "human_duration")]
    pub life: Duration,
}

impl Volatility {
    /// FIML's rule for narratives about coins, over a life of 600 s: 450, 300, 180 above 2, 5, 10 %.
    #[must_use]
    pub fn narrative_crypto() -> Self {
        Self::steps([(2.0, 450), (5.0, 300), (10.0, 180)])
    }

    /// FIML's rule for narratives about equities, over a life of 900 s while the market is open: 600, 300 above
    /// 1, 3 %.
    #[must_use]
    pub fn narrative_equity() -> Self {
        Self::steps([(1.0, 600), (3.0, 300)])
    }

    fn steps<const N: usize>(steps: [(f64, u64); N]) -> Self {
        let step = |(above, seconds)| Step { above, life: Duration::from_secs(seconds) };
        Self { steps: steps.map(step).into(), calm: None }
    }

    /// Returns the life of a value whose table says `life`, at such a swing.
    #[must_use]
    pub fn life(&self, life: Duration, swing: Swing) -> Duration {
        if let Some(step) = self.steps.iter().rev().find(|step| swing.percent > step.above) {
            return life.min(step.life);
        }
        match self.calm {
            // A life of zero stays zero.
            Some(calm) if swing.percent < calm.below && swing.watched >= calm.watched && !life.is_zero() => {
                life.max(calm.life)
            }
            _ => life,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        for pair in self.steps.windows(2) {
            if !(pair[0].above < pair[1].above && pair[0].life >= pair[1].life) {
                return Err(Invalid::new(format!(
                    "the step above {} % follows that above {} %: from step to step swings rise, and lives don't",
                    pair[1].above, pair[0].above
                )));
            }
        }
        let bounds = self.steps.iter().map(|step| step.above).chain(self.calm.map(|calm| calm.below));
        if let Some(wrong) = bounds.into_iter().find(|percent| !(percent.is_finite() && *percent >= 0.0)) {
            return Err(Invalid::new(format!("{wrong} is no swing: write percent, 0 or more")));
        }
        match (self.calm, self.steps.first()) {
            (Some(calm), Some(step)) if calm.below > step.above => Err(Invalid::new(format!(
                "calm is below {} %, which lies above the first step's {} %: lower it",
                calm.below, step.above
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn swing(percent: f64, hours: u64) -> Swing {
        Swing { percent, watched: Duration::from_secs(3_600 * hours) }
    }

    fn both() -> Volatility {
        let calm = Calm { below: 0.5, watched: Duration::from_secs(7_200), life: Duration::from_secs(1_800) };
        Volatility { calm: Some(calm), ..Volatility::narrative_equity() }
    }

    proptest! {
        #[test]
        fn more_swing_never_lives_longer_and_the_bounds_hold(
            less in 0.0..20.0_f64, more in 0.0..20.0_f64, hours in 0..5_u64, seconds in prop_oneof![Just(0), 0..10_000_u64],
        ) {
            let rule = both();
            rule.check().unwrap();
            let table = Duration::from_secs(seconds);
            let life = |percent| rule.life(table, swing(percent, hours));
            prop_assert!(life(less.min(more)) >= life(less.max(more)));
            prop_assert!(life(more) <= table.max(Duration::from_secs(1_800)));
            prop_assert!(life(more) >= table.min(Duration::from_secs(300)));
            prop_assert_eq!(table.is_zero(), life(more).is_zero());
        }
    }

    #[test]
    fn a_swing_must_exceed_a_step_and_calm_must_have_been_seen_for_a_while() {
        let life = |percent, hours| both().life(Duration::from_secs(900), swing(percent, hours)).as_secs();
        assert_eq!([life(1.0, 9), life(1.01, 9), life(3.0, 9), life(3.01, 9)], [900, 600, 600, 300]);
        assert_eq!([life(0.4, 1), life(0.4, 2), life(0.5, 2)], [900, 1_800, 900]);
    }

    #[test]
    fn steps_that_make_no_sense_are_refused() {
        for (text, why) in [
            (r#"{"steps": [{"above": 2, "life": 60}, {"above": 1, "life": 30}]}"#, "swings rise"),
            (r#"{"steps": [{"above": 1, "life": 60}, {"above": 2, "life": 90}]}"#, "lives don't"),
            (r#"{"steps": [{"above": -1, "life": 60}]}"#, "no swing"),
            (
                r#"{"steps": [{"above": 1, "life": 60}], "calm": {"below": 2, "watched": 0, "life": 1}}"#,
                "lower it",
            ),
        ] {
            let rule: Volatility = serde_json::from_str(text).unwrap();
            assert!(rule.check().unwrap_err().to_string().contains(why), "{text}");
        }
    }
}
