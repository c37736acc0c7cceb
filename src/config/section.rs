//! One section of the configuration: each key is looked up in the environment first, then in the file.
//!
//! The twin of `postgres.url` is `HIGHWATER_POSTGRES_URL`. A twin that is empty counts as unset, and so does a value of
//! the file that expands to nothing: that is how `${VAR:-}` makes a key optional. Mistakes never show what a secret was.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::asked::{Asked, Kind};
use super::{expand::expand, unit};
use crate::mistake::{Mistakes, Place};
use crate::yaml::{Node, NodeKind, Reader, excerpt, expected};

/// What every section is read in.
pub(super) struct Around<'e> {
    pub env: &'e dyn Fn(&str) -> Option<String>,
    /// The configuration file, as places name it.
    pub file: Arc<str>,
    /// Its directory, which relative paths start from.
    pub directory: PathBuf,
    /// Where it is noted what is asked for, if anybody wants to know.
    pub asked: Option<&'e Asked>,
}

/// A text and where it came from.
pub(super) struct Written {
    pub text: String,
    pub place: Place,
}

pub(super) struct Section<'a> {
    pub around: &'a Around<'a>,
    /// Empty for the top of the file.
    pub name: &'static str,
    /// Nothing when the section is not written.
    reader: Option<Reader<'a>>,
    /// Where each key that was read had its value from.
    places: Vec<(&'static str, Place)>,
    pub mistakes: Mistakes,
}

impl<'a> Section<'a> {
    pub fn top(around: &'a Around<'a>, root: &'a Node) -> Self {
        let mut mistakes = Mistakes::default();
        let reader = Reader::new(root, &mut mistakes);
        Self {
            around,
            name: "",
            reader,
            places: Vec::new(),
            mistakes,
        }
    }

    /// A section below the top.
    pub fn nested(&mut self, name: &'static str) -> Section<'a> {
        let reader = self
            .reader
            .as_mut()
            .and_then(|reader| reader.nested(name, &mut self.mistakes));
        Section {
            around: self.around,
            name,
            reader,
            places: Vec::new(),
            mistakes: Mistakes::default(),
        }
    }

    /// Hands over the mistakes, unknown keys among them.
    pub fn finish(mut self, all: &mut Mistakes) {
        if let Some(reader) = self.reader.take() {
            reader.finish(&mut self.mistakes);
        }
        all.0.append(&mut self.mistakes.0);
    }

    /// Whether anything is written beneath the section's name.
    pub fn is_written(&self) -> bool {
        self.reader
            .as_ref()
            .is_some_and(|reader| reader.keys().next().is_some())
    }

    /// Whether a key is written in the file.
    pub fn has(&self, key: &str) -> bool {
        self.reader.as_ref().is_some_and(|reader| reader.has(key))
    }

    /// Whether a key that was read had a value, here or in the environment.
    pub fn was_read(&self, key: &str) -> bool {
        self.places.iter().any(|(read, _)| *read == key)
    }

    /// Where a key's value came from, or would be written.
    pub fn place(&self, key: &str) -> Place {
        let known = self
            .places
            .iter()
            .find(|(read, _)| *read == key)
            .map(|(_, place)| place.clone());
        let section = self
            .reader
            .as_ref()
            .map(|reader| reader.place().clone())
            .filter(|place| !place.path.is_empty());
        let path = if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        };
        known.unwrap_or_else(|| Place {
            path,
            ..section.unwrap_or_else(|| Place {
                file: Arc::clone(&self.around.file),
                ..Place::default()
            })
        })
    }

