//! The exchanges whose calendars are built in.

mod always;
mod cmes;
mod xasx;
mod xbom;
mod xetr;
mod xhkg;
mod xlon;
mod xnys;
mod xpar;
mod xshg;
mod xtks;
mod xtse;

pub(crate) use always::WEEKDAYS_UTC;

use crate::rules::Exchange;

/// All exchanges whose calendars are built in.
pub(crate) static ALL: [&Exchange; 17] = [
    &xnys::XNYS,
    &xnys::XNAS,
    &xlon::XLON,
    &xetr::XETR,
    &xetr::XFRA,
    &xpar::XPAR,
    &xtse::XTSE,
    &xtks::XTKS,
    &xhkg::XHKG,
    &xshg::XSHG,
    &xbom::XNSE,
    &xbom::XBOM,
    &xasx::XASX,
    &cmes::CMES,
    &always::FX,
    &always::CRYPTO,
    &always::UTC_WEEK,
];
