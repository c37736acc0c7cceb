//! The configuration: one YAML file, the definitions beside it, and the environment over it.
//!
//! Each module owns its settings and gives the reasons of their defaults; this one reads them all at once and reports
//! every mistake, so that what comes out needs no second look. Sections and keys are those of `config/highwater.yaml`.

mod asked;
mod expand;
mod indexes;
mod log;
mod schema;
mod secret;
mod section;
mod servers;
mod unit;
mod work;

use std::fs;
use std::path::{Path, PathBuf};

pub use log::{LogFormat, LogLevel, LogSettings};
pub use schema::schema;

use crate::definition::Definition;
use crate::elastic::ElasticSettings;
use crate::feed::settings::FeedSettings;
use crate::http::settings::HttpSettings;
use crate::job::settings::JobSettings;
use crate::mistake::{Mistakes, Place};
use crate::pipeline::settings::PipelineSettings;
use crate::source::settings::PostgresSettings;
use crate::yaml::Node;
use section::{Around, Section};

/// Everything a daemon needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file this was read from.
    pub file: PathBuf,
    pub postgres: PostgresSettings,
    pub elastic: ElasticSettings,
    pub feed: FeedSettings,
    pub pipeline: PipelineSettings,
    pub job: JobSettings,
    pub http: HttpSettings,
    pub log: LogSettings,
    /// In the order of their files; no two have the same index.
    pub definitions: Vec<Definition>,
}

impl Config {
    /// Reads the file at `path` and the definitions it names; `env` looks up a variable of the environment.
    ///
    /// # Errors
    /// Every mistake of every file, in file order.
    pub fn load(path: &Path, env: &impl Fn(&str) -> Option<String>) -> Result<Self, Mistakes> {
        Self::load_with(path, env, indexes::load)
    }

    /// The same without the definitions: before there are any.
    ///
    /// # Errors
    /// Every mistake of the file.
    pub fn load_alone(path: &Path, env: &impl Fn(&str) -> Option<String>) -> Result<Self, Mistakes> {
        Self::load_with(path, env, |top, _, _| {
            top.list("indexes");
            Vec::new()
        })
    }

    fn load_with(
        path: &Path,
        env: &impl Fn(&str) -> Option<String>,
        definitions: Definitions,
    ) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        let file = path.display().to_string();
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let around = Around {
            env,
            file: file.as_str().into(),
            directory,
            asked: None,
        };
        let text = fs::read_to_string(path).map_err(|error| {
            let place = Place {
                file: around.file.clone(),
                ..Place::default()
            };
            let remedy = "name the file with `--config`; it holds `postgres:` and `elasticsearch:` at least";
            mistakes.add(&place, format!("the configuration cannot be read: {error}"), remedy);
            std::mem::take(&mut mistakes)
        })?;
        let config =
            Node::read(&file, &text, &mut mistakes).map(|root| read(path, &root, &around, definitions, &mut mistakes));
        match config {
            Some(config) => mistakes.in_file_order().or(config),
            None => Err(mistakes.in_file_order()),
        }
    }
}

/// How the definitions are come by.
type Definitions = fn(&mut Section<'_>, &Around<'_>, &mut Mistakes) -> Vec<Definition>;

fn read(path: &Path, root: &Node, around: &Around<'_>, definitions: Definitions, mistakes: &mut Mistakes) -> Config {
    let mut top = Section::top(around, root);
    let postgres = finished(top.nested("postgres"), servers::postgres, mistakes);
    let pipeline = finished(top.nested("pipeline"), work::pipeline, mistakes);
    let body_bytes = pipeline.body_bytes;
    let elastic = |section: &mut Section<'_>| servers::elastic(section, body_bytes);
    let config = Config {
        file: path.to_owned(),
        postgres,
        elastic: finished(top.nested("elasticsearch"), elastic, mistakes),
        feed: FeedSettings {
            feeds: work::feeds(&mut top),
            touch_log: finished(top.nested("touch_log"), work::touch_log, mistakes),
            kafka: finished(top.nested("kafka"), servers::kafka, mistakes),
        },
        pipeline,
        job: work::jobs(&mut top, mistakes),
        http: finished(top.nested("http"), work::http, mistakes),
        log: finished(top.nested("log"), log::read, mistakes),
        definitions: definitions(&mut top, around, mistakes),
    };
    top.finish(mistakes);
    config
}

/// Reads a section to its end.
fn finished<T>(mut section: Section<'_>, read: impl Fn(&mut Section<'_>) -> T, mistakes: &mut Mistakes) -> T {
    let settings = read(&mut section);
    section.finish(mistakes);
    settings
}

#[cfg(test)]
mod tests;
