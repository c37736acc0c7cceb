//! `schema`: what editors need to complete and check a file.

use clap::ValueEnum;

use super::say::tell;

/// Which kind of file.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Of {
    Config,
    Definition,
}

pub fn schema(of: Of) -> anyhow::Result<()> {
    let schema = match of {
        Of::Config => crate::config::schema(),
        Of::Definition => crate::definition::schema(),
    };
    tell!("{}", serde_json::to_string_pretty(&schema)?)?;
    Ok(())
}
