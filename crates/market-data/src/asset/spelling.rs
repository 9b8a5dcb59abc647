//! One spelling for each instrument: what providers, exchanges and people write is read as the same asset.

use super::{
    future,
    names::{glued_coin, home_of_index, is_american, is_coin, is_currency, market_of_suffix, prices_coins},
    share_class::{has_series, may_be_american, share_class},
};
use crate::{AssetType, Market, Symbol};

/// An asset by its parts, before its symbol is made of the text.
pub(super) struct Spelled {
    pub(super) symbol: String,
    pub(super) market: Market,
    pub(super) asset_type: AssetType,
}

/// Returns what a symbol names that is written alone, in capitals: by its form, which may say the market, as in
/// `VOD.L`, `ES=F` or `EUR/USD`. A symbol of one to six letters, with or without a class of shares, is an
/// American share; what says nothing is of [`Market::UNSTATED`].
pub(super) fn alone(text: &str) -> Spelled {
    let (symbol, market, asset_type) = told_alone(text);
    on(symbol, market, Some(asset_type))
}

fn told_alone(text: &str) -> (&str, Market, AssetType) {
    if let Some(pair) = text.strip_suffix("=X") {
        if is_coin_pair(pair) {
            return (pair, Market::CRYPTO, AssetType::Crypto);
        }
        if pair.len() == 3 && !is_coin(pair) {
            // The whole, since the suffix says that the dollar comes first in a pair of one currency.
            return (text, Market::FX, AssetType::Fx);
        }
        // What is priced in a coin has no weekend, whatever it is.
        if fx_pair(pair).is_some_and(|(base, quote)| !is_coin(base) && !is_coin(quote)) {
            return (pair, Market::FX, AssetType::Fx);
        }
    }
    if let Some(root) = text.strip_suffix("=F").filter(|root| has_name(root)) {
        return match future::is_of_ice(root) {
            true => (text, Market::UNSTATED, AssetType::Equity),
            false => (root, Market::CMES, AssetType::Future),
        };
    }
    if let Some(index) = text.strip_prefix('^').filter(|index| has_name(index)) {
        return (index, home_of_index(index), AssetType::Index);
    }
    if fx_pair(text).is_some_and(|(base, quote)| is_currency(base) && is_currency(quote)) {
        return (text, Market::FX, AssetType::Fx);
    }
    // Only Yahoo and exchanges of coins write pairs with a dash.
    let dashed =
        split_pair(text).is_some_and(|(_, separator, quote)| separator == '-' && prices_coins(quote));
    if dashed || is_coin_pair(text) {
        return (text, Market::CRYPTO, AssetType::Crypto);
    }
    if is_occ_option(text) {
        return (text, Market::US, AssetType::Option);
    }
    if let Some((root, suffix)) =
        text.rsplit_once('.').filter(|(root, _)| has_name(root) && !has_series(text))
    {
        if let Some(market) = market_of_suffix(suffix) {
            return (root, market, AssetType::usual_on(market));
        }
        if future::is_globex(suffix) {
            return (text, Market::CMES, AssetType::Future);
        }
    }
    let market = if is_american_share(text) { Market::US } else { Market::UNSTATED };
    (text, market, AssetType::Equity)
}

/// Returns the asset of a symbol on a market that is stated.
pub(super) fn on(symbol: &str, market: Market, asset_type: Option<AssetType>) -> Spelled {
    let asset_type = asset_type.unwrap_or_else(|| usual_type(symbol, market));
    let mut symbol = symbol.to_owned();
    // Each step shortens the symbol or makes it one that takes few further steps, so there are no more of them.
    for _ in 0..=Symbol::MAX_LEN {
        match step(&symbol, market, asset_type) {
            Some(next) if next != symbol => symbol = next,
            _ => return Spelled { symbol, market, asset_type },
        }
    }
    debug_assert!(false, "there is no end to the spellings of a symbol: {symbol}");
    Spelled { symbol, market, asset_type }
}

/// Returns the type of what has such a symbol on a market, where none is stated.
pub(super) fn usual_type(symbol: &str, market: Market) -> AssetType {
    match symbol.strip_prefix('^') {
        Some(index) if has_name(index) => AssetType::Index,
        _ if is_american(market) && is_occ_option(symbol) => AssetType::Option,
        _ => AssetType::usual_on(market),
    }
}