    /// The name of a key's twin in the environment.
    pub fn twin_name(&self, key: &str) -> String {
        let path = if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}_{key}", self.name)
        };
        format!("HIGHWATER_{}", path.to_uppercase())
    }

    pub fn ask(&self, key: &'static str, kind: Kind, default: Option<String>) {
        if let Some(asked) = self.around.asked {
            asked.note(self.name, key, kind, default);
        }
    }

    /// A single value as text.
    pub fn text(&mut self, key: &'static str) -> Option<Written> {
        self.ask(key, Kind::Text, None);
        let node = self.take(key);
        self.twin(key).or_else(|| self.expanded(key, node?))
    }

    /// One of these words; `default` where none is written.
    pub fn choice<T: Copy + PartialEq>(&mut self, key: &'static str, default: T, words: &[(&'static str, T)]) -> T {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let usual = words.iter().find(|(_, value)| *value == default);
        self.ask(
            key,
            Kind::Choice(known.clone()),
            usual.map(|(word, _)| (*word).to_owned()),
        );
        let (last, others) = known.split_last().unwrap_or((&"", &[]));
        let kind = format!("`{}` or `{last}`", others.join("`, `"));
        self.value(key, default, &kind, |text| {
            words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
        })
    }

    /// A value that `parse` understands; `default` where none is written.
    pub fn value<T>(&mut self, key: &'static str, default: T, kind: &str, parse: impl Fn(&str) -> Option<T>) -> T {
        let Some(Written { text, place }) = self.text(key) else {
            return default;
        };
        parse(text.trim()).unwrap_or_else(|| {
            let found = format!("`{}` is not {kind}", excerpt(&text));
            self.mistakes
                .add(&place, found, "write one, or leave the key out for the default");
            default
        })
    }

    /// A whole number within `range`.
    pub fn count<T: FromStr + PartialOrd + Display>(
        &mut self,
        key: &'static str,
        default: T,
        range: RangeInclusive<T>,
    ) -> T {
        let (least, most) = (range.start().to_string(), range.end().to_string());
        let kind = format!("a whole number from {least} to {most}");
        self.ask(key, Kind::Count(least, most), Some(default.to_string()));
        self.value(key, default, &kind, |text| {
            text.parse().ok().filter(|number| range.contains(number))
        })
    }

    pub fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        self.ask(key, Kind::Boolean, Some(default.to_string()));
        self.value(key, default, "`true` or `false`", |text| text.parse().ok())
    }

    /// A length of time above zero.
    pub fn duration(&mut self, key: &'static str, default: Duration) -> Duration {
        self.ask(
            key,
            Kind::Duration,
            Some(humantime::format_duration(default).to_string()),
        );
        self.value(
            key,
            default,
            "a duration with its unit, such as `300ms`, `30s`, `5m` or `7d`",
            |text| {
                humantime::parse_duration(text)
                    .ok()
                    .filter(|duration| !duration.is_zero())
            },
        )
    }

    /// A size above zero.
    pub fn bytes(&mut self, key: &'static str, default: usize) -> usize {
        self.ask(key, Kind::Bytes, Some(unit::written(default)));
        self.value(key, default, "a size with its unit, such as `8MB` or `64MiB`", |text| {
            unit::bytes(text).filter(|bytes| *bytes > 0)
        })
    }

    /// A file that can be read.
    pub fn file(&mut self, key: &'static str) -> Option<PathBuf> {
        let Written { text, place } = self.text(key)?;
        let path = self.around.directory.join(text);
        if let Err(error) = fs::File::open(&path) {
            self.unreadable(&place, &path, &error);
        }
        Some(path)
    }

    /// A list, or one text with its entries parted by commas.
    pub fn list(&mut self, key: &'static str) -> Option<Vec<Written>> {
        self.ask(key, Kind::List, None);
        let node = self.take(key);
        if let Some(written) = self.twin(key) {
            return Some(split(&written));
        }
        if let Some(node) = node {
            self.places.push((key, node.place.clone()));
        }
        match &node?.kind {
            NodeKind::Sequence(items) => Some(items.iter().filter_map(|item| self.expanded(key, item)).collect()),
            _ => self.expanded(key, node?).map(|written| split(&written)),
        }
    }

    /// Names and values; as a twin `name=value`, parted by commas.
    pub fn map(&mut self, key: &'static str) -> BTreeMap<String, String> {
        self.ask(key, Kind::Map, None);
        let node = self.take(key);
        if let Some(written) = self.twin(key) {
            let pairs = split(&written).into_iter().filter_map(|pair| {
                let (name, value) = pair.text.split_once('=')?;
                Some((name.trim().to_owned(), value.trim().to_owned()))
            });
            return pairs.collect();
        }
        let Some(node) = node else { return BTreeMap::new() };
        let entries = Reader::new(node, &mut self.mistakes)
            .map(Reader::rest)
            .unwrap_or_default();
        let mut map = BTreeMap::new();
        for (name, value) in entries {
            if let Some(written) = self.expanded(key, value) {
                map.insert(name.text.clone(), written.text);
            }
        }
        map
    }

    pub fn unreadable(&mut self, place: &Place, path: &Path, error: &std::io::Error) {
        let found = format!("{} cannot be read: {error}", path.display());
        self.mistakes.add(
            place,
            found,
            "check the path, and that the user highwater runs as may read it",
        );
    }

    pub fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.reader.as_mut().and_then(|reader| reader.take(key))
    }

    /// The value of a key's twin.
    pub fn twin(&mut self, key: &'static str) -> Option<Written> {
        let name = self.twin_name(key);
        let text = (self.around.env)(&name).filter(|text| !text.is_empty())?;
        let place = Place {
            file: "environment".into(),
            path: name,
            ..Place::default()
        };
        self.places.push((key, place.clone()));
        Some(Written { text, place })
    }

    /// A scalar with its references replaced.
    pub fn expanded(&mut self, key: &'static str, node: &Node) -> Option<Written> {
        if node.is_null() {
            return None;
        }
        let place = node.place.clone();
        self.places.push((key, place.clone()));
        let Some(text) = node.text() else {
            expected(node, "a single value", "write it behind the key", &mut self.mistakes);
            return None;
        };
        match expand(text, self.around.env) {
            Ok(text) => (!text.is_empty()).then_some(Written { text, place }),
            Err((found, remedy)) => {
                self.mistakes.add(&place, found, remedy);
                None
            }
        }
    }
}

fn split(written: &Written) -> Vec<Written> {
    let entries = written.text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| Written {
            text: entry.to_owned(),
            place: written.place.clone(),
        })
        .collect()
}
