//! What several integration tests stand on.

pub mod exact;
pub mod postgres;
pub mod world;
