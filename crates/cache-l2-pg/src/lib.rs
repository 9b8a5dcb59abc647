//! The durable tier on PostgreSQL, its bus and its lease.
