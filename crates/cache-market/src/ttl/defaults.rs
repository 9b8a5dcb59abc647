//! The default table, with the source of each figure.
//!
//! The figures come from the documents of three model systems: FIML, the signals service and the data layer. What
//! they leave open is marked "ours".

use std::time::Duration;

use cache_core::Class;

use super::{Changes, Frequency, Life, LifeClasses, Row, TtlRules, rules::rows};
use crate::{EventRules, Volatility};
use market_data::{AssetType, DataType};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

pub(super) fn rules() -> TtlRules {
    TtlRules {
        // Signals: CACHE_TTL_SHORT, _MEDIUM, _LONG, _VERY_LONG.
        classes: LifeClasses::default(),
        // Ours: an hour, in which most upstreams come back.
        stale_for: Duration::from_secs(HOUR),
        // Ours: a new listing is found within five minutes.
        absent: Life::Class(Class::Short),
        // FIML keeps prices for 20 minutes after market hours: by then a feed that is 15 minutes late has told
        // the close.
        settle: Duration::from_secs(20 * MINUTE),
        frequency: Frequency::default(),
        // Ours: an hour, so that a morning's move is calm by the afternoon.
        swing_half_life: Duration::from_secs(HOUR),
        events: EventRules::default(),
        rows: rows([
            (DataType::Price, None, price()),
            // FIML: 1 minute for crypto.
            (DataType::Price, Some(AssetType::Crypto), open(Life::seconds(MINUTE))),
            (DataType::Ohlcv, None, ohlcv()),
            // Data layer: 86,400 s; computed from closes.
            (
                DataType::AdjustedClose,
                None,
                Row { changes: Some(Changes::Close), ..open(Life::seconds(24 * HOUR)) },
            ),
            // Data layer: 604,800 s.
            (DataType::Dividend, None, any(Life::seconds(168 * HOUR), Life::seconds(168 * HOUR))),
            (DataType::Fundamentals, None, fundamentals()),
            // Ours, as fundamentals: sizes and margins change rarely.
            (DataType::Instrument, None, any(Life::seconds(24 * HOUR), Life::seconds(48 * HOUR))),
            (DataType::Book, None, book()),
            (DataType::Technical, None, technical()),
            // FIML: 10 minutes, 15 at weekends.
            (DataType::News, None, any(Life::seconds(10 * MINUTE), Life::seconds(15 * MINUTE))),
            // FIML: 24 h, longer on weekends and holidays; how much longer is ours.
            (DataType::Macro, None, any(Life::seconds(24 * HOUR), Life::seconds(48 * HOUR))),
            // Data layer: CPI_INDEX 86,400, TREASURY_3M 3,600, INFLATION_RATE 3,600.
            (DataType::CpiIndex, None, any(Life::seconds(24 * HOUR), Life::seconds(48 * HOUR))),
            (DataType::TreasuryYield, None, any(Life::seconds(HOUR), Life::seconds(HOUR))),
            (DataType::InflationRate, None, any(Life::seconds(HOUR), Life::seconds(HOUR))),
            // Data layer: TOTAL_RETURN 1,800; computed from closes.
            (
                DataType::TotalReturn,
                None,
                Row { changes: Some(Changes::Close), ..open(Life::seconds(30 * MINUTE)) },
            ),
            (DataType::Narrative, None, narrative()),
            (DataType::Narrative, Some(AssetType::Crypto), narrative_crypto()),
            // Signals has the classes; what belongs to which is ours.
            (DataType::Signal, None, always(Class::Medium)),
            (DataType::User, None, always(Class::Long)),
            (DataType::Session, None, always(Class::Medium)),
            (DataType::ApiResponse, None, always(Class::Short)),
        ]),
    }
}

/// FIML: 5 minutes in market hours, 20 after. At night and on days without trading nothing changes (ours).
fn price() -> Row {
    let after = Some(Life::seconds(20 * MINUTE));
    Row {
        changes: Some(Changes::Trading),
        pause: after,
        pre: after,
        post: after,
        closed: Some(Life::UntilChange),
        ..open(Life::seconds(5 * MINUTE))
    }
}

/// Data layer: 300 s in market hours, 86,400 after; weekends and holidays longer, as FIML has it. Bars of
/// a day and more change at the close, those within a day in trading: see [`super::change`].
fn ohlcv() -> Row {
    Row {
        changes: Some(Changes::Close),
        closed: Some(Life::seconds(24 * HOUR)),
        weekend: Some(Life::UntilChange),
        // The service's: a week of bars is better than none.
        stale_for: Some(Duration::from_secs(168 * HOUR)),
        ..open(Life::seconds(5 * MINUTE))
    }
}

/// Ours: OANDA publishes its books every few minutes, and none while nothing is traded.
fn book() -> Row {
    Row {
        changes: Some(Changes::Trading),
        closed: Some(Life::UntilChange),
        ..open(Life::seconds(5 * MINUTE))
    }
}

/// FIML: 24 h, 48 at weekends. Until the company reports, where that is announced (ours).
fn fundamentals() -> Row {
    Row { changes: Some(Changes::Reports), ..any(Life::seconds(24 * HOUR), Life::seconds(48 * HOUR)) }
}

/// FIML: 5 to 15 minutes.
fn technical() -> Row {
    Row {
        changes: Some(Changes::Trading),
        pause: Some(Life::seconds(15 * MINUTE)),
        closed: Some(Life::seconds(15 * MINUTE)),
        ..open(Life::seconds(5 * MINUTE))
    }
}

/// FIML: 900 s while open, less when prices swing, 1,800 closed, 3,600 at weekends.
fn narrative() -> Row {
    Row {
        closed: Some(Life::seconds(30 * MINUTE)),
        volatility: Some(Volatility::narrative_equity()),
        ..any(Life::seconds(15 * MINUTE), Life::seconds(HOUR))
    }
}

/// FIML: 600 s, less when prices swing.
fn narrative_crypto() -> Row {
    Row { volatility: Some(Volatility::narrative_crypto()), ..open(Life::seconds(10 * MINUTE)) }
}

fn any(weekday: Life, weekend: Life) -> Row {
    Row { changes: Some(Changes::Any), weekend: Some(weekend), ..open(weekday) }
}

fn always(class: Class) -> Row {
    Row { changes: Some(Changes::Any), ..open(Life::Class(class)) }
}

fn open(life: Life) -> Row {
    Row { open: Some(life), ..Row::default() }
}
