//! The promises, on real servers.

mod backwards;
mod first;
mod locks;
mod restart;
mod trouble;
mod version;
