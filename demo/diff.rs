//! What has to change so that a stored page becomes a wanted one. Pure: two values in, a plan out.
//!
//! Nobody hands over a list of edits: two releases of a page are only two texts. So sections are first paired, from the surest sign to
//! the weakest, and what is left over on either side was written new or taken out. A paired section keeps its row, and with it its id.

use crate::inline::Domain;
use crate::rst::Section;
use std::collections::{HashMap, HashSet};

/// A row that hangs on a section.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Item {
    Label { name: String },
    Object { domain: String, kind: String, name: String },
    Note { kind: String, version: String },
    Xref { domain: String, target: String },
}

/// A name that references resolve by: domain and name.
pub type Name = (String, String);

impl Item {
    /// The name under which others may refer to it.
    pub fn address(&self) -> Option<Name> {
        match self {
            Self::Label { name } => Some((Domain::Label.as_str().to_string(), name.clone())),
            Self::Object { domain, name, .. } => Some((domain.clone(), name.clone())),
            Self::Note { .. } | Self::Xref { .. } => None,
        }
    }

    pub fn of(section: &Section) -> Vec<Self> {
        let labels = section.labels.iter().map(|name| Self::Label { name: name.clone() });
        let objects = section.objects.iter().map(|object| Self::Object {
            domain: object.domain.as_str().to_string(),
            kind: object.kind.clone(),
            name: object.name.clone(),
        });
        let notes = section.notes.iter().map(|note| Self::Note {
            kind: note.kind.clone(),
            version: note.version.clone(),
        });
        let xrefs = section.references.iter().map(|reference| Self::Xref {
            domain: reference.domain.as_str().to_string(),
            target: reference.target.clone(),
        });
        labels.chain(objects).chain(notes).chain(xrefs).collect()
    }
}

/// A section as the database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub row: Row,
    /// The rows that hang on it, with their ids.
    pub items: Vec<(i64, Item)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: i64,
    pub parent_id: Option<i64>,
    pub position: i32,
    pub level: i16,
    pub title: String,
    pub anchor: String,
    pub body: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub inserted: Vec<Row>,
    pub updated: Vec<Row>,
    pub deleted: Vec<i64>,
    /// New items by section, and the ids of those to take out where their section stays.
    pub added: Vec<(i64, Item)>,
    pub removed: Vec<(i64, Item)>,
    /// Names that may now lead elsewhere than before, or nowhere.
    pub moved_names: Vec<Name>,
}

impl Plan {
    /// `partners[i]` is the stored section that the wanted section `i` continues; `fresh` gives an id for each that has none.
    pub fn new(
        stored: &[Stored],
        wanted: &[Section],
        partners: &[Option<usize>],
        mut fresh: impl Iterator<Item = i64>,
    ) -> Self {
        let ids: Vec<i64> = partners
            .iter()
            .map(|partner| {
                partner.map_or_else(
                    || fresh.next().expect("an id for each new section"),
                    |old| stored[old].row.id,
                )
            })
            .collect();
        let mut plan = Self::default();
        for (at, section) in wanted.iter().enumerate() {
            let row = Row {
                id: ids[at],
                parent_id: section.parent.map(|parent| ids[parent]),
                position: section.position,
                level: section.level,
                title: section.title.clone(),
                anchor: section.anchor.clone(),
                body: section.body.clone(),
            };
            let old = partners[at].map(|partner| &stored[partner]);
            plan.items(row.id, old.map_or(&[], |old| &old.items), Item::of(section));
            match old {
                None => plan.inserted.push(row),
                Some(old) if old.row != row => plan.updated.push(row),
                Some(_) => {}
            }
        }
        let kept: HashSet<usize> = partners.iter().copied().flatten().collect();
        for old in (0..stored.len())
            .filter(|old| !kept.contains(old))
            .map(|old| &stored[old])
        {
            plan.deleted.push(old.row.id);
            plan.moved_names
                .extend(old.items.iter().filter_map(|(_, item)| item.address()));
        }
        plan
    }

