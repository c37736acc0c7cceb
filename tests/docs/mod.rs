//! What the documentation shows is so: its definitions are planned and built, and what it says they give is compared.

mod definition;
mod examples;
pub mod snippet;
