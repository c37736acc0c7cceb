//! What the verbs say to a person.

mod check;
mod pipe;
