//! Aggregates: one value over the rows at the end of a path. Beside their own keys stand Elasticsearch's, as on a column.

use super::parameter::parameters;
use super::through::{join, through};
use super::{Scope, column, due, refuse_routing, sql};
use crate::definition::{Aggregate, Content, Due, Function, Hop, Mapping, Relation, RelationKind, TableName};
use crate::mistake::Mistakes;
use crate::yaml::{Key, Reader};

/// Keys of other relations, and what to do without them.
const MISPLACED: [(&str, &str); 7] = [
    ("order", "leave it out: the value is over all rows"),
    (
        "limit",
        "leave it out: the value is over all rows; `where:` chooses among them",
    ),
    ("required", "leave it out; filter the root with `where:`"),
    ("depth", "`depth` is for `ancestors:`"),
    ("value", "leave it out: the path ends with the column"),
    ("by", "leave it out: the value is over all rows"),
    ("column", "leave it out: the path ends with the column"),
];

/// The aggregate that begins with `form`.
pub(super) fn read(
    form: &'static str,
    key: &Key,
    mut reader: Reader<'_>,
    around: &Scope<'_>,
    mistakes: &mut Mistakes,
) -> Option<Relation> {
    let place = reader.place_of(form).unwrap_or(&key.place).clone();
    let path = reader.take(form).and_then(|node| column::path(node, mistakes));
    refuse_misplaced(form, &mut reader, mistakes);
    let function = function(form, &mut reader, mistakes);
    let join = join(&mut reader, mistakes);
    let filter = reader.take("where").and_then(|node| sql(node, mistakes));
    let through = through(&mut reader, mistakes);
    let due = moments(
        (path.as_deref().unwrap_or_default(), function),
        &through,
        &mut reader,
        around,
        mistakes,
    );
    let mapping = parameters(&key.place, reader, mistakes);
    let (mut tables, mut last) = (path?, None);
    if function != Function::Count {
        last = tables.pop();
    }
    let Some(table) = tables.last().cloned() else {
        let table = last.unwrap_or_default();
        mistakes.add(
            &place,
            format!("`{table}` alone is a table or a column, and `{form}` needs both here"),
            format!("write the tables on the way and then the column, such as `{form}: {table}.COLUMN`"),
        );
        return None;
    };
    if around.level == super::MAX_LEVELS {
        let found = format!("more than {} relations in one another", super::MAX_LEVELS);
        mistakes.add(&key.place, found, "flatten the tree");
        return None;
    }
    Some(Relation {
        kind: RelationKind::Aggregate,
        table: TableName {
            schema: None,
            name: table,
            place,
        },
        through,
        join,
        filter,
        due,
        order: Vec::new(),
        by: None,
        distinct: false,
        limit: None,
        required: false,
        content: Content::Computed(Aggregate {
            function,
            tables,
            column: last,
            mapping: mapping?,
        }),
        mapping: Mapping::new(),
    })
}

fn refuse_misplaced(form: &str, reader: &mut Reader<'_>, mistakes: &mut Mistakes) {
    for (misplaced, remedy) in MISPLACED {
        if let Some(at) = reader.place_of(misplaced) {
            mistakes.add(at, format!("`{misplaced}` does not go with `{form}`"), remedy);
            reader.discard(misplaced);
        }
    }
    refuse_routing(reader, mistakes);
}

/// Its `due`, of the last table or of one on the way.
fn moments(
    (path, function): (&[String], Function),
    through: &[Hop],
    reader: &mut Reader<'_>,
    around: &Scope<'_>,
    mistakes: &mut Mistakes,
) -> Vec<Due> {
    let tables = if function == Function::Count {
        path
    } else {
        path.split_last().map_or(path, |(_, tables)| tables)
    };
    let named = |name: &String| TableName {
        schema: None,
        name: name.clone(),
        place: reader.place().clone(),
    };
    let mut way: Vec<TableName> = tables.iter().map(named).collect();
    let own = way.pop();
    let scope = Scope {
        top: false,
        table: own.as_ref(),
        through: through.iter().map(|hop| &hop.table).chain(&way).collect(),
        ..around.clone()
    };
    due::due(reader, &scope, mistakes)
}

fn function(form: &str, reader: &mut Reader<'_>, mistakes: &mut Mistakes) -> Function {
    let place = reader.place_of("distinct").cloned();
    let is_distinct = reader.boolean("distinct", mistakes).unwrap_or(false);
    if let Some(place) = place.filter(|_| is_distinct && form != "count") {
        let remedy = "leave it out: only a `count` asks how many values differ";
        mistakes.add(&place, format!("`distinct` does not go with `{form}`"), remedy);
    }
    match form {
        "sum" => Function::Sum,
        "avg" => Function::Avg,
        "min" => Function::Min,
        "max" => Function::Max,
        _ if is_distinct => Function::CountDistinct,
        _ => Function::Count,
    }
}
