//! All integration tests in one binary: linking librdkafka once is enough.

mod elastic;
mod feed;
mod house;
mod http;
mod plan;
mod protocol;
mod source;
mod support;
