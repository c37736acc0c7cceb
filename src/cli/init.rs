//! `init`: a first definition for a table that is there.

use std::io::Write;
use std::path::Path;

use sqlx::Connection as _;

use super::Exit;
use super::say::{complain, out, tell};
use crate::catalog::{Catalog, Table};
use crate::config::Config;
use crate::plan::sketch::sketch;
use crate::source::Postgres;
use crate::source::catalog::read_catalog;

pub async fn init(config: &Config, root: &str, depth: usize, output: Option<&Path>) -> anyhow::Result<()> {
    let mut connection = Postgres::new(&config.postgres)?.connect().await?;
    let catalog = read_catalog(&mut connection).await?;
    connection.close().await?;
    let Some(table) = find(&catalog, root) else {
        let known: Vec<&str> = catalog.tables.iter().map(|table| table.name.as_str()).collect();
        complain!("there is no table {root:?}; known are: {}", known.join(", "));
        return Err(Exit::Usage.into());
    };
    let text = sketch(&catalog, table, depth)?;
    let Some(file) = output else {
        out(format_args!("{text}"))?;
        return Ok(());
    };
    match std::fs::File::create_new(file) {
        Ok(mut created) => created.write_all(text.as_bytes())?,
        Err(error) => {
            complain!(
                "{} cannot be written: {error}; name a file that is not there yet",
                file.display()
            );
            return Err(Exit::Usage.into());
        }
    }
    tell!("{} is written: look it over, then `highwater check`", file.display())?;
    Ok(())
}

/// The table of this name, taken literally; with a schema before a dot, or along the search path.
fn find<'c>(catalog: &'c Catalog, name: &str) -> Option<&'c Table> {
    let qualified = || {
        let mut dots = name.match_indices('.').map(|(at, _)| at);
        dots.find_map(|at| catalog.find(Some(&name[..at]), &name[at + 1..]))
    };
    catalog.find(None, name).or_else(qualified)
}