    /// The items of one section, as a multiset: one page may refer to the same thing twice.
    fn items(&mut self, section: i64, old: &[(i64, Item)], wanted: Vec<Item>) {
        let mut missing: HashMap<Item, usize> = HashMap::new();
        for item in &wanted {
            *missing.entry(item.clone()).or_default() += 1;
        }
        for (id, item) in old {
            if let Some(count) = missing.get_mut(item).filter(|count| **count > 0) {
                *count -= 1;
            } else {
                self.moved_names.extend(item.address());
                self.removed.push((*id, item.clone()));
            }
        }
        for item in wanted {
            if let Some(count) = missing.get_mut(&item).filter(|count| **count > 0) {
                *count -= 1;
                self.moved_names.extend(item.address());
                self.added.push((section, item));
            }
        }
    }

    pub fn rows(&self) -> usize {
        self.inserted.len() + self.updated.len() + self.deleted.len() + self.added.len() + self.removed.len()
    }
}

/// For each wanted section the index of the stored one it continues.
pub fn partners(stored: &[Stored], wanted: &[Section]) -> Vec<Option<usize>> {
    let mut pairing = Pairing {
        stored,
        wanted,
        partner: vec![None; wanted.len()],
        taken: vec![false; stored.len()],
    };
    let (old_paths, new_paths) = (stored_paths(stored), wanted_paths(wanted));
    pairing.equal(|old| vec![old_paths[old].clone()], |new| vec![new_paths[new].clone()]);
    pairing.equal(
        |old| labels(stored[old].items.iter().map(|(_, item)| item)),
        |new| labels(Item::of(&wanted[new]).iter()),
    );
    pairing.equal(
        |old| vec![stored[old].row.title.clone()],
        |new| vec![wanted[new].title.clone()],
    );
    pairing.alike();
    pairing.partner
}

fn labels<'a>(items: impl Iterator<Item = &'a Item>) -> Vec<String> {
    items
        .filter_map(|item| {
            if let Item::Label { name } = item {
                Some(name.clone())
            } else {
                None
            }
        })
        .collect()
}

struct Pairing<'a> {
    stored: &'a [Stored],
    wanted: &'a [Section],
    partner: Vec<Option<usize>>,
    taken: Vec<bool>,
}

impl Pairing<'_> {
    /// Pairs what is still alone and shares a sign, in reading order.
    fn equal(&mut self, old_signs: impl Fn(usize) -> Vec<String>, new_signs: impl Fn(usize) -> Vec<String>) {
        let mut by_sign: HashMap<String, Vec<usize>> = HashMap::new();
        for old in (0..self.stored.len()).rev().filter(|&old| !self.taken[old]) {
            for sign in old_signs(old) {
                by_sign.entry(sign).or_default().push(old);
            }
        }
        for new in 0..self.wanted.len() {
            for sign in if self.partner[new].is_none() {
                new_signs(new)
            } else {
                Vec::new()
            } {
                let candidates = by_sign.entry(sign).or_default();
                while let Some(old) = candidates.pop() {
                    if !self.taken[old] {
                        self.pair(new, old);
                        break;
                    }
                }
                if self.partner[new].is_some() {
                    break;
                }
            }
        }
    }

    /// A section under a new title is recognised by its text: at least half of the lines of both are shared.
    fn alike(&mut self) {
        for new in (0..self.wanted.len())
            .filter(|&new| self.partner[new].is_none())
            .collect::<Vec<_>>()
        {
            let alone = (0..self.stored.len()).filter(|&old| !self.taken[old]);
            let best = alone
                .map(|old| (shared_lines(&self.stored[old].row.body, &self.wanted[new].body), old))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((_, old)) = best.filter(|(shared, _)| *shared >= 0.5) {
                self.pair(new, old);
            }
        }
    }

    fn pair(&mut self, new: usize, old: usize) {
        self.partner[new] = Some(old);
        self.taken[old] = true;
    }
}

fn shared_lines(old: &str, new: &str) -> f64 {
    let lines = |text: &'_ str| -> HashSet<String> {
        text.lines()
            .filter(|line| !line.is_empty())
            .map(str::to_string)
            .collect()
    };
    let (old, new) = (lines(old), lines(new));
    old.intersection(&new).count() as f64 / old.union(&new).count().max(1) as f64
}

