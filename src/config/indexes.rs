//! The definitions beside the configuration: which files, and that no two of them feed the same index.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::section::{Around, Section, Written};
use crate::definition::Definition;
use crate::mistake::{Mistakes, Place};

/// The directory that is read when `indexes:` is not written.
const DIRECTORY: &str = "indexes";

/// Every definition that `indexes:` names, as far as it can be made out.
pub(super) fn load(section: &mut Section<'_>, around: &Around<'_>, mistakes: &mut Mistakes) -> Vec<Definition> {
    let place = section.place("indexes");
    let paths = section.list("indexes");
    if paths.as_ref().is_some_and(Vec::is_empty) {
        let place = section.place("indexes");
        section.mistakes.add(
            &place,
            "no definitions",
            "name their directory or files, or leave the key out",
        );
    }
    let paths = paths.unwrap_or_else(|| {
        vec![Written {
            text: DIRECTORY.to_owned(),
            place,
        }]
    });
    let mut definitions = Vec::new();
    for written in &paths {
        for file in files(written, around, mistakes) {
            match text(&file) {
                Ok(text) => definitions.extend(Definition::read(&file.display().to_string(), &text, mistakes)),
                Err(error) => unreadable(&written.place, &file, &error, mistakes),
            }
        }
    }
    refuse_twins(&definitions, mistakes);
    definitions
}

/// The file itself, or the YAML files of the directory, by name.
fn files(written: &Written, around: &Around<'_>, mistakes: &mut Mistakes) -> Vec<PathBuf> {
    let path = around.directory.join(&written.text);
    if written.text.contains(['*', '?']) {
        let found = format!("`{}` is a pattern", written.text);
        mistakes.add(&written.place, found, "name the directory, or each file");
        return Vec::new();
    }
    if path.is_file() {
        return vec![path];
    }
    let entries = fs::read_dir(&path).and_then(|entries| {
        entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()
    });
    match entries {
        Ok(mut entries) => {
            entries.retain(|entry| is_definition(entry));
            entries.sort();
            if entries.is_empty() {
                let found = format!("no definitions in {}", path.display());
                mistakes.add(&written.place, found, "write one, such as `books.yaml`, into it");
            }
            entries
        }
        Err(error) => {
            unreadable(&written.place, &path, &error, mistakes);
            Vec::new()
        }
    }
}

fn is_definition(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let yaml = path
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml");
    !hidden && yaml && path.is_file()
}

fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(fs::read(path)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

fn unreadable(place: &Place, path: &Path, error: &io::Error, mistakes: &mut Mistakes) {
    let found = format!("{} cannot be read: {error}", path.display());
    mistakes.add(
        place,
        found,
        "`indexes:` is a directory or a list of files, from the configuration's own directory",
    );
}

fn refuse_twins(definitions: &[Definition], mistakes: &mut Mistakes) {
    let named = definitions.iter().filter(|definition| !definition.index.is_empty());
    let definitions: Vec<&Definition> = named.collect();
    for (position, definition) in definitions.iter().enumerate() {
        let others = definitions.iter().enumerate().filter(|(other, _)| *other != position);
        if let Some((_, other)) = others.into_iter().find(|(_, other)| other.index == definition.index) {
            let found = format!(
                "the index `{}` is also defined in {}:{}",
                definition.index, other.place.file, other.place.line
            );
            mistakes.add(&definition.place, found, "give each index one definition");
        }
    }
}
