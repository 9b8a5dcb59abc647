//! Series that are kept by their tail.

use super::figure;
use crate::bench::table::{
    Program, Table,
    Unit::{Bytes, Count, Nanoseconds, Number},
    Wanted::{AtMost, Nothing},
};

pub(super) const SERIES: Program = Program {
    name: "series",
    title: "Histories that grow",
    args: &[],
    about: "Twenty years of daily bars of 100 symbols are cached, and a day passes: what the provider is asked for then, beside \
            all of it. Then 10,000 random ranges are read of a cache that was empty. Five days are read from memory, in turns \
            with a quote. What is put is counted by the servers: bytes that Redis received, bytes of the rows that \
            PostgreSQL stored.",
    tables: &[Table::Figures(&[
        figure("Bytes of a passing day, by those of the whole", "/growth/bytes_ratio", Number, AtMost(0.002)),
        figure("Calls of a passing day", "/growth/calls", Count, AtMost(100.0)),
        figure("Bars asked for, by distinct ones", "/ranges/asked_per_distinct", Number, AtMost(1.0)),
        figure("Calls for 10,000 ranges", "/ranges/calls", Count, Nothing),
        figure("Five days from memory, by a quote", "/read_5d_vs_quote", Number, AtMost(3.0)),
        figure("Five days from memory", "/read_5d_ns", Nanoseconds, Nothing),
        figure("A quote from memory", "/quote_ns", Nanoseconds, Nothing),
        figure("A bar more, on Redis", "/put_one_bar_bytes/redis", Bytes, Nothing),
        figure("A bar more, on PostgreSQL", "/put_one_bar_bytes/postgres", Bytes, Nothing),
        figure("A series whole, on Redis", "/put_whole_bytes/redis", Bytes, Nothing),
        figure("A series whole, on PostgreSQL", "/put_whole_bytes/postgres", Bytes, Nothing),
    ])],
};
