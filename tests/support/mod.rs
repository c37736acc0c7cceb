//! What several integration tests stand on.

pub mod built;
pub mod exact;
pub mod own;
pub mod postgres;
pub mod proxy;
pub mod schema;
pub mod world;
