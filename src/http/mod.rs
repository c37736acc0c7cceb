//! What the daemon tells over HTTP: health, metrics, status.

pub mod settings;
