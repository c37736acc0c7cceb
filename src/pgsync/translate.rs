//! From a document of PGSync's and the catalog to the outline of a definition.

use std::collections::HashMap;

use crate::catalog::{Catalog, Table, TableKind};
use crate::mistake::{Mistake, Mistakes, Place};
use crate::plan::sketch::tree::{self, Entry, Outline, ViewOutline};
use crate::plan::sketch::{Fitted, fit, name};

use super::Translated;
use super::fields::{Fields, Origin};
use super::mapping::Said;
use super::remark::Remarks;
use super::schema::{Document, Node, Properties};

/// The way down the nodes.
pub struct Walk<'c> {
    pub catalog: &'c Catalog,
    pub has_pipeline: bool,
    pub remarks: Remarks,
    /// Declarations of the views that were met.
    pub views: Vec<ViewOutline>,
    /// Where the fields come from, by their paths.
    pub origins: HashMap<Vec<String>, Place>,
    /// Of the object under way.
    pub path: Vec<String>,
}

pub fn translate(document: &Document, catalog: &Catalog) -> Result<Translated, Mistakes> {
    let root = &document.root;
    let Some(table) = catalog.find(Some(&root.schema), &root.table.text) else {
        return Err(absent(document));
    };
    let mut walk = Walk {
        catalog,
        has_pipeline: document.pipeline.is_some(),
        remarks: Remarks::default(),
        views: Vec::new(),
        origins: HashMap::new(),
        path: Vec::new(),
    };
    let mut heading = heading(document);
    heading.extend(document.remarks.iter().map(|remark| walk.remarks.add(remark.clone())));
    heading.extend(walk.remarks_on(root));
    let key = walk.key(root, table, &mut heading)?;
    let fields = walk.fields(root, table, document.mapping.clone());
    let routing = walk.routing(document, &fields, &mut heading);
    let outline = Outline {
        heading,
        index: document.index.text.clone(),
        table: name::table(catalog, table),
        key,
        routing,
        pipeline: document.pipeline.clone(),
        settings: document.setting.clone(),
        views: std::mem::take(&mut walk.views),
        object: fields.object,
    };
    let fitted = fit(catalog, outline).map_err(|mistakes| placed(mistakes, document))?;
    Ok(walk.said(document, fitted))
}

fn absent(document: &Document) -> Mistakes {
    let mut mistakes = Mistakes::default();
    let Node { table, schema, .. } = &document.root;
    let database = &document.database.text;
    mistakes.add(
        &table.place,
        format!("there is no table {schema}.{}, or the role cannot see it", table.text),
        format!(
            "import with a configuration whose postgres.url names {database:?}, or take this document out of the file"
        ),
    );
    mistakes
}

fn heading(document: &Document) -> Vec<String> {
    vec![
        "Written by `highwater import pgsync`. Look it over, then run `highwater check`; what became of PGSync's keys is".to_owned(),
        "told in docs/PGSYNC.md. `_meta` is not in the documents; what verify needs is in `_highwater`.".to_owned(),
        format!("database: {}, which the configuration names (postgres.url)", document.database.text),
    ]
}

/// Mistakes of the definition that was written, where the person wrote what they come from.
fn placed(mistakes: Mistakes, document: &Document) -> Mistakes {
    let here = |mistake: Mistake| {
        let place = match (mistake.place.path.as_str(), &document.routing) {
            ("index", _) => &document.index.place,
            ("routing", Some(routing)) => &routing.place,
            _ => &document.root.place,
        };
        Mistake {
            place: place.clone(),
            ..mistake
        }
    };
    Mistakes(mistakes.0.into_iter().map(here).collect())
}

