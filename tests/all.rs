//! All integration tests in one binary: linking librdkafka once is enough.

mod cli;
mod elastic;
mod feed;
mod house;
mod http;
mod protocol;
mod source;
mod support;
