//! A node below another as a relation: which form it has, how it is joined, and what of it is embedded.

use crate::catalog::{Table, TableKind};
use crate::definition::Mapping;
use crate::mistake::Place;
use crate::plan::Wanted;
use crate::plan::sketch::join::{pairs, undecided};
use crate::plan::sketch::name;
use crate::plan::sketch::tree::{Content, Entry, Hop, Pairs, Related};

use super::fields::{Fields, Origin};
use super::mapping::beneath;
use super::scalar::Scalar;
use super::schema::{Child, Node, Properties};
use super::translate::Walk;

impl Child {
    /// The field's name, unless the parent renames it.
    pub fn name(&self) -> &str {
        self.node
            .label
            .as_ref()
            .map_or(&self.node.table.text, |label| &label.text)
    }

    fn place(&self) -> &Place {
        &self.node.place
    }
}

/// Whether a transform of its own or of a node below renames fields: PGSync then forgets what the parent says of it.
fn renames(node: &Node) -> bool {
    !node.transform.rename.is_empty() || node.children.iter().any(|child| renames(&child.node))
}

impl Fields {
    /// Adds what is embedded of a child's rows, or why nothing is.
    pub fn child<'c>(&mut self, walk: &mut Walk<'c>, parent: &Node, table: &'c Table, child: &Child) {
        let field = self.name_of(walk, parent, child);
        if self.has(&field) {
            let comment = walk.remarks.say(
                child.place(),
                format!("left out: what else is called {field}"),
                "as with PGSync, which shows the last child of a name; give one of them another",
            );
            self.object.entries.retain(|entry| entry.name() != Some(&field));
            self.object.entries.push(Entry::Remark(comment));
        }
        let said = self.said.take(&field);
        walk.path.push(field.clone());
        let mut remarks = Vec::new();
        let related = related(walk, table, child, said, &mut remarks);
        walk.path.pop();
        match related {
            Ok(relation) => {
                self.took(walk, &field, child.place(), Origin::Other);
                let relation = Box::new(Related { remarks, ..relation });
                self.object.entries.push(Entry::Relation { name: field, relation });
            }
            Err(why) => {
                walk.remarks
                    .say(child.place(), format!("left out: {field}"), why.clone());
                self.object.entries.push(Entry::Left(format!("{field}: {why}")));
                self.object.entries.extend(remarks.into_iter().map(Entry::Remark));
            }
        }
    }

    fn name_of(&mut self, walk: &mut Walk<'_>, parent: &Node, child: &Child) -> String {
        let name = child.name();
        self.met.insert(name.to_owned());
        match parent.transform.rename.get(name) {
            Some(other) if renames(&child.node) => {
                let comment = walk.remarks.say(
                    &other.place,
                    format!("left out: rename of {name} to {}", other.text),
                    "PGSync forgets it as well where fields of the child are renamed; give the child this `label` instead",
                );
                self.object.entries.push(Entry::Remark(comment));
                name.to_owned()
            }
            Some(other) => other.text.clone(),
            None => name.to_owned(),
        }
    }
}

fn related<'c>(
    walk: &mut Walk<'c>,
    upper: &'c Table,
    child: &Child,
    said: Option<(Mapping, Place)>,
    remarks: &mut Vec<String>,
) -> Result<Related, String> {
    let Child { node, relationship } = child;
    remarks.extend(node.remarks.iter().map(|remark| walk.remarks.add(remark.clone())));
    let lower = find(walk, &node.schema, &node.table.text)?;
    let (join, through, lower_columns) = if let Some(through) = &relationship.through {
        let (schema, name) = through.text.split_once('.').unwrap_or((&node.schema, &through.text));
        let (join, hop) = by_way_of(upper, find(walk, schema, name)?, lower, walk);
        (join, Some(hop), Vec::new())
    } else {
        let (join, lower_columns) = straight(walk, upper, lower, child, remarks);
        (join, None, lower_columns)
    };
    if lower.kind == TableKind::View {
        walk.declare(node, lower, &lower_columns)
            .map_err(|why| format!("{}; {}", why.found, why.remedy))?;
    } else {
        remarks.extend(walk.other_key(node, lower));
        remarks.extend(walk.needless_base_tables(node));
    }
    let is_many = relationship.is_many || through.is_some();
    if is_many != relationship.is_many {
        remarks.push(listed(walk, child));
    }
    let (mapping, content) = content(walk, lower, child, said, remarks)?;
    Ok(Related {
        form: if is_many { "many" } else { "one" },
        table: name::table(walk.catalog, lower),
        join,
        through,
        mapping,
        content,
        ..Related::default()
    })
}

/// PGSync writes whatever lies beyond a junction as a list.
fn listed(walk: &mut Walk<'_>, child: &Child) -> String {
    let cut = !child.relationship.is_scalar && child.node.children.is_empty();
    let remedy = if cut {
        "as with PGSync, which shows only the first column then; write `one` if at most one row lies there"
    } else {
        "as with PGSync; write `one` if at most one row lies there"
    };
    let found = format!("{}: one_to_one by way of a table is a list", child.name());
    walk.remarks.say(child.place(), found, remedy)
}

