//! One field of a document: the forms it may take, and what they have in common.

use indexmap::IndexMap;
use serde_json::Value;

use super::{ColumnName, Content, Fields, Mapping, Relation, Sql};
use crate::mistake::{Mistakes, Place};

/// One field and where it was written.
#[derive(Clone, Debug)]
pub struct Field {
    pub place: Place,
    pub missing: Missing,
    pub kind: FieldKind,
}

/// What becomes of a field whose value is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// It is written as `null`.
    #[default]
    Keep,
    /// It is left out.
    Drop,
}

#[derive(Clone, Debug)]
pub enum FieldKind {
    /// A column's value, or what a path within it leads to; `mapping` holds at least `type`.
    Column {
        column: ColumnName,
        /// Keys and array positions; empty for the whole value.
        path: Vec<String>,
        mapping: Mapping,
    },
    /// An immutable expression over the row; `mapping` holds at least `type`.
    Sql { sql: Sql, mapping: Mapping },
    /// The same in every document; as JSON.
    Constant { json: String, mapping: Mapping },
    /// Written by Elasticsearch's pipeline, and not by highwater.
    Filled { mapping: Mapping },
    /// An object of fields of this same row.
    Group(Group),
    /// Rows of another table, as objects or values.
    Relation(Box<Relation>),
    /// At most one row, of a table that a column of this row names.
    Switch(Box<Switch>),
}

/// A relation to one of several tables.
#[derive(Clone, Debug)]
pub struct Switch {
    /// The column that says which case applies.
    pub on: ColumnName,
    /// By that column's value; each of them is a `one`.
    pub cases: IndexMap<String, Relation>,
    /// The fields of all cases' objects; none where they embed bare values.
    pub fields: Fields,
    /// Parameters of the object, or of the bare value.
    pub mapping: Mapping,
}

/// Fields of one row, put together.
#[derive(Clone, Debug)]
pub struct Group {
    pub fields: Fields,
    /// Parameters of the object; empty where none are written.
    pub mapping: Mapping,
    /// The object is one value of Elasticsearch's, such as a `geo_point`: its members have no types of their own.
    pub single: bool,
}

impl Group {
    /// The type of the single value.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.mapping.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether rows of other tables are embedded in it, at any depth.
    #[must_use]
    pub fn holds_relations(&self) -> bool {
        self.fields.values().any(|field| match &field.kind {
            FieldKind::Relation(_) | FieldKind::Switch(_) => true,
            FieldKind::Group(group) => group.holds_relations(),
            FieldKind::Column { .. }
            | FieldKind::Sql { .. }
            | FieldKind::Constant { .. }
            | FieldKind::Filled { .. } => false,
        })
    }
}

impl Field {
    /// Whether one of these mistakes is in the field's own keys, and not in the fields in it: what it names and how it is
    /// joined may be a consequence of it then.
    #[must_use]
    pub fn is_marred(&self, mistakes: &Mistakes) -> bool {
        let own = |place: &Place| {
            let below = place.path.strip_prefix(&self.place.path)?;
            let within = [".fields.", ".group."].iter().any(|inner| below.contains(inner));
            let here = below.is_empty() || below.starts_with(['.', '[']);
            Some(place.file == self.place.file && here && !within)
        };
        mistakes.0.iter().any(|mistake| own(&mistake.place) == Some(true))
    }

    /// The parameters that Elasticsearch gets for the field, without those of the fields in it.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        match &self.kind {
            FieldKind::Column { mapping, .. }
            | FieldKind::Sql { mapping, .. }
            | FieldKind::Constant { mapping, .. }
            | FieldKind::Filled { mapping } => mapping,
            FieldKind::Group(group) => &group.mapping,
            FieldKind::Switch(switch) => &switch.mapping,
            FieldKind::Relation(relation) => match &relation.content {
                Content::Fields(_) => &relation.mapping,
                Content::Value(value) => value.mapping(),
                Content::Computed(aggregate) => &aggregate.mapping,
            },
        }
    }

    /// The fields in this one.
    #[must_use]
    pub fn fields(&self) -> Option<&Fields> {
        match &self.kind {
            FieldKind::Column { .. }
            | FieldKind::Sql { .. }
            | FieldKind::Constant { .. }
            | FieldKind::Filled { .. } => None,
            FieldKind::Group(group) => (!group.single).then_some(&group.fields),
            FieldKind::Switch(switch) => (!switch.fields.is_empty()).then_some(&switch.fields),
            FieldKind::Relation(relation) => match &relation.content {
                Content::Fields(fields) => Some(fields),
                Content::Value(_) | Content::Computed(_) => None,
            },
        }
    }
}
