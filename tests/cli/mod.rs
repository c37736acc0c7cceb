//! What the verbs say to a person.

mod check;
mod init;
mod pipe;
mod schema;
mod show;
