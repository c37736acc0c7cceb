//! `import`: definitions out of another tool's file, by the tables that are there.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use sqlx::Connection as _;

use super::Exit;
use super::exit::Failure;
use super::say::{complain, out, tell};
use crate::catalog::Catalog;
use crate::config::Config;
use crate::mistake::{Mistakes, counted};
use crate::pgsync::{self, Document, Translated};
use crate::source::Postgres;
use crate::source::catalog::read_catalog;

/// The tools whose files are known.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// PGSync's schema.json; what has no counterpart is told, and stands as a comment in the definition
    Pgsync {
        /// The schema
        file: PathBuf,
        /// Write each index to a file of its name in this folder, where it must not be yet, instead of printing them
        #[arg(long, short, value_name = "DIR")]
        output: Option<PathBuf>,
    },
}

pub async fn import(config: &Config, from: Import, env: &impl Fn(&str) -> Option<String>) -> anyhow::Result<()> {
    let Import::Pgsync { file, output } = from;
    let text = fs::read_to_string(&file).map_err(|error| Failure {
        exit: Exit::Usage,
        found: format!("{} cannot be read: {error}", file.display()),
        remedy: "name PGSync's schema.json".to_owned(),
    })?;
    let documents = pgsync::read(&file.display().to_string(), &text, env)?;
    let mut connection = Postgres::new(&config.postgres)?.connect().await?;
    let catalog = read_catalog(&mut connection).await?;
    connection.close().await?;
    let definitions = translated(&documents, &catalog)?;
    match output {
        Some(folder) => write(&folder, &definitions)?,
        None => print(&definitions)?,
    }
    tell_remarks(&definitions);
    Ok(())
}

/// All of them, or every mistake of any.
fn translated(documents: &[Document], catalog: &Catalog) -> Result<Vec<Translated>, Mistakes> {
    let (mut definitions, mut mistakes) = (Vec::new(), Mistakes::default());
    let mut indexes = HashSet::new();
    for document in documents {
        if !indexes.insert(&document.index.text) {
            mistakes.add(
                &document.index.place,
                format!("the index {} a second time", document.index.text),
                "an index has rows of one table: give this one a name of its own, and search both",
            );
        }
        match pgsync::translate(document, catalog) {
            Ok(definition) => definitions.push(definition),
            Err(more) => mistakes.merge(more),
        }
    }
    mistakes.or(definitions)
}

fn print(definitions: &[Translated]) -> anyhow::Result<()> {
    for (at, definition) in definitions.iter().enumerate() {
        let parting = if at == 0 { "" } else { "---\n" };
        out(format_args!("{parting}{}", definition.text))?;
    }
    Ok(())
}

/// Writes all of them, or none.
fn write(folder: &Path, definitions: &[Translated]) -> anyhow::Result<()> {
    let failed = |file: &Path, error: &std::io::Error| Failure {
        exit: Exit::Usage,
        found: format!("{} cannot be written: {error}", file.display()),
        remedy: "name a folder in which no file has the name of an index".to_owned(),
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let mut created = Vec::new();
    for definition in definitions {
        let file = folder.join(format!("{}.yaml", definition.index));
        match fs::File::create_new(&file) {
            Ok(opened) => created.push((file, opened, definition)),
            Err(error) => {
                for (file, ..) in created {
                    let _ = fs::remove_file(file); // empty, and made above
                }
                return Err(failed(&file, &error).into());
            }
        }
    }
    for (file, mut opened, definition) in created {
        opened
            .write_all(definition.text.as_bytes())
            .map_err(|error| failed(&file, &error))?;
        tell!("{} is written: look it over, then `highwater check`", file.display())?;
    }
    Ok(())
}

fn tell_remarks(definitions: &[Translated]) {
    let remarks: Vec<_> = definitions
        .iter()
        .flat_map(|definition| &definition.remarks.0)
        .collect();
    for remark in &remarks {
        complain!("note: {remark}");
    }
    if !remarks.is_empty() {
        complain!(
            "{}, also in the definitions as comments",
            counted(remarks.len(), "note")
        );
    }
}
