//! The shared tiers, beside their clients and beside peers.

use super::{claimed, column, figure};
use crate::bench::table::{
    Program, Table,
    Unit::{Microseconds, Number, Text},
    Wanted::{Nothing, Told, True},
};

pub(super) const TIERS: Program = Program {
    name: "tiers",
    title: "Shared tiers beside their bare clients",
    args: &[],
    about: "Each call of a tier takes turns with the same work by the bare client. A ratio is the tier's time by the \
            client's; that of concurrent reads is throughput by throughput, and those of batches are the time of a \
            hundred single calls by that of one batch.",
    tables: &[
        Table::Figures(&[
            claimed(
                figure("A read of Redis", "/redis_get/tier_us", Microseconds, Nothing),
                "10–50 ms",
                "0.26 ms",
            ),
            claimed(
                figure("A batch of 100 from Redis", "/redis_get_many_100/tier_us", Microseconds, Nothing),
                "50–200 ms",
                "3.9 ms",
            ),
            claimed(
                figure("A batch of 100 to Redis", "/redis_put_many_100/tier_us", Microseconds, Nothing),
                "50–200 ms",
                "4.8 ms",
            ),
            claimed(
                figure("A batch of 100 from PostgreSQL", "/pg_get_many_100/tier_us", Microseconds, Nothing),
                "300–700 ms a query",
                "1.1 ms a key; the manager never reads it",
            ),
            claimed(
                figure(
                    "Reads in a batch by single ones",
                    "/batch_vs_single_100/redis_get/ratio",
                    Number,
                    Nothing,
                ),
                "5–10 times as fast",
                "",
            ),
        ]),
        Table::Each {
            of: "",
            at: "",
            name: "",
            columns: &[
                column("ratio", "/ratio", Number, Told),
                column("tier", "/tier_us", Microseconds, Nothing),
                column("client", "/raw_us", Microseconds, Nothing),
            ],
        },
        Table::Each {
            of: "batch of 100",
            at: "/batch_vs_single_100",
            name: "",
            columns: &[
                column("ratio", "/ratio", Number, Told),
                column("batch", "/batch_us", Microseconds, Nothing),
                column("singly", "/singly_us", Microseconds, Nothing),
            ],
        },
    ],
};

pub(super) const PEERS: Program = Program {
    name: "peers",
    title: "Beside peers that do the same job",
    args: &[],
    about: "Read-through by this cache (near tier, Redis, loader) beside peers on the same Redis, a round of each in turn. \
            `value` is a peer's figure, the median of the rounds; `ratio` is the median of the rounds' ratios, a peer's \
            figure by ours: above 1, ours is ahead. A removal that a peer never heeds is told as long as it was waited for.",
    tables: &[
        Table::Each {
            of: "",
            at: "/rows",
            name: "/name",
            columns: &[
                column("unit", "/unit", Text, Nothing),
                column("ours", "/ours", Number, Nothing),
                column("moka and redis-rs", "/peers/moka+redis", Text, Nothing),
                column("cached", "/peers/cached", Text, Nothing),
                column("hitbox", "/peers/hitbox", Text, Nothing),
                column("bentocache", "/peers/bentocache", Text, Nothing),
                column("cashews", "/peers/cashews", Text, Nothing),
                column("ahead of all", "/ahead", Text, True),
                column("else why", "/why_not", Text, Nothing),
            ],
        },
        Table::Each {
            of: "left out",
            at: "/left_out",
            name: "/name",
            columns: &[column("why", "/reason", Text, Nothing)],
        },
    ],
};
