//! Reads Postgres: the catalog, and documents from one snapshot.

pub mod settings;
