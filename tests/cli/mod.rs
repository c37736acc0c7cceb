//! What the verbs say to a person.

mod check;
mod init;
mod pipe;
mod public;
mod schema;
mod show;
