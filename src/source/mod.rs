//! What is read from Postgres: its catalog, and the values of its rows.

pub mod catalog;
pub mod encode;
