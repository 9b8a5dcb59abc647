//! The benchmarks that the docs show, in the order of the page.

mod demand;
mod growth;
mod load;
mod near;
mod service;
mod shared;

use super::table::{Cell, Claim, Column, Figure, Program, Unit, Wanted};

/// All of them.
pub(crate) const PROGRAMS: &[Program] = &[
    demand::SEEDS,
    load::LOAD,
    shared::TIERS,
    shared::PEERS,
    near::HIT,
    near::HIT_RATIO,
    service::HTTP,
    demand::WARMING,
    service::RESTART,
    service::OBSERVE,
    service::RESIDENT,
    near::MEMORY,
    growth::GROWTH,
];

const fn figure(what: &'static str, at: &'static str, unit: Unit, wanted: Wanted) -> Figure {
    Figure { what, cell: Cell { at, unit, wanted }, claim: None }
}

const fn claimed(figure: Figure, claimed: &'static str, when_run: &'static str) -> Figure {
    Figure { claim: Some(Claim { claimed, when_run }), ..figure }
}

const fn column(title: &'static str, at: &'static str, unit: Unit, wanted: Wanted) -> Column {
    Column { title, cell: Cell { at, unit, wanted } }
}
