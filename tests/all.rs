//! All integration tests, in one binary; see `autotests` in `Cargo.toml`.

mod source;
mod support;
