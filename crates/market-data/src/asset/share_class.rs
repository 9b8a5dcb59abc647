//! Classes of shares: preferred shares, warrants, units and rights, however they are set off.

use super::names::is_american;
use crate::Market;

const SEPARATORS: [char; 4] = ['.', '-', '/', '_'];

/// Splits a symbol into its root and its class of shares, by what a class looks like: one letter (`BRK-B`), or
/// one of the few that have more: preferred shares (`BAC-PL`, `BAC.PRL`, `BAC.PR.L`, `BAC^L`), warrants (`.WS`,
/// `.WS.A`, `-WTA`), units and rights. Any other ending is a part of the symbol, or the suffix of an exchange.
pub(crate) fn share_class(symbol: &str, market: Market) -> Option<(&str, String)> {
    let american = is_american(market);
    let is_root = |root: &str| match american {
        true => (1..=5).contains(&root.len()) && root.bytes().all(|byte| byte.is_ascii_uppercase()),
        false => !root.is_empty() && root.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'&'),
    };
    if let Some((root, kind, series)) = with_series(symbol) {
        let class = match kind {
            "PF" if american => return None,
            "WS" => format!("WS.{series}"),
            _ => format!("{kind}{series}"),
        };
        return is_root(root).then_some((root, class));
    }
    let at = symbol.rfind(['.', '-', '/', '_', '^'])?;
    let (root, rest) = symbol.split_at(at);
    let (separator, class) = rest.split_at(1);
    let letters = class.bytes().all(|byte| byte.is_ascii_uppercase());
    let class = match (separator, class.len()) {
        _ if !is_root(root) || !letters => return None,
        ("^", 1) => format!("PR{class}"),
        ("^", _) => return None,
        (_, 1) => class.to_owned(),
        ("-", 2) if class.starts_with('P') => format!("PR{}", &class[1..]),
        (_, 3) if class.starts_with("PR") => class.to_owned(),
        // Toronto alone has both: PF goes on where the letters of PR end.
        (_, 3) if class.starts_with("PF") && !american => class.to_owned(),
        ("-", 3) if class.starts_with("WT") || class.starts_with("WS") => format!("WS.{}", &class[2..]),
        (_, 2) if matches!(class, "WS" | "WT") => "WS".to_owned(),
        // New York's units are U; in Toronto that is what is traded in dollars, and UN are a trust's units.
        (_, 2) if class == "UN" && american => "U".to_owned(),
        (_, 2) if matches!(class, "UN" | "RT") => class.to_owned(),
        _ => return None,
    };
    Some((root, class))
}

/// Returns whether a symbol ends with a class and its series, so that its last letter is no market: the `L` of
/// `BAC.PR.L` isn't London.
pub(super) fn has_series(symbol: &str) -> bool {
    with_series(symbol).is_some()
}

/// Returns whether a symbol alone may be an American share by its class. `.PF.A` is Toronto's, and the `V` of
/// `.WT.V` may be a series or Toronto's venture exchange.
pub(super) fn may_be_american(symbol: &str) -> bool {
    share_class(symbol, Market::US).is_some()
        && with_series(symbol).is_none_or(|(_, kind, series)| (kind, series) != ("WS", "V"))
}

/// Splits a symbol whose class has a series that is set off as well, into root, kind of class and series.
fn with_series(symbol: &str) -> Option<(&str, &'static str, &str)> {
    let (rest, series) = symbol.rsplit_once(SEPARATORS)?;
    let (root, kind) = rest.rsplit_once(SEPARATORS)?;
    // Yahoo sets a class off by a dash and a market by a dot: `ABC-WT.V` is a warrant on Toronto's venture
    // exchange.
    let alike = symbol.as_bytes()[root.len()] == symbol.as_bytes()[rest.len()];
    let kind = match kind {
        "PR" => "PR",
        "PF" => "PF",
        "WS" | "WT" if alike => "WS",
        _ => return None,
    };
    let one_letter = matches!(series.as_bytes(), [letter] if letter.is_ascii_uppercase());
    (one_letter && !root.is_empty()).then_some((root, kind, series))
}
