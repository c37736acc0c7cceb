<<<<<<< HEAD
//! All integration tests, in one binary; see `autotests` in `Cargo.toml`.

mod source;
mod support;
=======
//! All integration tests in one binary: linking librdkafka once is enough.

mod house;
>>>>>>> stack
