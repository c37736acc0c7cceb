//! Work that outlives a daemon: backfill, verify, capture's lease, repeated deletes.

pub mod settings;
