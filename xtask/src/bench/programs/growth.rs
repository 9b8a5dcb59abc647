//! How costs grow.

use super::column;
use crate::bench::table::{
    Column, Program, Table,
    Unit::{Milliseconds, Number, Share, Text},
    Wanted::{Nothing, Told},
};

const fn part(of: &'static str, at: &'static str) -> Table {
    Table::Each { of, at, name: "", columns: COLUMNS }
}

const COLUMNS: &[Column] = &[
    column("at", "/sizes", Number, Nothing),
    column("in", "/unit", Text, Nothing),
    column("values", "/costs", Number, Nothing),
    column("exponent", "/exponent", Number, Told),
    column("longest wait", "/pause_ms", Milliseconds, Told),
    column("least share", "/share", Share, Told),
];

pub(super) const GROWTH: Program = Program {
    name: "growth",
    title: "How costs grow",
    args: &["--plots", "docs/img/growth"],
    about: "Each figure at several sizes. The exponent is the slope of a cost's logarithm by that of the size: 1 where \
            twice as much costs twice as much, 0 where size makes no difference. In memory it is compared with a hash \
            table of the standard library, whose memory is as far away: the exponent is what it would be if the table's \
            cost grew as it should. A wait is the longest that somebody else was held up, of several runs the least. A \
            shared machine holds up everybody now and then: it is watched first, and of the waits above the bound as many \
            are left out as it makes by itself in the same time, with what chance adds. `alive kept` is told of a million \
            tags ended a day, `at once` of tags ended faster than memory can be swept of what they ended: loads that are \
            under way must end first.",
    tables: &[
        part("memory", "/near"),
        Table::Plots(&[
            ("Costs in memory by entries", "img/growth/near.svg"),
            ("The longest waits in memory by entries", "img/growth/near-pauses.svg"),
        ]),
        part("tags", "/tags"),
        Table::Plots(&[
            ("Costs by tags", "img/growth/tags.svg"),
            ("The longest waits by tags", "img/growth/tags-pauses.svg"),
        ]),
        part("batches", "/batches"),
        Table::Plots(&[("Costs by keys in a batch", "img/growth/batches.svg")]),
        part("waiters for one key", "/waiters"),
        Table::Plots(&[("Costs by waiters", "img/growth/waiters.svg")]),
        part("regions", "/regions"),
        Table::Plots(&[("Costs by regions", "img/growth/regions.svg")]),
        part("nodes on a bus", "/bus"),
        Table::Plots(&[("Costs by nodes", "img/growth/bus.svg")]),
        part("disk", "/disk"),
        Table::Plots(&[
            ("Costs on disk by entries", "img/growth/disk.svg"),
            ("The longest waits on disk by entries", "img/growth/disk-pauses.svg"),
        ]),
        part("Redis", "/redis"),
        Table::Plots(&[
            ("Costs on Redis by entries", "img/growth/redis.svg"),
            ("The longest waits on Redis by entries", "img/growth/redis-pauses.svg"),
        ]),
        part("PostgreSQL", "/postgres"),
        Table::Plots(&[
            ("Costs on PostgreSQL by entries", "img/growth/postgres.svg"),
            ("The longest waits on PostgreSQL by entries", "img/growth/postgres-pauses.svg"),
        ]),
        part("a day of 24 hours", "/day"),
    ],
};
