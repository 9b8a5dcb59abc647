//! The service as a process, and what of it costs a hit.

use super::{claimed, column, figure};
use crate::bench::table::{
    Program, Table,
    Unit::{Bytes, Count, Nanoseconds, Number, PerSecond, Share},
    Wanted::{AtLeast, AtMost, Nothing},
};

pub(super) const HTTP: Program = Program {
    name: "http",
    title: "The service beside nginx",
    args: &[],
    about: "Requests a second over 64 connections, in turns with nginx that serves a file of the same body. The client \
            shares the processors with both.",
    tables: &[Table::Figures(&[
        figure("One quote, by nginx", "/one/ratio", Number, AtLeast(0.9)),
        figure("One quote", "/one/ours_per_second", PerSecond, Nothing),
        figure("One quote, nginx", "/one/nginx_per_second", PerSecond, Nothing),
        figure("Thirteen quotes, by nginx", "/thirteen/ratio", Number, AtLeast(0.7)),
        figure("Thirteen quotes", "/thirteen/ours_per_second", PerSecond, Nothing),
        figure("Thirteen quotes, nginx", "/thirteen/nginx_per_second", PerSecond, Nothing),
    ])],
};

pub(super) const RESTART: Program = Program {
    name: "restart",
    title: "A restart after kill -9",
    args: &[],
    about: "A node of memory and disk under load is killed by SIGKILL, 20 s after it began empty, and started \
            again on the same folder. The hit ratio before is that of the last second.",
    tables: &[Table::Figures(&[
        figure("Hit ratio before", "/hit_ratio_before", Share, Nothing),
        figure("Hit ratio in the first ten seconds after", "/hit_ratio_first_10_s", Share, Nothing),
        figure("Points lost", "/points_lost", Number, AtMost(5.0)),
        figure(
            "Provider calls for what the disk held",
            "/provider_calls_for_what_the_disk_held",
            Count,
            AtMost(0.0),
        ),
    ])],
};

pub(super) const OBSERVE: Program = Program {
    name: "observe",
    title: "What analytics costs",
    args: &[],
    about: "A hit in memory with analytics that observe it, beside one without.",
    tables: &[Table::Figures(&[
        figure("Added to a hit", "/added_ns", Nanoseconds, AtMost(20.0)),
        figure("Added to a hit of a sampled key", "/added_ns_sampled_key", Nanoseconds, Nothing),
        figure("Allocations added", "/allocs_added", Count, AtMost(0.0)),
        figure("Memory of 10,000 accesses", "/bytes_of_10000_accesses", Bytes, Nothing),
        figure("Memory in all", "/bytes_in_all", Bytes, Nothing),
    ])],
};

pub(super) const RESIDENT: Program = Program {
    name: "resident",
    title: "What the service takes beside its budget",
    args: &[],
    about: "A service on memory and disk is given four budgets of an application's values. Anonymous memory is heap and \
            stacks; the rest of what is resident is the program's file. Beyond the budget are what the disk tier has yet to \
            flush, at most 16 MiB and as much under way, what its index and filters take, and what the allocator keeps.",
    tables: &[
        Table::Figures(&[
            claimed(
                figure(
                    "Memory, with a budget of 64 MiB",
                    "/budgets/64/most/resident",
                    Bytes,
                    AtMost(100_000_000.0),
                ),
                "under 100 MB",
                "",
            ),
            claimed(
                figure(
                    "Disk, with its budget of 1 GiB",
                    "/budgets/1024/disk_bytes",
                    Bytes,
                    AtMost(1_073_741_824.0),
                ),
                "under 1 GB",
                "",
            ),
        ]),
        Table::Each {
            of: "budget, MiB",
            at: "/budgets",
            name: "",
            columns: &[
                column("values of", "/value_bytes", Bytes, Nothing),
                column("entries", "/entries", Count, Nothing),
                column("weight", "/weight", Bytes, Nothing),
                column("resident before", "/before/resident", Bytes, Nothing),
                column("resident at most", "/most/resident", Bytes, Nothing),
                column("anonymous at most", "/most/anonymous", Bytes, Nothing),
                column("beyond the budget", "/over", Bytes, Nothing),
                column("anonymous by the budget", "/by_budget", Number, Nothing),
            ],
        },
    ],
};
