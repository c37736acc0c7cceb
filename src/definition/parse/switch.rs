//! Relations to one of several tables, by a column that says which: a case for each of its values.

use indexmap::IndexMap;

use super::content::object_parameters;
use super::through::join;
use super::{Scope, field, relation, required};
use crate::definition::{Content, Field, Fields, Join, Mapping, Relation, Switch};
use crate::mistake::{Mistakes, Place};
use crate::yaml::{Key, Node, Reader};

pub(super) fn read(key: &Key, mut reader: Reader<'_>, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Option<Switch> {
    let place = reader.place_of("switch").unwrap_or(&key.place).clone();
    let on = reader.take("switch")?;
    let on = field::column(on, scope, mistakes);
    let join = join(&mut reader, mistakes);
    let remedy = "`cases:` with a `one:` for each value, such as `{ Post: { one: post, fields: { title: text } } }`";
    let cases =
        required(&mut reader, "cases", remedy, mistakes).and_then(|node| cases(node, join.as_ref(), scope, mistakes));
    let parameters = object_parameters(reader, false, mistakes);
    let (cases, on) = (cases?, on?);
    let (fields, mapping) = shown(&cases, parameters, &place, mistakes)?;
    Some(Switch {
        on,
        cases,
        fields,
        mapping,
    })
}

fn cases(
    node: &Node,
    join: Option<&Join>,
    scope: &Scope<'_>,
    mistakes: &mut Mistakes,
) -> Option<IndexMap<String, Relation>> {
    let entries = Reader::new(node, mistakes)?.rest();
    if entries.is_empty() {
        let remedy = "write one for each value, such as `{ Post: { one: post, fields: { title: text } } }`";
        mistakes.add(&node.place, "a `switch` without cases", remedy);
        return None;
    }
    let mut cases = IndexMap::new();
    for (key, node) in entries {
        let Some(reader) = Reader::new(node, mistakes) else {
            continue;
        };
        if !reader.has("one") {
            let remedy = "begin it with `one:` and the table's name";
            mistakes.add(&key.place, "a case without `one`", remedy);
            continue;
        }
        if let Some(place) = reader.place_of("required") {
            let remedy = "leave it out; filter the rows with `where:`";
            mistakes.add(place, "`required` does not go with a case", remedy);
            continue;
        }
        if let Some(mut relation) = relation::read("one", key, reader, scope, mistakes) {
            relation.join = relation.join.or_else(|| join.cloned());
            cases.insert(key.text.clone(), relation);
        }
    }
    Some(cases)
}

/// What any of the cases shows, and the parameters of what they are shown in.
fn shown(
    cases: &IndexMap<String, Relation>,
    parameters: Mapping,
    place: &Place,
    mistakes: &mut Mistakes,
) -> Option<(Fields, Mapping)> {
    let mut fields = Fields::new();
    let mut value: Option<&Field> = None;
    for relation in cases.values() {
        match &relation.content {
            Content::Fields(own) => {
                for (name, field) in own {
                    match fields.get(name) {
                        Some(known) if !same(known, field) => differ(name, &field.place, mistakes),
                        Some(_) => {}
                        None => {
                            fields.insert(name.clone(), field.clone());
                        }
                    }
                }
            }
            Content::Value(own) => match value {
                Some(known) if !same(known, own) => differ("value", &own.place, mistakes),
                _ => value = Some(own),
            },
            Content::Computed(_) => {} // not of a `one`
        }
    }
    match (value, fields.is_empty()) {
        (None, false) => Some((fields, parameters)),
        (Some(value), true) => Some((fields, value.mapping().clone())),
        (Some(_), false) => {
            let remedy = "give every case `fields:`, or every case a `value:`";
            mistakes.add(place, "cases with objects and cases with bare values", remedy);
            None
        }
        (None, true) => None, // said of each case
    }
}

/// Whether Elasticsearch gets the same for both.
fn same(one: &Field, other: &Field) -> bool {
    let below = match (one.fields(), other.fields()) {
        (None, None) => true,
        (Some(fields), Some(others)) => {
            let is_there = |(name, field): (&String, &Field)| others.get(name).is_some_and(|other| same(field, other));
            fields.len() == others.len() && fields.iter().all(is_there)
        }
        _ => false,
    };
    below && one.mapping() == other.mapping()
}

fn differ(name: &str, place: &Place, mistakes: &mut Mistakes) {
    mistakes.add(
        place,
        format!("`{name}` is mapped in another way in an earlier case, and they share one field"),
        "give it the same type and parameters in every case, or another name",
    );
}
