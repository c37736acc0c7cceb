//! From a definition to a plan: walks the tree once, level by level.
//!
//! `root` makes the documents' own level, `relation` every other one. `fields` reads their fields, and `scope` is a level meanwhile;
//! `form` is how its statement is keyed and `order` how its rows are sorted; `aggregate` computes one value over them, `by` is
//! what keys them; `view` is what stands beneath one; `fit` is whether values fit their fields, `advice` what `check` says
//! beyond mistakes, and `adrift` looks at what no way leads to.

mod adrift;
mod advice;
mod aggregate;
mod by;
mod fields;
mod fit;
mod form;
mod order;
mod relation;
mod root;
mod scope;
mod switch;
mod view;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::catalog::{Catalog, Table};
use crate::definition::Definition;
use crate::mistake::Mistakes;

use super::lookup::{self, Lookup, Seen};
use super::select::SelectList;
use super::uses::{Path, UseId, Uses};
use super::{ENCODER, Expression, KeyColumn, Level, Misfit, Plan, PlannedTable, fanout, mapping, names};
use scope::{Named, Scope};

pub fn plan(definition: &Definition, catalog: &Catalog, known: &Mistakes) -> Result<Plan, Misfit> {
    let catalog = lookup::declared(definition, catalog);
    let mut lookup = Lookup::new(&catalog);
    let mut walk = Walk {
        definition,
        known,
        views: lookup.views(&definition.views),
        lookup,
        refused: Mistakes::default(),
        warnings: Mistakes::default(),
        levels: Vec::new(),
        uses: Uses::default(),
        tables: BTreeMap::new(),
        expressions: Vec::new(),
        unbounded: Vec::new(),
    };
    walk.advise_views();
    let root = walk.lookup.table(&definition.table);
    let key = root.map(|root| walk.key(root)).unwrap_or_default();
    let routing = if let Some(root) = root {
        walk.root(root, &key)
    } else {
        walk.without_root(&definition.fields);
        None
    };
    walk.refused.merge(mapping::oversized(definition));
    walk.warn_of_unbounded();
    let fits = walk.lookup.mistakes.0.is_empty() && known.0.is_empty();
    let Some(root) = root.filter(|_| fits) else {
        return Err(walk.misfit());
    };
    let hash = fingerprint(definition);
    Ok(Plan {
        index: definition.index.clone(),
        tables: walk.tables.into_values().collect(),
        levels: walk.levels.into_iter().flatten().collect(),
        table: PlannedTable::of(root),
        key_is_said: root.inherited || root.view.is_some(),
        key: key_columns(root, &key),
        routing,
        captures: walk.uses.captures(&catalog),
        dues: walk.uses.dues(),
        fanouts: fanout::all(
            root,
            &key,
            definition.routing.as_ref().map(|routing| routing.column.as_str()),
            &walk.uses,
        ),
        pipeline: definition.pipeline.clone(),
        settings: definition.settings.clone(),
        mappings: mapping::of(definition, &definition.fields, &hash),
        refused: walk.refused,
        warnings: walk.warnings,
        expressions: walk.expressions,
        hash,
    })
}

fn key_columns(root: &Table, key: &[String]) -> Vec<KeyColumn> {
    let column = |name: &String| KeyColumn {
        name: name.clone(),
        cast: names::cast(&root.columns[name]),
    };
    key.iter().map(column).collect()
}

/// Of what the definition says and of the encoder: another value means another generation.
#[must_use]
pub fn fingerprint(definition: &Definition) -> String {
    let digest = Sha256::new()
        .chain_update(ENCODER.to_be_bytes())
        .chain_update(definition.meaning().as_bytes())
        .finalize();
    digest[..16]
        .iter()
        .fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"))
}

/// What has been gathered so far.
struct Walk<'c, 'd> {
    definition: &'d Definition,
    /// What is wrong already.
    known: &'d Mistakes,
    lookup: Lookup<'c>,
    refused: Mistakes,
    views: Vec<Seen<'c>>,
    warnings: Mistakes,
    /// A level has its number before it is complete, since those that hang on it come first.
    levels: Vec<Option<Level>>,
    uses: Uses<'c>,
    tables: BTreeMap<u32, PlannedTable>,
    expressions: Vec<Expression>,
    unbounded: Vec<fit::Unbounded>,
}

impl<'c> Walk<'c, '_> {
    /// Why there is no plan.
    fn misfit(mut self) -> Misfit {
        self.lookup.mistakes.merge(self.refused);
        Misfit {
            mistakes: self.lookup.mistakes,
            warnings: self.warnings,
            expressions: self.expressions,
        }
    }

    /// Notes that `table` stands in the tree, called `name` there.
    fn stand(&mut self, table: &'c Table, name: String, path: Path<'c>, key: &[String]) -> UseId {
        self.tables.entry(table.oid).or_insert_with(|| PlannedTable::of(table));
        if table.view.is_some() {
            self.stand_beneath(table, &name, &path, key);
        }
        self.uses.add(table, name, path, key)
    }

    /// Begins a level over rows of `own`, joined with those of `beside`.
    fn open(
        &mut self,
        own: Named<'c>,
        beside: Vec<Named<'c>>,
        path: Path<'c>,
        dotted: String,
        list: SelectList,
    ) -> Scope<'c> {
        let position = self.levels.len();
        self.levels.push(None);
        Scope {
            position,
            own,
            beside,
            aside: None,
            path,
            dotted,
            list,
            expressions: Vec::new(),
            segments: vec![Vec::new()],
            children: Vec::new(),
        }
    }
}
