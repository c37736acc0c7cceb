//! Reads the application's tables: one snapshot a batch, binary rows, nothing written but the fence.

#[macro_use]
mod shape;

pub mod arena;
pub mod build;
pub mod catalog;
pub mod connect;
mod document;
pub mod encode;
pub mod error;
pub mod fetch;
mod output;
pub mod proof;
mod rank;
pub mod reason;
pub mod resolve;
pub mod settings;
pub mod snapshot;
mod types;
mod view;

pub use build::{Built, Scope};
pub use connect::Postgres;
pub use error::SourceError;
pub use settings::PostgresSettings;
