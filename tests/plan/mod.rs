//! What a definition becomes: SQL, capture and mapping, held fast in golden files.

pub mod golden;
mod mistakes;
mod relations;
mod scans;
