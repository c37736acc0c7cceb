//! What a verb says, to people and pipes: whoever reads may leave at any moment, as `head` does.
//!
//! The standard macros panic then. Here it is an error like any other: it ends the verb, and `main` keeps silent about it.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

/// Writes to stdout.
///
/// # Errors
/// Nobody reads any more, or there is no room.
pub fn out(text: Arguments<'_>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_fmt(text)?;
    stdout.flush()
}

/// Writes to stderr, where nothing can be said about a failure.
pub fn err(text: Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(text);
}

/// Whether an error is only that nobody reads any more.
#[must_use]
pub fn is_unread(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// A line to stdout; a `Result`, since its reader may be gone.
macro_rules! tell {
    ($($text:tt)*) => { $crate::cli::say::out(format_args!("{}\n", format_args!($($text)*))) };
}
pub(super) use tell;

/// A line to stderr.
macro_rules! complain {
    ($($text:tt)*) => { $crate::cli::say::err(format_args!("{}\n", format_args!($($text)*))) };
}
pub(super) use complain;
