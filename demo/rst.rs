//! One documentation page, from reStructuredText to sections: the headings make the tree, `body.rs` reads what stands between them.
//!
//! Only what a search over the text needs is understood, and nothing is refused: a construct nobody taught this reader stays as text.

use crate::body::{Body, Note, Object, Reference, Walk};
use std::collections::HashMap;

/// A heading with all that belongs to it up to the next heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Index of the enclosing section in the page; it always comes earlier.
    pub parent: Option<usize>,
    /// Place among the sections of the same parent, from 0.
    pub position: i32,
    /// Depth in the tree, from 1.
    pub level: i16,
    pub title: String,
    /// The title as a fragment of an address, unique in the page.
    pub anchor: String,
    /// Plain text, without markup.
    pub body: String,
    pub labels: Vec<String>,
    pub objects: Vec<Object>,
    pub references: Vec<Reference>,
    pub notes: Vec<Note>,
}

/// The sections of a page in reading order; none if the text has no heading at all.
pub fn sections(text: &str) -> Vec<Section> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let headings = headings(&lines);
    let mut tree = Tree::default();
    let mut walk = Walk::default();
    for (at, heading) in headings.iter().enumerate() {
        // What stands before the first heading (a module, a label, a comment) belongs to it.
        let prelude = if at == 0 { 0 } else { heading.own_from };
        let end = headings.get(at + 1).map_or(lines.len(), |next| next.own_from);
        let mut body = walk.section(&lines[prelude..heading.first], &lines[heading.last + 1..end]);
        let title = walk.plain(heading.title, &mut body);
        tree.push(heading.style, title, body);
    }
    tree.sections
}

/// How a heading is drawn: the character, and whether it has a line above. Rank follows from the order of first use in the page.
type Style = (char, bool);

struct Heading<'a> {
    /// Its first and last line, the adornments included.
    first: usize,
    last: usize,
    /// Where the labels and descriptions directly above it begin: they speak of this section, not of the one before.
    own_from: usize,
    style: Style,
    title: &'a str,
}

fn headings<'a>(lines: &[&'a str]) -> Vec<Heading<'a>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        match heading(lines, at) {
            Some(heading) => {
                at = heading.last + 1;
                found.push(heading);
            }
            None => at += 1,
        }
    }
    found
}

fn heading<'a>(lines: &[&'a str], at: usize) -> Option<Heading<'a>> {
    let line = |i: usize| lines.get(i).copied().unwrap_or_default();
    if at > 0 && !line(at - 1).is_empty() && !line(at - 1).starts_with(".. ") {
        return None; // inside a paragraph or a table
    }
    let (title, underline, overlined) = match adornment(line(at)) {
        Some(_) => (at + 1, at + 2, true),
        None => (at, at + 1, false),
    };
    let text = line(title);
    let mark = adornment(line(underline))?;
    let drawn_to_its_end = line(underline).chars().count() >= text.trim().chars().count();
    let is_text = !text.trim().is_empty() && adornment(text).is_none() && (overlined || !text.starts_with([' ', '\t']));
    if !is_text || !drawn_to_its_end || (overlined && adornment(line(at)) != Some(mark)) {
        return None;
    }
    let own_from = (0..at)
        .rev()
        .take_while(|&i| line(i).is_empty() || announces(line(i)))
        .last()
        .unwrap_or(at);
    Some(Heading {
        first: at,
        last: underline,
        own_from,
        style: (mark, overlined),
        title: text.trim(),
    })
}

/// Whether a line speaks of the heading below it: a label, or one of the things that Django's writers describe by a whole section.
fn announces(line: &str) -> bool {
    const DESCRIBED_BY_A_SECTION: [&str; 6] = [
        "setting",
        "templatetag",
        "templatefilter",
        "fieldlookup",
        "django-admin",
        "currentmodule",
    ];
    let Some(explicit) = line.strip_prefix(".. ") else {
        return false;
    };
    explicit.starts_with('_')
        || explicit
            .split_once("::")
            .is_some_and(|(name, _)| DESCRIBED_BY_A_SECTION.contains(&name))
}

/// The character of a line that consists of nothing but three or more of it.
fn adornment(line: &str) -> Option<char> {
    let first = line.chars().next().filter(char::is_ascii_punctuation)?;
    (line.len() >= 3 && line.chars().all(|c| c == first)).then_some(first)
}

