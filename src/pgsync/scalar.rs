//! A scalar: of each row one bare value.

use crate::catalog::Table;
use crate::definition::Mapping;
use crate::mistake::Place;
use crate::plan::sketch::name;
use crate::plan::sketch::tree::Source;

use super::mapping::is_kept;
use super::schema::{Node, Transform};
use super::translate::Walk;
use super::value::{columns, replaced, taken, unsearched};

/// What a scalar shows, or why it cannot.
pub struct Scalar {
    pub remarks: Vec<String>,
    pub content: Result<(Source, Mapping), String>,
}

impl Scalar {
    /// The one value of a scalar's rows, and what PGSync passes over.
    pub fn of(walk: &mut Walk<'_>, node: &Node, table: &Table, said: Option<Mapping>) -> Scalar {
        let all = columns(node, table);
        let mut remarks = Vec::new();
        let Some(first) = all.first() else {
            let content = Err("the table has no columns".to_owned());
            return Scalar { remarks, content };
        };
        for more in all.iter().skip(1).filter(|_| !node.columns.is_empty()) {
            remarks.push(walk.remarks.say(
                &more.place,
                format!("left out: {} of a scalar", more.field),
                "PGSync shows the first column only; make it an `object` to have more",
            ));
        }
        remarks.extend(first.remark.iter().map(|remark| walk.remarks.add(remark.clone())));
        let mut taken = taken(first, table);
        let replace = node.transform.replace.get(&first.field);
        let replaced = replace.and_then(|replace| replaced(&taken, replace));
        let is_replaced = replaced.is_some();
        if let Some(replaced) = replaced {
            taken = replaced;
        }
        remarks.extend(passed_over(walk, &node.transform, &first.field, is_replaced));
        let own = node.transform.mapping.get(&first.field);
        let said = said.or_else(|| own.map(|(mapping, _)| mapping.clone()));
        let mapping = said.map_or(taken.mapping, Ok);
        if mapping.as_ref().is_ok_and(is_kept) {
            remarks.push(unsearched(walk, &first.place, &first.field));
        }
        let source = taken.source.unwrap_or_else(|| Source::Column(name::part(&first.name)));
        let content = mapping.map(|mapping| (source, mapping));
        Scalar { remarks, content }
    }
}

/// What a transform says that a bare value has no use for.
fn passed_over(walk: &mut Walk<'_>, transform: &Transform, column: &str, is_replaced: bool) -> Vec<String> {
    let renames = transform.rename.iter().map(|(name, to)| ("rename", name, &to.place));
    let concats = transform.concat.iter();
    let concats = concats.map(|concat| ("concat", &concat.destination, &concat.place));
    let replaces = transform.replace.iter();
    let replaces = replaces
        .filter(|(name, _)| !is_replaced || *name != column)
        .map(|(name, replace)| ("replace", name, &replace.place));
    let mappings = transform.mapping.iter().filter(|(name, _)| *name != column);
    let mappings = mappings.map(|(name, (_, place))| ("mapping", name, place));
    let all = renames.chain(concats).chain(replaces).chain(mappings);
    let say = |(key, name, place): (&str, &String, &Place)| {
        let found = format!("left out: {key} of {name}, in a scalar");
        let remedy = "a bare value has no name and nothing beside it, and only texts are replaced in";
        walk.remarks.say(place, found, remedy)
    };
    all.map(say).collect()
}
