//! One release of the documentation, as the site should hold it: every page read, every reference turned into the name it means.
//!
//! A writer may say `lend`, `Book.lend` or `.lend` and mean `shop.books.Book.lend`. Here each mention gets the one name under which
//! the thing is known, so that the database resolves it by plain equality, whatever order pages arrive in.

use crate::body::Reference;
use crate::inline::Domain;
use crate::rst::{self, Section};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

pub struct Corpus {
    /// `5.1`
    pub series: String,
    /// `5.1.15`
    pub version: String,
    /// By path without the ending: `ref/models/fields`.
    pub pages: BTreeMap<String, Vec<Section>>,
}

impl Corpus {
    pub fn read(docs: &Path, series: &str) -> Result<Self> {
        let folder = docs.join(series);
        let version = std::fs::read_to_string(folder.join("VERSION"))
            .with_context(|| format!("{} is not there; demo/fetch brings it", folder.display()))?;
        let mut pages = BTreeMap::new();
        for file in texts(&folder)? {
            let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let sections = rst::sections(&text);
            if !sections.is_empty() {
                pages.insert(page_path(&folder, &file), sections);
            }
        }
        keep_first_labels(&mut pages);
        let names = Names::of(&pages);
        for (path, sections) in &mut pages {
            for reference in sections.iter_mut().flat_map(|section| &mut section.references) {
                reference.target = names.meant(path, reference);
            }
        }
        Ok(Self {
            series: series.to_string(),
            version: version.trim().to_string(),
            pages,
        })
    }

    pub fn sections(&self) -> impl Iterator<Item = &Section> {
        self.pages.values().flatten()
    }
}

fn texts(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "txt") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn page_path(folder: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(folder).unwrap_or(file).with_extension("");
    inside
        .iter()
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

/// A label names one section of the whole site. Where two pages use the same, the first keeps it.
fn keep_first_labels(pages: &mut BTreeMap<String, Vec<Section>>) {
    let mut seen = HashSet::new();
    for section in pages.values_mut().flatten() {
        section.labels.retain(|label| seen.insert(label.clone()));
    }
}

/// The names that Python objects go by.
#[derive(Default)]
struct Names {
    full: HashSet<String>,
    /// By last component, for mentions that leave out the beginning.
    by_end: HashMap<String, Vec<String>>,
}

impl Names {
    fn of(pages: &BTreeMap<String, Vec<Section>>) -> Self {
        let mut names = Self::default();
        let objects = pages.values().flatten().flat_map(|section| &section.objects);
        for object in objects.filter(|object| object.domain == Domain::Python) {
            if names.full.insert(object.name.clone()) {
                names
                    .by_end
                    .entry(last_component(&object.name).to_string())
                    .or_default()
                    .push(object.name.clone());
            }
        }
        names
    }

    fn meant(&self, page: &str, reference: &Reference) -> String {
        match reference.domain {
            Domain::Label => reference.target.to_lowercase(),
            Domain::Document => absolute(page, &reference.target),
            Domain::Python => self.python(reference),
            _ => reference.target.clone(),
        }
    }

    /// As written inside the class and module around it, as written, or as the end of exactly one known name.
    fn python(&self, reference: &Reference) -> String {
        let written = reference.target.trim_end_matches("()").trim_start_matches('.');
        let outward: Vec<&str> = reference.scope.iter().rev().map(String::as_str).collect();
        let inside = (1..=outward.len())
            .rev()
            .map(|depth| format!("{}.{written}", outward[..depth].join(".")));
        let known = inside
            .chain([written.to_string()])
            .find(|name| self.full.contains(name));
        known
            .or_else(|| self.only_one_ending(written))
            .unwrap_or_else(|| written.to_string())
    }

    fn only_one_ending(&self, written: &str) -> Option<String> {
        let suffix = format!(".{written}");
        let mut ending = self
            .by_end
            .get(last_component(written))?
            .iter()
            .filter(|name| name.ends_with(&suffix));
        ending.next().filter(|_| ending.next().is_none()).cloned()
    }
}

fn last_component(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// `../models` seen from `ref/forms/fields` is `ref/models`; `/ref/models` is so from everywhere.
fn absolute(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        parts.clear();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mention(domain: Domain, target: &str, scope: &[&str]) -> Reference {
        Reference {
            domain,
            target: target.to_string(),
            scope: scope.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_page_is_found_from_where_it_is_mentioned() {
        assert_eq!(absolute("ref/forms/fields", "/topics/db"), "topics/db");
        assert_eq!(absolute("ref/forms/fields", "../models/fields"), "ref/models/fields");
        assert_eq!(absolute("index", "intro/install"), "intro/install");
    }

    #[test]
    fn a_short_name_means_the_nearest_object() {
        let pages = BTreeMap::from([(
            "books".to_string(),
            rst::sections(
                "Books\n=====\n\n.. module:: shop\n\n.. class:: Book\n\n   .. method:: lend()\n   .. method:: open()\n\n.. class:: Shop\n\n   .. method:: open()\n",
            ),
        )]);
        let names = Names::of(&pages);
        let python = |target, scope: &[&str]| names.meant("books", &mention(Domain::Python, target, scope));
        assert_eq!(python("open", &["Shop", "shop"]), "shop.Shop.open");
        assert_eq!(python("Book.lend()", &["shop"]), "shop.Book.lend");
        assert_eq!(python("Book", &["Shop", "shop"]), "shop.Book");
        assert_eq!(python(".lend", &[]), "shop.Book.lend");
        assert_eq!(python("open", &[]), "open", "two candidates: nobody guesses");
    }
}
