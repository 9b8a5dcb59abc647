//! What benchmarks have in common: the keys they ask for, the model system's workload, how they time, on which
//! processors, the service that some of them run, what memory it takes, and how programs of other languages are
//! run and compared.

pub mod cpu_affinity;
pub mod model_system;
pub mod peers;
pub mod process_memory;
pub mod service;
pub mod timing;
pub mod zipf;
