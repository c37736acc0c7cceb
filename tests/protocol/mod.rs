//! The promises, on real servers.

mod backwards;
mod capture;
mod first;
mod lineage;
mod locks;
mod oracle;
mod restart;
mod sweep;
mod trouble;
mod version;
