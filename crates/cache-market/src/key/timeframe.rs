//! Instruments and timeframes as OANDA writes them: `EUR_USD`, `M5`.

use market_data::{Asset, Interval, Invalid, Market, Symbol};

/// Returns the asset's text in a `market:` key; a pair of currencies on the market FX is its symbol alone.
pub(super) fn instrument(asset: &Asset) -> String {
    let symbol = asset.symbol.as_str();
    if is_pair(&asset.symbol) && read_instrument(symbol).is_ok_and(|read| read == *asset) {
        return symbol.to_owned();
    }
    let text = asset.to_string();
    // The market tells what has such a symbol from a pair of currencies.
    if !text.contains('@') && is_pair(&asset.symbol) { format!("{text}@{}", asset.market) } else { text }
}

pub(super) fn read_instrument(text: &str) -> Result<Asset, Invalid> {
    let asset: Asset = text.parse()?;
    // OANDA's own names, whose form says no market, are of foreign exchange.
    match asset.market == Market::UNSTATED && !text.contains('@') && is_pair(&asset.symbol) {
        true => Ok(Asset::new(asset.symbol, Market::FX)),
        false => Ok(asset),
    }
}

/// Returns whether a symbol is of the form `EUR_USD`.
fn is_pair(symbol: &Symbol) -> bool {
    let currency = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    symbol.as_str().split_once('_').is_some_and(|(base, quote)| currency(base) && currency(quote))
}

/// Returns OANDA's name of an interval; the interval's own where OANDA has none.
pub(super) fn write(timeframe: Interval) -> &'static str {
    match timeframe {
        Interval::Minute => "M1",
        Interval::Minutes2 => "M2",
        Interval::Minutes5 => "M5",
        Interval::Minutes10 => "M10",
        Interval::Minutes15 => "M15",
        Interval::Minutes30 => "M30",
        Interval::Hour => "H1",
        Interval::Hours2 => "H2",
        Interval::Hours4 => "H4",
        Interval::Day => "D",
        Interval::Week => "W",
        Interval::Month => "M",
        _ => timeframe.as_str(),
    }
}

pub(super) fn read(text: &str) -> Result<Interval, Invalid> {
    Interval::ALL.iter().copied().find(|one| write(*one) == text).ok_or_else(|| {
        let start: String = text.chars().take(16).collect();
        let known = Interval::ALL.iter().map(|one| write(*one)).collect::<Vec<_>>().join(", ");
        Invalid::new(format!("{start:?} is no timeframe: there are {known}"))
    })
}
