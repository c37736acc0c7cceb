//! What a definition becomes: SQL, capture and mapping, held fast in golden files.

mod aggregates;
pub mod golden;
mod groups;
mod keyed;
mod mistakes;
mod relations;
mod scans;
mod switches;
mod values;
mod views;
