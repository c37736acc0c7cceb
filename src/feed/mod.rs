//! Sources of touches, and the promise that each is settled before it is forgotten.

pub mod kafka;
pub mod settings;
