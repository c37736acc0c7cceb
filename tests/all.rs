//! All integration tests in one binary: linking librdkafka once is enough.

#![expect(clippy::disallowed_methods, reason = "a test that spawns a task ends with it")]

mod cli;
mod docs;
mod elastic;
mod feed;
mod house;
mod http;
mod oracle;
mod pgsync;
mod plan;
mod protocol;
mod source;
mod support;
