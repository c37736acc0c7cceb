//! The promises, on real servers.

mod first;
