//! What names say of markets: suffixes of exchanges, homes of indices, codes of currencies and coins.

use std::collections::BTreeSet;

use crate::Market;

/// The suffixes by which providers name a market. The first of a market is Yahoo's, from its help page on
/// exchanges and data providers; the others are those of Alpha Vantage and EOD Historical Data.
const SUFFIXES: &[(&str, &[&str])] = &[
    ("US", &["US"]),
    ("XLON", &["L", "LON", "LSE"]),
    ("XTKS", &["T"]),
    ("XHKG", &["HK", "HKG"]),
    ("XFRA", &["F", "FRK"]),
    ("XETR", &["DE", "DEX", "XETRA"]),
    ("XPAR", &["PA", "PAR"]),
    ("XAMS", &["AS", "AMS"]),
    ("XBRU", &["BR"]),
    ("XLIS", &["LS"]),
    ("XMIL", &["MI"]),
    ("XMAD", &["MC"]),
    ("XSWX", &["SW"]),
    ("XWBO", &["VI"]),
    ("XSTO", &["ST"]),
    ("XOSL", &["OL"]),
    ("XCSE", &["CO"]),
    ("XHEL", &["HE"]),
    ("XTSE", &["TO", "TRT"]),
    ("XTSX", &["V", "TRV"]),
    ("XASX", &["AX", "AU"]),
    ("XNZE", &["NZ"]),
    ("XNSE", &["NS", "NSE"]),
    ("XBOM", &["BO", "BSE"]),
    ("XSHG", &["SS", "SHH", "SHG"]),
    ("XSHE", &["SZ", "SHZ", "SHE"]),
    ("XKRX", &["KS", "KO"]),
    ("XTAI", &["TW"]),
    ("XSES", &["SI"]),
    ("XIDX", &["JK"]),
    ("XTAE", &["TA"]),
    ("XJSE", &["JO", "JSE"]),
    ("BVMF", &["SA"]),
    ("XMEX", &["MX"]),
];

/// Markets that symbols are listed on, and that no suffix here names.
const OTHER_MARKETS: &str = "FX CRYPTO CMES XNYS XNAS XASE ARCX BATS OTCM XCBO XCME XCBT XNYM XCEC IFUS IFEU XEUR XEUE \
                             XWAR XBUD XPRA XATH XIST XICE XDUB XLUX XTAL XLIT XRIS XBSE XLJU XZAG XBEL MISX \
                             XBER XMUN XSTU XDUS XHAM XHAN XKOS XKLS XBKK XPHS XHNX XSTC XKAR XCOL XDSE XSAU XADS XDFM \
                             DSMD XKUW XBAH XMUS XCAI XNSA XNAI XCAS XSGO XBOG XLIM XBUE NEOE XCNQ BJSE ROCO";

/// The homes of indices whose names don't say them: `^N225`.
const INDICES: &[(&str, &[&str])] = &[
    (
        "US",
        &[
            "GSPC", "SPX", "DJI", "DJT", "DJU", "IXIC", "NDX", "NYA", "XAX", "RUT", "RUI", "RUA", "OEX",
            "MID", "SML", "SOX", "VIX", "VXN", "SKEW", "IRX", "FVX", "TNX", "TYX",
        ],
    ),
    ("XLON", &["FTSE", "FTMC", "FTAS"]),
    ("XTKS", &["N225"]),
    ("XHKG", &["HSI", "HSCE"]),
    ("XETR", &["GDAXI", "MDAXI", "SDAXI", "TECDAX"]),
    ("XPAR", &["FCHI"]),
    ("XTSE", &["GSPTSE"]),
    ("XASX", &["AXJO", "AORD"]),
    ("XNSE", &["NSEI", "NSEBANK"]),
    ("XBOM", &["BSESN"]),
];

/// Currencies and precious metals by their ISO 4217 codes: those that are traded in pairs.
const CURRENCIES: &str = "USD EUR JPY GBP CHF CAD AUD NZD SEK NOK DKK ISK PLN CZK HUF RON BGN TRY ILS ZAR MXN BRL CLP \
                          COP PEN ARS CNY CNH HKD TWD KRW SGD THB MYR IDR PHP INR PKR VND SAR AED QAR KWD BHD EGP NGN \
                          KES MAD RUB UAH KZT XAU XAG XPT XPD";

