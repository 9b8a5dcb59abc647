//! One spelling for each instrument: what providers, exchanges and people write is read as the same asset.

use super::names::{
    glued_coin, home_of_index, is_american, is_coin, is_currency, is_globex, market_of_suffix, prices_coins,
};
use crate::{AssetType, Market};

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
    if let Some(pair) = text.strip_suffix("=X").filter(|pair| fx_pair(pair).is_some() || pair.len() == 3) {
        // The whole, since the suffix says that the dollar comes first in a pair of one currency.
        return (if pair.len() == 3 { text } else { pair }, Market::FX, AssetType::Fx);
    }
    if let Some(root) = text.strip_suffix("=F").filter(|root| has_name(root)) {
        return (root, Market::CMES, AssetType::Future);
    }
    if let Some(index) = text.strip_prefix('^').filter(|index| has_name(index)) {
        return (index, home_of_index(index), AssetType::Index);
    }
    if fx_pair(text).is_some_and(|(base, quote)| is_currency(base) && is_currency(quote)) {
        return (text, Market::FX, AssetType::Fx);
    }
    let coin = match split_pair(text) {
        // Only Yahoo and exchanges of coins write pairs with a dash.
        Some((_, '-', quote)) => prices_coins(quote),
        Some((base, _, quote)) => is_coin(base) && prices_coins(quote),
        None => glued_coin(text).is_some_and(|(base, _)| is_coin(base)),
    };
    if coin {
        return (text, Market::CRYPTO, AssetType::Crypto);
    }
    if is_occ_option(text) {
        return (text, Market::US, AssetType::Option);
    }
    if let Some((root, suffix)) = text.rsplit_once('.').filter(|(root, _)| has_name(root)) {
        if let Some(market) = market_of_suffix(suffix) {
            return (root, market, AssetType::usual_on(market));
        }
        if is_globex(suffix) {
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
    // Each step shortens the symbol or makes it one that takes no further step.
    while let Some(next) = step(&symbol, market, asset_type).filter(|next| *next != symbol) {
        symbol = next;
    }
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
        AssetType::Crypto => {
            let (coin, quote) =
                split_pair(symbol).map(|(coin, _, quote)| (coin, quote)).or_else(|| glued_coin(symbol))?;
            Some(if quote == "USD" { coin.to_owned() } else { format!("{coin}_{quote}") })
        }
        AssetType::Future => symbol.strip_suffix("=F").filter(|root| has_name(root)).map(str::to_owned),
        AssetType::Index => symbol.strip_prefix('^').filter(|index| has_name(index)).map(str::to_owned),
        AssetType::Option => None,
        AssetType::Equity | AssetType::Etf | AssetType::Fund if market == Market::UNSTATED => None,
        AssetType::Equity | AssetType::Etf | AssetType::Fund => listed(symbol, market),
    }
}

/// Returns the symbol of a share, fund or ETF without the suffix of its market, and with its class after a dot.
fn listed(symbol: &str, market: Market) -> Option<String> {
    if let Some((root, suffix)) = symbol.rsplit_once('.').filter(|(root, _)| has_name(root))
        && (suffix.is_empty() || (market_of_suffix(suffix) == Some(market)))
    {
        return Some(root.to_owned());
    }
    if market == Market::XHKG && symbol.bytes().all(|byte| byte.is_ascii_digit()) {
        return symbol.parse::<u64>().ok().map(|number| format!("{number:04}"));
    }
    share_class(symbol, market).map(|(root, class)| format!("{root}.{class}"))
}

/// Splits a symbol into its root and its class of shares, by what a class looks like: one letter (`BRK-B`), or
/// one of the few that have more: preferred shares (`BAC-PL`, `BAC.PRL`, `BAC^L`), warrants, units and rights.
/// Any other ending is a part of the symbol, or the suffix of an exchange.
pub(crate) fn share_class(symbol: &str, market: Market) -> Option<(&str, String)> {
    let at = symbol.rfind(['.', '-', '/', '_', '^'])?;
    let (root, rest) = symbol.split_at(at);
    let (separator, class) = rest.split_at(1);
    let sound = match is_american(market) {
        true => (1..=5).contains(&root.len()) && root.bytes().all(|byte| byte.is_ascii_uppercase()),
        false => !root.is_empty() && root.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'&'),
    };
    let letters = class.bytes().all(|byte| byte.is_ascii_uppercase());
    let class = match (separator, class.len()) {
        _ if !sound || !letters => return None,
        ("^", 1) => format!("PR{class}"),
        ("^", _) => return None,
        (_, 1) => class.to_owned(),
        ("-", 2) if class.starts_with('P') => format!("PR{}", &class[1..]),
        (_, 3) if class.starts_with("PR") => class.to_owned(),
        (_, 2) if matches!(class, "WS" | "WT") => "WS".to_owned(),
        (_, 2) if matches!(class, "UN" | "RT") => class.to_owned(),
        _ => return None,
    };
    Some((root, class))
}

/// Returns whether a symbol is of one to five letters alone: such a one has no other spelling, and nothing is
/// made of it.
pub(super) fn is_plain(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Returns whether a symbol looks like an American share: one to six letters, or fewer and a class.
fn is_american_share(text: &str) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_uppercase());
    (letters && (1..=6).contains(&text.len())) || share_class(text, Market::US).is_some()
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

/// Splits a pair at its one separator.
fn split_pair(text: &str) -> Option<(&str, char, &str)> {
    let at = text.find(['_', '/', '-'])?;
    let (base, rest) = text.split_at(at);
    let (separator, quote) = rest.split_at(1);
    let sound = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (sound(base) && sound(quote)).then(|| (base, separator.chars().next().unwrap_or('-'), quote))
}

/// Returns whether something is left to be called.
fn has_name(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}
