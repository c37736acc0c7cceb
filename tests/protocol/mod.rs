//! The promises, on real servers.

mod backwards;
mod first;
mod version;
