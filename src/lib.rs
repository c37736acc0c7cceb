//! highwater keeps Elasticsearch in step with Postgres.
//!
//! `docs/ARCHITECTURE.md` tells the whole story on a page. The modules import strictly downward; this ladder is written
//! only here, and `tests/house/ladder.rs` keeps it:
//!
//! `main → cli → daemon → config → http → job, feed → pipeline → elastic, ledger, source, pgsync → plan → definition → catalog → key copies touch draft error metrics task yaml mistake`

#![warn(clippy::print_stdout, clippy::print_stderr)] // they panic when nobody reads: see `cli::say`

pub mod catalog;
pub mod cli;
pub mod config;
pub mod copies;
pub mod daemon;
pub mod definition;
pub mod draft;
pub mod elastic;
pub mod error;
pub mod feed;
pub mod http;
pub mod job;
pub mod key;
pub mod ledger;
pub mod metrics;
pub mod mistake;
pub mod pgsync;
pub mod pipeline;
pub mod plan;
pub mod source;
pub mod task;
pub mod yaml;
