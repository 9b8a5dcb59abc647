//! Load tests.

use super::{claimed, column, figure};
use crate::bench::table::{
    Column, Program, Table,
    Unit::{Count, Milliseconds, PerSecond, Share},
    Wanted::{AtMost, Nothing},
};

const fn load_table(at: &'static str) -> Table {
    Table::Each { of: "", at, name: "/scenario /tier", columns: LOAD_COLUMNS }
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
                    "1,000 reads at once, from memory",
                    "/setups/name=redis/scenarios/scenario=reads/took_ms",
                    Milliseconds,
                    Nothing,
                ),
                "200–500 ms",
                "no memory tier",
            ),
            claimed(
                figure(
                    "5,000 at once, of Redis",
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
                "10 times as fast",
                "",
            ),
            figure("Errors of all", "/errors", Count, AtMost(0.0)),
        ]),
        load_table("/setups/name=embedded/scenarios"),
        load_table("/setups/name=redis/scenarios"),
        load_table("/setups/name=redis+postgres/scenarios"),
    ],
};
