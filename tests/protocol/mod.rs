//! The promises, on real servers.

mod apply;
mod backwards;
mod capture;
mod due;
mod first;
mod inherited;
mod jobs;
mod lineage;
mod locks;
mod memory;
mod oracle;
mod owner;
mod restart;
mod routing;
mod settle;
mod start;
mod swap;
mod sweep;
mod trouble;
mod version;
mod views;