/// Grows the sections of one page, heading by heading.
#[derive(Default)]
struct Tree {
    sections: Vec<Section>,
    ranks: Vec<Style>,
    /// The open section of each rank above the next heading, as (rank, index).
    open: Vec<(usize, usize)>,
    children: HashMap<Option<usize>, i32>,
    anchors: HashMap<String, usize>,
}

impl Tree {
    fn push(&mut self, style: Style, title: String, body: Body) {
        let rank = self.ranks.iter().position(|&known| known == style).unwrap_or_else(|| {
            self.ranks.push(style);
            self.ranks.len() - 1
        });
        self.open.retain(|&(above, _)| above < rank);
        let parent = self.open.last().map(|&(_, index)| index);
        let level = i16::try_from(self.open.len()).unwrap_or(i16::MAX - 1) + 1;
        self.open.push((rank, self.sections.len()));
        let next = self.children.entry(parent).or_default();
        let position = *next;
        *next += 1;
        let anchor = self.anchor(&title);
        let Body {
            text,
            labels,
            objects,
            references,
            notes,
        } = body;
        self.sections.push(Section {
            parent,
            position,
            level,
            title,
            anchor,
            body: text,
            labels,
            objects,
            references,
            notes,
        });
    }

    fn anchor(&mut self, title: &str) -> String {
        let words: Vec<String> = title
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        let slug = words.join("-");
        let uses = self.anchors.entry(slug.clone()).or_default();
        *uses += 1;
        if *uses == 1 { slug } else { format!("{slug}-{uses}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
.. _top:

=====
Books
=====

.. module:: shop.books

Intro.

.. _lending:
.. _lending-out:

``lend()`` a book
=================

.. _inside:

A paragraph with a label of its own.

Rules
-----

Text.

Rules
-----

Returning
=========
";

    #[test]
    fn adornments_rank_by_first_use() {
        let sections = sections(PAGE);
        let tree: Vec<_> = sections
            .iter()
            .map(|s| (s.title.as_str(), s.level, s.parent, s.position))
            .collect();
        assert_eq!(
            tree,
            [
                ("Books", 1, None, 0),
                ("lend() a book", 2, Some(0), 0),
                ("Rules", 3, Some(1), 0),
                ("Rules", 3, Some(1), 1),
                ("Returning", 2, Some(0), 1),
            ]
        );
    }

    #[test]
    fn labels_above_a_heading_name_it_and_others_their_section() {
        let sections = sections(PAGE);
        assert_eq!(sections[0].labels, ["top"]);
        assert_eq!(sections[1].labels, ["lending", "lending-out", "inside"]);
    }

    #[test]
    fn a_description_above_a_heading_is_of_its_section() {
        let sections = sections(
            "Settings\n========\n\n.. setting:: DEBUG\n\n``DEBUG``\n---------\n\nText.\n\n.. _cache:\n.. setting:: CACHE\n\n``CACHE``\n---------\n",
        );
        let described: Vec<Vec<&str>> = sections
            .iter()
            .map(|s| s.objects.iter().map(|object| object.name.as_str()).collect())
            .collect();
        assert_eq!(described, [vec![], vec!["DEBUG"], vec!["CACHE"]]);
        assert_eq!(sections[1].body, "Text.");
        assert_eq!(sections[2].labels, ["cache"]);
    }

    #[test]
    fn anchors_are_unique_in_the_page() {
        let sections = sections(PAGE);
        let anchors: Vec<_> = sections.iter().map(|s| s.anchor.as_str()).collect();
        assert_eq!(anchors, ["books", "lend-a-book", "rules", "rules-2", "returning"]);
    }

    #[test]
    fn a_table_or_a_transition_is_no_heading() {
        let sections = sections(
            "Page\n====\n\n=====  =====\na      b\n=====  =====\n1      2\n=====  =====\n\nText.\n\n-----\n\nMore.\n",
        );
        assert_eq!(sections.len(), 1);
    }

    #[test]
    fn a_text_without_a_heading_has_no_sections() {
        assert!(sections("pyenchant\nSphinx>=4.5.0\n").is_empty());
    }
}
