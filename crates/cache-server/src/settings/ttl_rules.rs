//! The TTL rules in force: the configured table, with the single settings over it.

use std::time::Duration;

use cache_facade::config::{LifeSetting, LivesSection};
use cache_market::{Changes, Life, Row, Scope, TtlRules};
use market_data::DataType;

use super::{GraceSection, TtlSection};

/// Returns the TTL rules of the sections.
pub(super) fn ttl_rules(ttl: &TtlSection, lives: &LivesSection, grace: &GraceSection) -> TtlRules {
    let mut rules = ttl.rules.clone();
    let classes = &mut rules.classes;
    for (class, life) in [
        (&mut classes.short, lives.short),
        (&mut classes.medium, lives.medium),
        (&mut classes.long, lives.long),
        (&mut classes.very_long, lives.very_long),
    ] {
        *class = life.map_or(*class, |LifeSetting(life)| life);
    }
    for (data, life, grace) in [
        (DataType::Price, ttl.price, grace.price),
        (DataType::Ohlcv, ttl.ohlcv, grace.ohlcv),
        (DataType::Fundamentals, ttl.fundamentals, None),
        (DataType::Technical, ttl.technical, None),
        (DataType::News, ttl.news, None),
        (DataType::Macro, ttl.macro_, None),
    ] {
        if let Some(seconds) = life {
            set_life(&mut rules, data, Life::seconds(seconds));
        }
        if let Some(seconds) = grace {
            let age = Duration::from_secs(seconds);
            rules.row_mut(Scope::all(data)).stale_until = Some(age);
            for (_, row) in rules.rows.iter_mut().filter(|(scope, _)| scope.data == data) {
                row.stale_until = Some(age);
            }
        }
    }
    rules
}

/// Sets one life for every phase and every type of asset.
fn set_life(rules: &mut TtlRules, data: DataType, life: Life) {
    let old = rules.row(data);
    rules.rows.retain(|scope, _| scope.data != data);
    let any = Some(life);
    // A life that is set is not lengthened by a report that is announced.
    let changes = old.changes.map(|changes| if changes == Changes::Reports { Changes::Any } else { changes });
    let row = Row {
        changes,
        open: any,
        pause: any,
        pre: any,
        post: any,
        closed: any,
        weekend: any,
        holiday: any,
        volatility: None,
        ..old
    };
    *rules.row_mut(Scope::all(data)) = row;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn a_life_that_is_set_holds_though_a_report_is_announced() {
        let mut settings = Settings::default();
        let scope = Scope::all(DataType::Fundamentals);
        assert_eq!(settings.ttl_rules().changes(scope), Changes::Reports);
        settings.ttl.fundamentals = Some(3600);
        assert_eq!(settings.ttl_rules().changes(scope), Changes::Any);
        settings.ttl.price = Some(60);
        assert_eq!(settings.ttl_rules().changes(Scope::all(DataType::Price)), Changes::Trading);
    }

    #[test]
    fn grace_counts_from_birth_with_and_without_a_life() {
        let mut settings = Settings::default();
        settings.grace.price = Some(3600);
        for price in [None, Some(60), Some(7200)] {
            settings.ttl.price = price;
            let rules = settings.ttl_rules();
            for scope in rules.rows.keys().filter(|scope| scope.data == DataType::Price) {
                for life in [1, 60, 3599, 3600, 9000].map(Duration::from_secs) {
                    assert_eq!(rules.grace(*scope, life), life.max(Duration::from_secs(3600)), "{scope:?}");
                }
            }
        }
        settings.grace.price = None;
        let rules = settings.ttl_rules();
        let scope = Scope::all(DataType::Price);
        assert_eq!(
            rules.grace(scope, Duration::from_secs(9)),
            Duration::from_secs(9) + rules.stale_for(scope)
        );
    }
}
