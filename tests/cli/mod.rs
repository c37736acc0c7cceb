//! What the verbs say to a person.

mod check;
mod init;
mod pipe;
mod presence;
mod public;
mod rights;
mod round;
mod schema;
mod show;
mod verify;
