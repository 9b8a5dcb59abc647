//! The exchanges whose calendars are built in.

mod always;
mod cmes;
mod xasx;
mod xfra;
mod xlon;
mod xnys;
mod xpar;
mod xtse;

pub(crate) use always::WEEKDAYS_UTC;

use super::exchange::Exchange;

/// All of them.
pub(crate) static ALL: [&Exchange; 11] = [
    &xnys::XNYS,
    &xnys::XNAS,
    &xlon::XLON,
    &xfra::XFRA,
    &xpar::XPAR,
    &xtse::XTSE,
    &xasx::XASX,
    &cmes::CMES,
    &always::FX,
    &always::CRYPTO,
    &always::UTC_WEEK,
];
