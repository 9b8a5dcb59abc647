//! Load tests.

use super::{claimed, column, figure};
use crate::bench::table::{
    Column, Program, Table,
    Unit::{Count, Milliseconds, PerSecond, Share, Text},
    Wanted::{AtLeast, AtMost, Nothing},
};

const fn load_table(of: &'static str, at: &'static str) -> Table {
    Table::Each { of, at, name: "/scenario /tier", columns: LOAD_COLUMNS }
}

const LOAD_COLUMNS: &[Column] = &[
    column("operations", "/operations", Count, Nothing),
    column("errors", "/errors", Count, AtMost(0.0)),
    column("all at once took", "/took_ms", Milliseconds, Nothing),
    column("a second", "/throughput", PerSecond, Nothing),
    column("p50", "/latency_ms/p50", Milliseconds, Nothing),
    column("p95", "/latency_ms/p95", Milliseconds, Nothing),
    column("p99", "/latency_ms/p99", Milliseconds, Nothing),
    column("p99.9", "/latency_ms/p99_9", Milliseconds, Nothing),
    column("hit rate", "/hit_rate", Share, Nothing),
    column("highest rate", "/open_loop/highest_rate", PerSecond, Nothing),
    column("what gave in next", "/open_loop/limited_by", Text, Nothing),
];

pub(super) const LOAD: Program = Program {
    name: "load",
    title: "Load tests",
    args: &[],
    about: "The model systems' own load tests and more, on memory and disk, with Redis, and with Redis and PostgreSQL \
            ([load.md](guide/load.md)). A row that names a tier reads past memory. The highest rate is the one at which \
            p99 stays under 10 ms, counted from when each request was due.",
    tables: &[
        Table::Figures(&[
            claimed(
                figure(
                    "1,000 reads at once, of Redis",
                    "/setups/name=redis/scenarios/scenario=reads-distinct/took_ms",
                    Milliseconds,
                    Nothing,
                ),
                "200–500 ms",
                "120 ms p50, 4,000/s",
            ),
            claimed(
                figure(
                    "Hits in typical work: 1,000 at once, one in five a write",
                    "/setups/name=redis/scenarios/scenario=mixed/hit_rate",
                    Share,
                    AtLeast(0.8),
                ),
                "over 80 %",
                "",
            ),
            claimed(
                figure(
                    "1,000 reads at once, from memory",
                    "/setups/name=redis/scenarios/scenario=reads/took_ms",
                    Milliseconds,
                    Nothing,
                ),
                "200–500 ms",
                "120 ms p50, of Redis: no memory tier",
            ),
            claimed(
                figure(
                    "5,000 at once past memory, over 500 keys; reads of one key share a call",
                    "/setups/name=redis/scenarios/scenario=stress-tier/took_ms",
                    Milliseconds,
                    Nothing,
                ),
                "all answered",
                "740–808 ms, 50 answered",
            ),
            claimed(
                figure(
                    "Errors of those",
                    "/setups/name=redis/scenarios/scenario=stress-tier/errors",
                    Count,
                    AtMost(0.0),
                ),
                "none",
                "4,950 counted as misses",
            ),
            claimed(
                figure(
                    "A read of what is cached, of a source that takes 50 ms",
                    "/setups/name=embedded/scenarios/scenario=hit-rate-warm/latency_ms/p50",
                    Milliseconds,
                    AtMost(5.0),
                ),
                "10 times as fast: 5 ms",
                "",
            ),
            figure("Errors of all", "/errors", Count, AtMost(0.0)),
        ]),
        load_table("memory and disk", "/setups/name=embedded/scenarios"),
        load_table("with Redis", "/setups/name=redis/scenarios"),
        load_table("with Redis and PostgreSQL", "/setups/name=redis+postgres/scenarios"),
    ],
};
