//! All integration tests in one binary: linking librdkafka once is enough.

mod elastic;
mod house;
mod protocol;
mod source;
mod support;
