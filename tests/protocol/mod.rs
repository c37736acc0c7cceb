//! The promises, on real servers.

mod backwards;
mod capture;
mod first;
mod oracle;
mod version;
