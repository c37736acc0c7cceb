//! Rules of the house that no compiler keeps: the ladder of the modules, the dependencies, the compose file, and what
//! must not be written in a tracked file. They read files only and need no server.

mod compose;
mod deny;
mod ladder;
mod tracked;

use std::fs;
use std::path::Path;

/// A file of the repository, by its path from the top.
fn read(path: &str) -> String {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&full).unwrap_or_else(|error| panic!("{path}: {error}"))
}