fn find<'c>(walk: &Walk<'c>, schema: &str, name: &str) -> Result<&'c Table, String> {
    let found = walk.catalog.find(Some(schema), name);
    found.ok_or_else(|| format!("there is no table {schema}.{name}, or the role cannot see it"))
}

/// Object or bare value, and the parameters of the object.
fn content<'c>(
    walk: &mut Walk<'c>,
    lower: &'c Table,
    child: &Child,
    said: Option<(Mapping, Place)>,
    remarks: &mut Vec<String>,
) -> Result<(Mapping, Content), String> {
    if child.relationship.is_scalar {
        let scalar = Scalar::of(walk, &child.node, lower, said.map(|(mapping, _)| mapping));
        remarks.extend(scalar.remarks);
        let (source, mapping) = scalar.content?;
        return Ok((Mapping::new(), Content::Value { source, mapping }));
    }
    let (mapping, properties) = object(walk, said, remarks);
    let fields = walk.fields(&child.node, lower, properties);
    Ok((mapping, Content::Fields(fields.object)))
}

/// What is said of the object itself, and of the fields in it.
fn object(
    walk: &mut Walk<'_>,
    said: Option<(Mapping, Place)>,
    remarks: &mut Vec<String>,
) -> (Mapping, Option<Properties>) {
    let Some((mut mapping, place)) = said else {
        return (Mapping::new(), None);
    };
    let properties = beneath(&mut mapping, &place);
    let kind = mapping.get("type").and_then(|kind| kind.as_str()).unwrap_or("object");
    if !["object", "nested"].contains(&kind) {
        remarks.push(walk.remarks.say(
            &place,
            format!("left out: the type {kind} of an object"),
            "rows with fields are of type `object` or `nested`",
        ));
        mapping.clear();
    }
    (mapping, (!properties.is_empty()).then_some(properties))
}

/// The join to a table, where it must be written, and its columns there.
fn straight(
    walk: &mut Walk<'_>,
    upper: &Table,
    lower: &Table,
    child: &Child,
    remarks: &mut Vec<String>,
) -> (Pairs, Vec<String>) {
    let is_many = child.relationship.is_many;
    let wanted = if is_many { Wanted::Many } else { Wanted::One };
    let written = child.relationship.foreign_key.as_ref().map(|key| key.pairs.clone());
    let keys = between(upper, lower);
    let join = match (written, keys.as_slice()) {
        (Some(pairs), _) => pairs,
        (None, _) if upper.oid == lower.oid => {
            remarks.push(walk.remarks.say(
                child.place(),
                format!("{} within itself: PGSync compares each column of the key with itself", lower.name),
                "`one` is the row that this one points at, `many` are those that point here; write `join:` for anything else",
            ));
            let key = lower.foreign_keys.iter().find(|key| key.target == lower.oid);
            let pairs = key
                .map(|key| pairs(&key.columns, &key.target_columns))
                .unwrap_or_default();
            if is_many { turned(pairs) } else { pairs }
        }
        (None, [only]) => only.clone(),
        (None, several) => {
            if !several.is_empty() {
                remarks.push(walk.remarks.say(
                    child.place(),
                    format!("{} foreign keys join {} and {}", several.len(), upper.name, lower.name),
                    "PGSync compares the columns of all of them; look whether the one that is taken is meant, or write `join:`",
                ));
            }
            Pairs::new()
        }
    };
    let lower_columns: Vec<String> = join.iter().map(|(_, below)| below.clone()).collect();
    if !is_many && !join.is_empty() && !lower.is_unique(&lower_columns) && lower.kind != TableKind::View {
        remarks.push(walk.remarks.say(
            child.place(),
            format!("one_to_one, and no unique index of {} on {}", lower.name, lower_columns.join(", ")),
            "PGSync shows any of several rows; here they are a dead letter: write `order:` to take the first, or `many`",
        ));
    }
    (undecided(upper, lower, wanted, join), lower_columns)
}

fn turned(pairs: Pairs) -> Pairs {
    pairs.into_iter().map(|(above, below)| (below, above)).collect()
}

/// Every foreign key between two tables, in either direction.
fn between(upper: &Table, lower: &Table) -> Vec<Pairs> {
    let down = upper.foreign_keys.iter().filter(|key| key.target == lower.oid);
    let down = down.map(|key| pairs(&key.columns, &key.target_columns));
    let up = lower.foreign_keys.iter().filter(|key| key.target == upper.oid);
    down.chain(up.map(|key| pairs(&key.target_columns, &key.columns)))
        .collect()
}

/// The join to a junction, and on from there.
fn by_way_of(upper: &Table, through: &Table, lower: &Table, walk: &Walk<'_>) -> (Pairs, Hop) {
    let only = |keys: Vec<Pairs>| match keys.as_slice() {
        [only] => only.clone(),
        _ => Pairs::new(), // the planner tells the choices
    };
    let join = undecided(upper, through, Wanted::Many, only(between(upper, through)));
    let onward = undecided(through, lower, Wanted::Beyond, only(between(through, lower)));
    let hop = Hop {
        table: name::table(walk.catalog, through),
        join: onward,
    };
    (join, hop)
}
