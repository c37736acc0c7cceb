//! A scalar: of each row one bare value.

use crate::catalog::Table;
use crate::definition::Mapping;
use crate::plan::sketch::name;
use crate::plan::sketch::tree::Source;

use super::mapping::is_kept;
use super::schema::Node;
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
        for more in all.iter().skip(1).filter(|_| !node.columns.is_empty()) {
            remarks.push(walk.remarks.say(
                &more.place,
                format!("left out: {} of a scalar", more.field),
                "PGSync shows the first column only; make it an `object` to have more",
            ));
        }
        let transform = &node.transform;
        if !transform.rename.is_empty() || !transform.concat.is_empty() {
            remarks.push(walk.remarks.say(
                &node.place,
                "left out: rename and concat of a scalar",
                "a bare value has no name, and nothing stands beside it",
            ));
        }
        let Some(first) = all.first() else {
            return Scalar {
                remarks,
                content: Err("the table has no columns".to_owned()),
            };
        };
        remarks.extend(first.remark.iter().map(|remark| walk.remarks.add(remark.clone())));
        let mut taken = taken(first, table);
        if let Some(replaced) = transform
            .replace
            .get(&first.field)
            .and_then(|replace| replaced(&taken, replace))
        {
            taken = replaced;
        }
        let said = said.or_else(|| transform.mapping.get(&first.field).map(|(mapping, _)| mapping.clone()));
        let mapping = said.map_or(taken.mapping, Ok);
        let source = taken.source.unwrap_or_else(|| Source::Column(name::part(&first.name)));
        if mapping.as_ref().is_ok_and(is_kept) {
            remarks.push(unsearched(walk, &first.place, &first.field));
        }
        Scalar {
            remarks,
            content: mapping.map(|mapping| (source, mapping)),
        }
    }
}
