//! The promises, on real servers.

mod apply;
mod backwards;
mod capture;
mod first;
mod locks;
mod oracle;
mod restart;
mod sweep;
mod trouble;
mod version;
