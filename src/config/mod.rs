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
        Reading::of(path, env).sound()
    }

    /// The same without the definitions: before there are any.
    ///
    /// # Errors
    /// Every mistake of the file.
    pub fn load_alone(path: &Path, env: &impl Fn(&str) -> Option<String>) -> Result<Self, Mistakes> {
        let without = |top: &mut Section<'_>, _: &Around<'_>, _: &mut Mistakes| {
            top.list("indexes");
            Vec::new()
        };
        Reading::with(path, env, without).sound()
    }
}

/// A configuration as far as it could be read, and all that is wrong with it: for who goes on to look for more.
#[derive(Debug)]
pub struct Reading {
    /// Nothing where the file cannot be read at all. What has mistakes stands there with its defaults, or as far as it
    /// could be made out.
    pub config: Option<Config>,
    pub mistakes: Mistakes,
    /// Sections that hold a mistake, and do not say what they were meant to.
    pub unsound: Vec<&'static str>,
}

impl Reading {
    /// Reads the file at `path` and the definitions it names; `env` looks up a variable of the environment.
    pub fn of(path: &Path, env: &impl Fn(&str) -> Option<String>) -> Self {
        Self::with(path, env, indexes::load)
    }

    /// The configuration, when nothing is wrong.
    ///
    /// # Errors
    /// Every mistake of every file, in file order.
    pub fn sound(self) -> Result<Config, Mistakes> {
        match self.config {
            Some(config) => self.mistakes.or(config),
            None => Err(self.mistakes),
        }
    }

    fn with(path: &Path, env: &impl Fn(&str) -> Option<String>, definitions: Definitions) -> Self {
        let (mut mistakes, mut unsound) = (Mistakes::default(), Vec::new());
        let file = path.display().to_string();
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let around = Around {
            env,
            file: file.as_str().into(),
            directory,
            asked: None,
        };
        let root = match fs::read_to_string(path) {
            Ok(text) => Node::read(&file, &text, &mut mistakes),
            Err(error) => {
                let place = Place {
                    file: around.file.clone(),
                    ..Place::default()
                };
                let remedy = "name the file with `--config`; it holds `postgres:` and `elasticsearch:` at least";
                mistakes.add(&place, format!("the configuration cannot be read: {error}"), remedy);
                None
            }
        };
        let config = root.map(|root| read(path, &root, &around, definitions, (&mut mistakes, &mut unsound)));
        Self {
            config,
            mistakes: mistakes.in_file_order(),
            unsound,
        }
    }
}

/// How the definitions are come by.
type Definitions = fn(&mut Section<'_>, &Around<'_>, &mut Mistakes) -> Vec<Definition>;

fn read(
    path: &Path,
    root: &Node,
    around: &Around<'_>,
    definitions: Definitions,
    (mistakes, unsound): (&mut Mistakes, &mut Vec<&'static str>),
) -> Config {
    let mut top = Section::top(around, root);
    let postgres = finished(top.nested("postgres"), servers::postgres, mistakes, unsound);
    let pipeline = finished(top.nested("pipeline"), work::pipeline, mistakes, unsound);
    let body_bytes = pipeline.body_bytes;
    let elastic = |section: &mut Section<'_>| servers::elastic(section, body_bytes);
    let config = Config {
        file: path.to_owned(),
        postgres,
        elastic: finished(top.nested("elasticsearch"), elastic, mistakes, unsound),
        feed: FeedSettings {
            feeds: work::feeds(&mut top),
            touch_log: finished(top.nested("touch_log"), work::touch_log, mistakes, unsound),
            kafka: finished(top.nested("kafka"), servers::kafka, mistakes, unsound),
        },
        pipeline,
        job: work::jobs(&mut top, mistakes),
        http: finished(top.nested("http"), work::http, mistakes, unsound),
        log: finished(top.nested("log"), log::read, mistakes, unsound),
        definitions: definitions(&mut top, around, mistakes),
    };
    top.finish(mistakes);
    config
}

/// Reads a section to its end, and notes its name where it has mistakes.
fn finished<T>(
    mut section: Section<'_>,
    read: impl Fn(&mut Section<'_>) -> T,
    mistakes: &mut Mistakes,
    unsound: &mut Vec<&'static str>,
) -> T {
    let (before, name) = (mistakes.0.len(), section.name);
    let settings = read(&mut section);
    section.finish(mistakes);
    if mistakes.0.len() > before {
        unsound.push(name);
    }
    settings
}

#[cfg(test)]
mod tests;
