//! What benchmarks have in common: the keys they ask for, the model system's workload, how they time, on which
//! processors, the service that some of them run, what memory it takes, how programs of other languages are
//! run and compared, how plots are drawn, and how a report is printed.

pub mod cpu_affinity;
pub mod model_system;
pub mod peers;
pub mod plot;
pub mod printed;
pub mod process_memory;
pub mod service;
pub mod timing;
pub mod zipf;
