//! The program: arguments, a runtime, an exit code.

#![warn(clippy::print_stdout, clippy::print_stderr)] // they panic when nobody reads: see `cli::say`

use std::process::ExitCode;

use clap::Parser;
use highwater::cli::say::err;
use highwater::cli::{Arguments, Exit, exit};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => {
            let _ = answer.print(); // nobody reads: nothing to be said
            return if answer.use_stderr() {
                ExitCode::from(Exit::Usage as u8)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    // Everything that speaks TLS uses this one provider.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return ExitCode::from(Exit::Bug as u8);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            err(format_args!("highwater: {error}\n"));
            return ExitCode::from(Exit::Bug as u8);
        }
    };
    let outcome = runtime.block_on(highwater::cli::main(arguments));
    runtime.shutdown_background(); // all that must be settled is; a call that never returns must not keep the program
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            exit::say(&error);
            ExitCode::from(Exit::of(&error) as u8)
        }
    }
}
