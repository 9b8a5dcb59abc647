//! The shared tier on Redis, its bus and its lease: single server, Sentinel or Cluster.