/// Coins that are known well enough to be told from other things in `BTC/USD` and `BTCUSD`.
const COINS: &str = "BTC XBT ETH LTC BCH XRP SOL ADA DOGE DOT AVAX MATIC POL LINK UNI XLM ATOM TRX ETC FIL ALGO XMR \
                     EOS XTZ AAVE SHIB NEAR APT ARB SUI TON BNB USDT USDC DAI PEPE HBAR ICP VET";

/// What coins are priced in besides currencies.
const COIN_QUOTES: [&str; 4] = ["USDT", "USDC", "BTC", "ETH"];

/// Coins whose own names end as a pair with the dollar would.
const LIKE_PAIRS: [&str; 1] = ["CRVUSD"];

/// Returns the market that a suffix names.
pub(crate) fn market_of_suffix(suffix: &str) -> Option<Market> {
    let (code, _) = SUFFIXES.iter().find(|(_, known)| known.contains(&suffix))?;
    code.parse().ok()
}

/// Returns why a market is refused in settings, with the names of all that are known; `None` if it is one of them,
/// or none that is stated.
pub(crate) fn refusal_of_unknown(market: Market) -> Option<String> {
    let codes = SUFFIXES.iter().map(|(code, _)| *code).chain(OTHER_MARKETS.split_ascii_whitespace());
    let known: BTreeSet<&str> = codes.collect();
    (market != Market::UNSTATED && !known.contains(market.as_str())).then(|| {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        format!("has {market}, which is no market that is known: there are {known}")
    })
}

/// Returns Yahoo's suffix of a market; none for the United States.
pub(crate) fn yahoo_suffix(market: Market) -> Option<&'static str> {
    let (_, known) = SUFFIXES.iter().find(|(code, _)| *code == market.as_str())?;
    known.first().copied().filter(|_| market != Market::US)
}

/// Returns whether the stocks of a market are those of the United States, whose symbols are unique.
pub(crate) fn is_american(market: Market) -> bool {
    matches!(market.as_str(), "US" | "XNYS" | "XNAS" | "XASE" | "ARCX" | "BATS" | "OTCM")
}

/// Returns where the stocks of an index are traded; [`Market::UNSTATED`] if that isn't known.
pub(super) fn home_of_index(index: &str) -> Market {
    let home = INDICES.iter().find(|(_, known)| known.contains(&index));
    home.and_then(|(code, _)| code.parse().ok()).unwrap_or(Market::UNSTATED)
}

pub(crate) fn is_currency(code: &str) -> bool {
    code.len() == 3 && CURRENCIES.split(' ').any(|known| known == code)
}

pub(crate) fn is_coin(code: &str) -> bool {
    COINS.split(' ').any(|known| known == code)
}

/// Returns whether coins are priced in it.
pub(super) fn prices_coins(code: &str) -> bool {
    is_currency(code) || COIN_QUOTES.contains(&code)
}

/// Splits the name of a coin in a currency or another coin that is written without a separator: `BTCUSD`,
/// `SOLUSDT`, `ETHBTC`. Of a coin that isn't known, few currencies are looked for, since names end in others; and
/// it has three letters or digits or more, since `TUSD` is a coin itself.
pub(super) fn glued_coin(symbol: &str) -> Option<(&str, &str)> {
    let split = |quote_len: usize| symbol.split_at_checked(symbol.len().checked_sub(quote_len)?);
    let fits = |(coin, quote): &(&str, &str)| {
        let usual = matches!(*quote, "USD" | "EUR" | "GBP" | "JPY" | "USDT");
        let named = coin.len() >= 3 && coin.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let fits = (usual && named) || (is_coin(coin) && prices_coins(quote) && coin != quote);
        fits && !LIKE_PAIRS.contains(&symbol)
    };
    split(4).filter(fits).or_else(|| split(3).filter(fits))
}
