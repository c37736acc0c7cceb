//! The promises, on real servers.

mod capture;
mod first;
mod oracle;
