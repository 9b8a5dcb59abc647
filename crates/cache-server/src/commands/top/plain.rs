//! The figures of `top` as a text, for whoever has no terminal.

use super::model::Model;
use crate::commands::{
    exit::CommandResult,
    output::{BOLD, Printer, TextTable, count, maybe, percent, styled},
    stats,
};

/// Shows rates, and the tables of `stats`.
pub(super) fn show(output: &mut Printer, model: &Model) -> CommandResult {
    let minute = model.summary("last_minute");
    output.line(format_args!(
        "{}  {:.1} reads/s, {:.1} misses/s, {:.1} calls/s; hit rate of the last minute {} of {} reads",
        styled(BOLD, "Now"),
        model.per_second("reads"),
        model.per_second("misses"),
        model.per_second("calls"),
        maybe(&minute["hit_rate"], percent),
        maybe(&minute["reads"], |reads| count(reads as u64)),
    ))?;
    let mut table = TextTable::new(&["  missed in memory", ">since the start", ">a second"]);
    for (cause, number, rate) in model.misses() {
        table.row([format!("  {cause}").into(), count(number).into(), format!("{rate:.1}").into()]);
    }
    output.table(&table)?;
    output.line("")?;
    model.last().map_or(Ok(()), |last| stats::show(output, &stats::with_failed_reads(last.figures.clone())))
}
