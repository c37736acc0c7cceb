//! Relations that no way leads to, since a table, a join or a key of theirs is mistaken. What they embed is looked at all
//! the same, so that one round of editing mends it all. Nothing of this is ever run: there is no plan with a mistake.

use crate::definition::{Content, FieldKind, Fields, Relation, RelationKind, TableName};
use crate::plan::select::SelectList;

use super::Walk;
use super::scope::Named;

impl<'c, 'd> Walk<'c, 'd> {
    /// The relations of a document whose own table is not there.
    pub fn without_root(&mut self, fields: &'d Fields) {
        for (name, field) in fields {
            match &field.kind {
                FieldKind::Relation(relation) => self.unjoined(name.clone(), relation),
                FieldKind::Group(group) => self.without_root(&group.fields),
                FieldKind::Switch(_)
                | FieldKind::Column { .. }
                | FieldKind::Sql { .. }
                | FieldKind::Constant { .. }
                | FieldKind::Filled { .. } => {}
            }
        }
    }

    /// A relation whose join may be a consequence of another mistake. The tables of an aggregate's path cannot be told
    /// from schemas and columns without it.
    pub fn unjoined(&mut self, dotted: String, relation: &'d Relation) {
        if relation.kind == RelationKind::Aggregate {
            return;
        }
        for table in relation.through.iter().map(|hop| &hop.table).chain([&relation.table]) {
            self.lookup.table(table);
        }
        self.adrift(dotted, relation);
    }

    /// The columns, expressions and relations of one that hangs on nothing.
    pub fn adrift(&mut self, dotted: String, relation: &'d Relation) {
        let Some(own) = self.lone(&relation.table, &dotted) else {
            return;
        };
        let hops = relation.through.iter().map(|hop| &hop.table);
        let Some(beside) = hops.map(|table| self.lone(table, &dotted)).collect::<Option<Vec<_>>>() else {
            return;
        };
        let list = SelectList::default();
        let mut scope = self.open(own, beside, Vec::new(), dotted.clone(), list);
        match &relation.content {
            Content::Fields(fields) => {
                let hanging = self.own_fields(&mut scope, fields);
                self.parts(&mut scope, hanging);
            }
            Content::Value(field) if !field.is_marred(self.known) => {
                self.output(&mut scope, field, String::new(), dotted);
            }
            Content::Value(_) | Content::Computed(_) => {}
        }
        self.order(&scope, relation);
        if let Some(filter) = &relation.filter {
            let beside = scope.beside.clone();
            let beside = if scope.reaches_beside(filter) {
                beside.as_slice()
            } else {
                &[]
            };
            self.expression(&scope.own, beside, filter, true);
        }
    }

    fn lone(&mut self, name: &TableName, dotted: &str) -> Option<Named<'c>> {
        let table = self.lookup.known(name)?;
        Some(Named {
            alias: table.name.clone(),
            table,
            place: self.stand(table, dotted.to_owned(), Vec::new(), &table.primary_key),
        })
    }
}
