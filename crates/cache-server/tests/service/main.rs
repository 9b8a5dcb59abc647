//! The promises of the service, over HTTP: of the real process, and in process on a manual clock.

mod commands;
mod crowd;
mod guide;
mod log;
mod memory;
mod outage;
mod providers;
mod report;
mod restart;
mod stampede;
mod start;
mod tracing;

mod configuration {
    pub(crate) mod check;
    pub(crate) mod documents;
    mod json_api;
    mod reload;
    mod sources;
}

mod fixture {
    pub(crate) mod cli;
    pub(crate) mod in_process;
    pub(crate) mod process;
    pub(crate) mod raw;
    pub(crate) mod upstream;
}

mod kinds {
    mod bars;
    mod batch;
    mod computed;
    mod documents;
    mod events;
    mod requests;
    mod table;
}

mod http {
    mod bodies;
    mod conditional;
    mod dashboard;
    mod data;
    mod directives;
    mod events;
    mod guard;
    pub(crate) mod hang_up;
    mod limits;
    mod management;
    mod problems;
    mod routes;
    mod tls;
}

mod warming {
    mod events;
    mod hang_up;
    mod quotas;
    mod restart;
    mod runs;
    mod together;
    mod updates;
}

mod own {
    mod access;
    mod batch;
    mod bodies;
    mod entries;
    mod events;
    mod hang_up;
    mod keys;
    mod sending;
    mod tags;
    mod users;
    mod values;
    mod versions;
}