impl<'c> Walk<'c> {
    fn remarks_on(&mut self, root: &Node) -> Vec<String> {
        let label = root.label.as_ref().map(|label| Mistake {
            place: label.place.clone(),
            found: format!("left out: label: {}", label.text),
            remedy: "the root's label is not in the documents, nor is it with PGSync".to_owned(),
        });
        let remarks = root.remarks.iter().cloned().chain(label);
        remarks.map(|remark| self.remarks.add(remark)).collect()
    }

    /// The root's key, where it must be written.
    fn key(&mut self, root: &Node, table: &'c Table, heading: &mut Vec<String>) -> Result<Vec<String>, Mistakes> {
        let written = root.primary_key.as_ref();
        let (key, own) = if table.kind == TableKind::View {
            let key = written.map(|(key, _)| key.clone()).unwrap_or_default();
            let declared = self.declare(root, table, &key);
            declared.map_err(|why| Mistakes(vec![why]))?;
            (key, Vec::new())
        } else if table.primary_key.is_empty() {
            let unique = || tree::key(table).map(<[String]>::to_vec);
            let key = written.map(|(key, _)| key.clone()).or_else(unique).unwrap_or_default();
            (key.clone(), key)
        } else {
            heading.extend(self.other_key(root, table));
            (table.primary_key.clone(), Vec::new())
        };
        if key.len() > 1 {
            heading.push(self.remarks.say(
                &root.place,
                format!(
                    "the ids are another: PGSync joins {} with `|`, and highwater with `,`",
                    key.join(", ")
                ),
                "have searches and links that name ids do the same",
            ));
        }
        if table.kind != TableKind::View {
            heading.extend(self.needless_base_tables(root));
        }
        Ok(own)
    }

    /// A key beside the primary key, or of rows that need none.
    pub fn other_key(&mut self, node: &Node, table: &Table) -> Option<String> {
        let (key, place) = node.primary_key.as_ref()?;
        if *key == table.primary_key {
            return None;
        }
        Some(self.remarks.say(
            place,
            format!("left out: primary_key: {}", key.join(", ")),
            "of a table PGSync takes the primary key whatever is said; rows below the root need none",
        ))
    }

    pub fn needless_base_tables(&mut self, node: &Node) -> Option<String> {
        let (tables, place) = node.base_tables.as_ref()?;
        Some(self.remarks.say(
            place,
            format!("left out: base_tables: {}", tables.join(", ")),
            format!("{} is no view", node.table.text),
        ))
    }

    /// The fields of a node's rows, with those of its children.
    pub fn fields(&mut self, node: &Node, table: &'c Table, said: Option<Properties>) -> Fields {
        let (said, unused) = Said::of(said, node);
        let mut fields = Fields::new(said);
        if let Some(remark) = unused {
            let comment = self.remarks.add(remark);
            fields.object.entries.push(Entry::Remark(comment));
        }
        fields.columns(self, node, table);
        for child in &node.children {
            fields.child(self, node, table, child);
        }
        fields.finish(self, node);
        fields
    }

    /// The column whose value is the documents' routing.
    fn routing(&mut self, document: &Document, fields: &Fields, heading: &mut Vec<String>) -> Option<String> {
        let routing = document.routing.as_ref()?;
        if let Some(Origin::Column(column)) = fields.origin(&routing.text) {
            return Some(column.clone());
        }
        heading.push(self.remarks.say(
            &routing.place,
            format!("left out: routing: {}", routing.text),
            "it is no column of the root as it stands; have a (generated) column with that value, and name it",
        ));
        None
    }

    fn said(mut self, document: &Document, fitted: Fitted) -> Translated {
        for (path, Mistake { found, remedy, .. }) in fitted.left_out {
            let known = (0..=path.len()).rev().find_map(|end| self.origins.get(&path[..end]));
            let place = known.unwrap_or(&document.root.place).clone();
            self.remarks
                .say(&place, format!("left out: {}: {found}", path.join(".")), remedy);
        }
        Translated {
            index: document.index.text.clone(),
            text: fitted.text,
            remarks: self.remarks.in_file_order(),
        }
    }
}
