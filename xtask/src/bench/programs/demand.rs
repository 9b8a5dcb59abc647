//! Demand as it was recorded, or as the model system makes it.

use super::{claimed, column, figure};
use crate::bench::table::{
    Program, Table,
    Unit::{Count, Milliseconds, Nanoseconds, Number, Share},
    Wanted::{AtLeast, AtMost, Nothing},
};

pub(super) const SEEDS: Program = Program {
    name: "seeds",
    title: "The model system's own workload",
    args: &[],
    about: "Fifteen symbols, a thousand uniformly random requests that all start at once, and a provider that takes \
            50 ms a call: without this cache's means, with them, and after warming; then a thousand updates through \
            the scheduler.",
    tables: &[Table::Figures(&[
        claimed(
            figure("Hit rate after warming", "/hit_rate", Share, AtLeast(0.918)),
            "91.8 %",
            "100 %, though nothing was warmed: Redis is not emptied between its phases",
        ),
        claimed(
            figure("Latency saved by warming", "/latency_reduction", Share, AtLeast(0.304)),
            "30.4 %",
            "",
        ),
        claimed(
            figure(
                "Provider calls saved, of reads and updates together",
                "/calls_reduction",
                Share,
                AtLeast(0.4),
            ),
            "40 %",
            "",
        ),
        claimed(figure("Warmed keys that are read", "/warmed_read_share", Share, AtLeast(0.92)), "92 %", ""),
        claimed(
            figure("Provider calls for a thousand updates", "/updates/calls", Count, AtMost(20.0)),
            "20 batches of 50",
            "1,020",
        ),
        figure("Provider calls, cold, without", "/without/provider_calls", Count, Nothing),
        figure("Provider calls, cold, with", "/cold/provider_calls", Count, AtMost(15.0)),
        figure("Mean latency, cold, without", "/without/mean_ms", Milliseconds, Nothing),
        figure("Mean latency, cold, with", "/cold/mean_ms", Milliseconds, Nothing),
        figure("Mean latency, warmed", "/warmed/mean_ms", Milliseconds, Nothing),
    ])],
};

pub(super) const WARMING: Program = Program {
    name: "warming",
    title: "Warming on recorded demand",
    args: &[],
    about: "Recorded demand, replayed on a manual clock with lives of five minutes. Keys and calls are relative to \
            those without warming.",
    tables: &[
        Table::Figures(&[figure(
            "What the history costs a hit",
            "/hit/history_ns",
            Nanoseconds,
            AtMost(20.0),
        )]),
        Table::Each {
            of: "demand",
            at: "/sets",
            name: "",
            columns: &[
                column("requests", "/requests", Count, Nothing),
                column("hit ratio without", "/no_warming/hit_ratio", Share, Nothing),
                column("calls filled", "/by_call/50/fill/hit_ratio", Share, Nothing),
                column("its calls", "/by_call/50/fill/calls", Number, Nothing),
                column("calls planned", "/by_call/50/plan/hit_ratio", Share, Nothing),
                column("its calls", "/by_call/50/plan/calls", Number, Nothing),
                column("misses saved by co-access", "/together/misses_saved", Count, Nothing),
                column("its extra keys", "/together/extra_keys", Count, Nothing),
            ],
        },
    ],
};