/// Returns a more canonical spelling of a symbol, if there is one.
fn step(symbol: &str, market: Market, asset_type: AssetType) -> Option<String> {
    match asset_type {
        AssetType::Fx => match symbol.strip_suffix("=X") {
            Some(one) if one.len() == 3 && has_name(one) => Some(format!("USD_{one}")),
            Some(pair) if has_name(pair) => Some(pair.to_owned()),
            _ => fx_pair(symbol).map(|(base, quote)| format!("{base}_{quote}")),
        },
        AssetType::Crypto if symbol == "XBT" || symbol.starts_with("XBT_") => {
            Some(symbol.replacen("XBT", "BTC", 1))
        }
        AssetType::Crypto if symbol.ends_with("=X") => {
            symbol.strip_suffix("=X").filter(|pair| has_name(pair)).map(str::to_owned)
        }
        AssetType::Crypto => {
            let (coin, quote) =
                split_pair(symbol).map(|(coin, _, quote)| (coin, quote)).or_else(|| glued_coin(symbol))?;
            Some(if quote == "USD" { coin.to_owned() } else { format!("{coin}_{quote}") })
        }
        AssetType::Future => symbol
            .strip_suffix("=F")
            .filter(|root| has_name(root))
            .or_else(|| future::without_suffix(symbol).filter(|_| market == Market::CMES))
            .map(str::to_owned),
        AssetType::Index => symbol.strip_prefix('^').filter(|index| has_name(index)).map(str::to_owned),
        AssetType::Option => None,
        AssetType::Equity | AssetType::Etf | AssetType::Fund if market == Market::UNSTATED => None,
        AssetType::Equity | AssetType::Etf | AssetType::Fund => listed(symbol, market),
    }
}

/// Returns the symbol of a share, fund or ETF without the suffix of its market, and with its class after a dot.
fn listed(symbol: &str, market: Market) -> Option<String> {
    if let Some((root, suffix)) =
        symbol.rsplit_once('.').filter(|(root, _)| has_name(root) && !has_series(symbol))
        && (suffix.is_empty() || (market_of_suffix(suffix) == Some(market)))
    {
        return Some(root.to_owned());
    }
    if market == Market::XHKG && symbol.bytes().all(|byte| byte.is_ascii_digit()) {
        return symbol.parse::<u64>().ok().map(|number| format!("{number:04}"));
    }
    share_class(symbol, market).map(|(root, class)| format!("{root}.{class}"))
}

/// Returns whether a symbol is of one to five letters alone: such a one has no other spelling, and nothing is
/// made of it.
pub(super) fn is_plain(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Returns whether a symbol looks like an American share: one to six letters, or fewer and a class.
fn is_american_share(text: &str) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_uppercase());
    (letters && (1..=6).contains(&text.len())) || may_be_american(text)
}

/// Returns whether a symbol is an option's as the Options Clearing Corporation writes it: `AAPL220121C00025000`.
fn is_occ_option(text: &str) -> bool {
    let Some((root, rest)) = text.len().checked_sub(15).and_then(|at| text.split_at_checked(at)) else {
        return false;
    };
    let digit = |byte: &u8| byte.is_ascii_digit();
    let rest = rest.as_bytes();
    let sound = matches!(rest[6], b'C' | b'P') && rest[..6].iter().all(digit) && rest[7..].iter().all(digit);
    sound && (1..=6).contains(&root.len()) && root.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Splits a pair of currencies with one separator or, of three letters each, none.
fn fx_pair(text: &str) -> Option<(&str, &str)> {
    let letters = text.bytes().all(|byte| byte.is_ascii_uppercase());
    let glued = || text.split_at_checked(3).filter(|_| text.len() == 6 && letters);
    split_pair(text).map(|(base, _, quote)| (base, quote)).or_else(glued)
}

/// Returns whether a symbol is a known coin in what coins are priced in.
fn is_coin_pair(text: &str) -> bool {
    match split_pair(text) {
        Some((base, _, quote)) => is_coin(base) && prices_coins(quote),
        None => glued_coin(text).is_some_and(|(base, _)| is_coin(base)),
    }
}

/// Splits a pair at its one separator.
fn split_pair(text: &str) -> Option<(&str, char, &str)> {
    let at = text.find(['_', '/', '-', '.'])?;
    let (base, rest) = text.split_at(at);
    let (separator, quote) = rest.split_at(1);
    let sound = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (sound(base) && sound(quote)).then(|| (base, separator.chars().next().unwrap_or('-'), quote))
}

/// Returns whether something is left to be called.
fn has_name(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}
