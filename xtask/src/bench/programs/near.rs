//! The near tier.

use super::{column, figure};
use crate::bench::table::{
    Program, Table,
    Unit::{Bytes, Count, Nanoseconds, Number, PerSecond, Seconds, Share, Text},
    Wanted::{AtLeast, AtMost, Nothing},
};

pub(super) const HIT: Program = Program {
    name: "hit",
    title: "A hit in memory",
    args: &[],
    about: "100,000 quotes, asked for by a Zipf 0.99 by one thread and by two; candidates take turns. A ratio is the \
            facade's time by the peer's, the worse of one and two threads: below 1 the facade is faster.",
    tables: &[
        Table::Figures(&[
            figure("By a ready key, beside moka", "/ratio", Number, AtMost(1.0)),
            figure("By a ready key, beside quick_cache", "/vs_quick_cache", Number, AtMost(1.3)),
            figure("By text, beside quick_cache", "/vs_quick_cache_str", Number, AtMost(1.3)),
            figure("Heap of an entry", "/heap_bytes_per_entry/facade", Bytes, AtMost(260.0)),
            figure("Heap of an entry of quick_cache", "/heap_bytes_per_entry/quick_cache", Bytes, Nothing),
            figure("Key and value alone", "/payload", Bytes, Nothing),
        ]),
        Table::Each {
            of: "",
            at: "/ns",
            name: "",
            columns: &[
                column("one thread", "/1", Nanoseconds, Nothing),
                column("two threads", "/2", Nanoseconds, Nothing),
            ],
        },
    ],
};

pub(super) const HIT_RATIO: Program = Program {
    name: "hit-ratio",
    title: "Hit ratios on recorded traces",
    args: &[],
    about: "Recorded traces, replayed at several sizes beside reference hit ratios of the same policies and of ARC, \
            S3-FIFO and W-TinyLFU.",
    tables: &[Table::Figures(&[
        figure("Traces and sizes", "/summary/cells", Count, Nothing),
        figure(
            "LRU, largest difference from the reference",
            "/summary/lru_max_diff",
            Number,
            AtMost(0.000_001),
        ),
        figure(
            "FIFO, largest difference from the reference",
            "/summary/fifo_max_diff",
            Number,
            AtMost(0.000_001),
        ),
        figure("Hybrid, mean", "/summary/hybrid_mean", Share, Nothing),
        figure("Best of ARC, S3-FIFO and W-TinyLFU, mean", "/summary/best_mean", Share, Nothing),
        figure("Hybrid less the best of the three", "/summary/hybrid_vs_best", Number, AtLeast(-0.01)),
        figure(
            "Hybrid as it is by default, less the best",
            "/summary/hybrid_as_shipped_vs_best",
            Number,
            AtLeast(-0.01),
        ),
    ])],
};

pub(super) const MEMORY: Program = Program {
    name: "memory",
    title: "Memory under churn",
    args: &[],
    about: "A cache of 64 MiB, filled many times over by two threads with values of 16 to 4,096 bytes: by how much the \
            process grew at most, in budgets.",
    tables: &[
        Table::Figures(&[
            figure("Growth under the worst policy", "/worst_growth_ratio", Number, Nothing),
            figure("How long it took", "/seconds", Seconds, Nothing),
        ]),
        Table::Each {
            of: "policy",
            at: "/policies",
            name: "",
            columns: &[
                column("growth", "/growth_ratio", Number, Nothing),
                column("entries", "/entries", Count, Nothing),
                column("puts", "/puts_per_second", PerSecond, Nothing),
                column("reclaimed by the sweep", "/swept", Text, Nothing),
            ],
        },
    ],
};
