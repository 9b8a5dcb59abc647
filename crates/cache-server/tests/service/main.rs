//! The promises of the service, over HTTP: of the real process, and in process on a manual clock.

mod crowd;
mod guide;
mod log;
mod memory;
mod outage;
mod providers;
mod restart;
mod stampede;
mod start;

mod configuration {
    pub(crate) mod check;
    pub(crate) mod documents;
    mod json_api;
    mod reload;
    mod sources;
}

mod fixture {
    pub(crate) mod in_process;
    pub(crate) mod process;
    pub(crate) mod raw;
    pub(crate) mod upstream;
}

mod kinds {
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
    mod data;
    mod events;
    mod guard;
    pub(crate) mod hang_up;
    mod limits;
    mod problems;
}

mod warming {
    mod hang_up;
    mod quotas;
    mod restart;
    mod runs;
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
