//! Futures: single contracts, and on which of its exchanges CME Globex lists them.

/// The exchanges that trade on CME Globex, by Yahoo's suffixes of single contracts (`ESZ26.CME`), and the roots
/// of what they list.
const GLOBEX: [(&str, &str); 4] = [
    (
        "CME",
        "ES MES NQ MNQ RTY M2K EMD NIY NKD 6A 6B 6C 6E 6J 6L 6M 6N 6S 6Z M6A M6B M6E E7 J7 SR1 SR3 GE LE HE GF LBR LBS \
         DC BTC MBT ETH MET",
    ),
    ("CBT", "ZC ZS ZW ZM ZL ZO ZR KE XC XK XW ZB ZN ZF ZT TN UB ZQ YM MYM 2YY 5YY 10Y 30Y"),
    ("CMX", "GC SI HG MGC SIL MHG QO QI QC ALI"),
    ("NYM", "CL MCL QM NG QG MNG RB HO BZ PL PA"),
];

/// The roots of what Yahoo writes with `=F` and ICE trades, by hours of its own.
const ICE: [&str; 9] = ["CC", "KC", "SB", "CT", "OJ", "DX", "RS", "MFS", "MME"];

/// Returns whether a suffix is that of a contract on CME Globex.
pub(super) fn is_globex(suffix: &str) -> bool {
    GLOBEX.iter().any(|(known, _)| *known == suffix)
}

/// Returns whether ICE trades a future, or a single contract of it.
pub(super) fn is_of_ice(symbol: &str) -> bool {
    ICE.contains(&contract_root(symbol).unwrap_or(symbol))
}

/// Returns the suffix of a single contract on CME Globex, such as `CME` of `ESZ26`; `None` if it is no contract,
/// or one whose exchange isn't known.
pub(crate) fn suffix_of_contract(contract: &str) -> Option<&'static str> {
    let root = contract_root(contract)?;
    let listed = |roots: &str| roots.split_ascii_whitespace().any(|known| known == root);
    GLOBEX.iter().find(|(_, roots)| listed(roots)).map(|(suffix, _)| *suffix)
}

/// Returns a contract without the suffix of its exchange, if that follows from the contract.
pub(super) fn without_suffix(symbol: &str) -> Option<&str> {
    let (contract, suffix) = symbol.rsplit_once('.')?;
    (suffix_of_contract(contract) == Some(suffix)).then_some(contract)
}

/// Returns what a contract is of: its text without the letter of a month and the two digits of a year.
fn contract_root(contract: &str) -> Option<&str> {
    let (root, delivery) = contract.split_at_checked(contract.len().checked_sub(3)?)?;
    let [month, year @ ..] = delivery.as_bytes() else { return None };
    let sound = b"FGHJKMNQUVXZ".contains(month) && year.iter().all(u8::is_ascii_digit);
    (sound && !root.is_empty()).then_some(root)
}
