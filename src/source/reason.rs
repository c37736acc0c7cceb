//! Why the last batch came to what it did: what was asked, and what was missing.

use crate::plan::{Plan, Shape};

use super::arena::Entry;
use super::fetch::Batch;

/// One statement, and the values that were bound: an array each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The level's path; empty for the documents' own rows.
    pub path: String,
    pub sql: String,
    pub parameters: Vec<Vec<String>>,
}

impl Batch {
    /// The statements of the relations, with what was bound; none for those that nothing led to.
    #[must_use]
    pub fn asked(&self, plan: &Plan) -> Vec<Asked> {
        let levels = plan.levels.iter().zip(&self.links).skip(1);
        let asked = levels.map(|(level, links)| Asked {
            path: level.path.clone(),
            sql: level.select.sql.clone(),
            parameters: (0..level.parent_link.len())
                .map(|part| links.texts(part).into_iter().map(str::to_owned).collect())
                .collect(),
        });
        asked.collect()
    }

    /// Whether any row of the root was found: filters leave rows out here.
    #[must_use]
    pub fn found_any(&self) -> bool {
        self.rows.first().is_some_and(|rows| !rows.entries.is_empty())
    }

    /// The required relation for want of which the first document is none.
    #[must_use]
    pub fn lacking<'p>(&self, plan: &'p Plan) -> Option<&'p str> {
        let entry = self.rows.first()?.entries.first()?;
        self.lacking_in(plan, 0, entry)
    }

    fn lacking_in<'p>(&self, plan: &'p Plan, position: usize, entry: &Entry) -> Option<&'p str> {
        let children = plan.levels.get(position)?.children.iter().enumerate();
        let mut required = children.filter(|(_, child)| {
            matches!(plan.levels[**child].shape, Shape::One { .. }) && plan.levels[**child].required
        });
        required.find_map(|(at, child)| {
            let link = self.rows[position].child_link(entry, at, plan.levels[position].segments.len());
            match self.rows[*child].of(link).first() {
                None => Some(plan.levels[*child].path.as_str()),
                Some(row) => self.lacking_in(plan, *child, row),
            }
        })
    }
}