/// Titles from the top of the page down. Parents come before their children in both lists.
fn wanted_paths(wanted: &[Section]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::with_capacity(wanted.len());
    for section in wanted {
        let above = section.parent.map_or("", |parent| paths[parent].as_str());
        paths.push(format!("{above}\u{1f}{}", section.title));
    }
    paths
}

fn stored_paths(stored: &[Stored]) -> Vec<String> {
    let index: HashMap<i64, usize> = stored
        .iter()
        .enumerate()
        .map(|(at, section)| (section.row.id, at))
        .collect();
    let path = |mut at: usize| {
        let mut titles = vec![stored[at].row.title.as_str()];
        while let Some(parent) = stored[at].row.parent_id {
            at = index[&parent];
            titles.push(&stored[at].row.title);
        }
        titles
            .iter()
            .rev()
            .fold(String::new(), |path, title| path + "\u{1f}" + title)
    };
    (0..stored.len()).map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rst;

    /// A page as a first load would store it, ids from 1 in reading order.
    fn store(text: &str) -> Vec<Stored> {
        let wanted = rst::sections(text);
        let plan = Plan::new(&[], &wanted, &vec![None; wanted.len()], 1..);
        let mut item = 100;
        let mut stored: Vec<Stored> = plan
            .inserted
            .into_iter()
            .map(|row| Stored { row, items: Vec::new() })
            .collect();
        for (section, added) in plan.added {
            item += 1;
            stored[usize::try_from(section).expect("ids begin at 1") - 1]
                .items
                .push((item, added));
        }
        stored
    }

    fn plan(old: &str, new: &str) -> Plan {
        let (stored, wanted) = (store(old), rst::sections(new));
        let partners = partners(&stored, &wanted);
        Plan::new(&stored, &wanted, &partners, 1000..)
    }

    const OLD: &str = "Top\n===\n\nOne\n---\n\nText one.\n\nSee :ref:`x` and :ref:`x`.\n\n.. _two:\n\nTwo\n---\n\nText two.\n\nThree\n-----\n\na\n\nb\n\nc\n";

    #[test]
    fn the_same_page_needs_nothing() {
        assert_eq!(plan(OLD, OLD), Plan::default());
    }

    #[test]
    fn a_section_put_in_front_moves_those_behind() {
        let plan = plan(OLD, &OLD.replacen("One\n---", "Zero\n----\n\nNew.\n\nOne\n---", 1));
        assert_eq!(
            plan.inserted
                .iter()
                .map(|row| (row.id, row.title.as_str(), row.parent_id))
                .collect::<Vec<_>>(),
            [(1000, "Zero", Some(1))]
        );
        assert_eq!(
            plan.updated
                .iter()
                .map(|row| (row.id, row.position))
                .collect::<Vec<_>>(),
            [(2, 1), (3, 2), (4, 3)]
        );
        assert!(plan.deleted.is_empty());
    }

    #[test]
    fn a_new_title_keeps_the_row_if_label_or_text_tell() {
        let plan = plan(
            OLD,
            &OLD.replace("Two\n---", "Second\n------")
                .replace("Three\n-----", "Third\n-----"),
        );
        assert_eq!(
            plan.updated
                .iter()
                .map(|row| (row.id, row.title.as_str()))
                .collect::<Vec<_>>(),
            [(3, "Second"), (4, "Third")]
        );
        assert!(plan.inserted.is_empty() && plan.deleted.is_empty());
    }

    #[test]
    fn what_a_deleted_section_was_called_may_lead_elsewhere() {
        let plan = plan(OLD, "Top\n===\n\nOne\n---\n\nText one.\n\nSee :ref:`x`.\n");
        assert_eq!(plan.deleted, [3, 4]);
        assert_eq!(plan.moved_names, [("label".to_string(), "two".to_string())]);
        assert_eq!(plan.removed.len(), 1, "one of two references to the same label");
    }
}
