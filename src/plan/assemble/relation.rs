//! The level of a relation: the tables on its way, what it embeds, and the statement that reads it.

use crate::catalog::{Wire, quote};
use crate::definition::{Content, Relation, RelationKind, Sql};
use crate::mistake::Place;
use crate::plan::lookup::Stop;
use crate::plan::select::SelectList;
use crate::plan::statement::{self, Parts};
use crate::plan::uses::Path;
use crate::plan::{Level, Link, Rank, Select, Shape, names};

use super::fields::Hanging;
use super::form::Form;
use super::order::Term;
use super::scope::{Named, Scope, prefix};
use super::{Walk, aggregate};

impl<'c, 'd> Walk<'c, 'd> {
    /// The level of a relation; its place among those that hang on the one above.
    pub fn relation(
        &mut self,
        above: &mut Scope<'c>,
        (name, dotted, drop): (&str, String, bool),
        relation: &'d Relation,
        place: &Place,
        stops: &[Stop<'c>],
    ) -> Option<usize> {
        let (mut beside, path) = self.chain(above, &dotted, stops);
        let (own, Stop { edge, .. }) = (beside.pop()?, stops.first()?);
        self.advise(relation, place, stops);
        let form = Form::of(relation, edge);
        let parent_link = edge
            .upper_columns
            .iter()
            .map(|column| {
                let (alias, column) = (&above.own.alias, &above.own.table.columns[column]);
                match edge.is_given(alias) {
                    Some(condition) => above.list.text_where(&condition, alias, column),
                    None => above.list.text(alias, column),
                }
            })
            .collect();
        let mut scope = self.open(own, beside, path, dotted.clone(), SelectList::behind(form.leading()));
        above.children.push(scope.position);
        self.due(&scope, &relation.due);
        let key = relation.by.as_ref().and_then(|by| self.key_of(&mut scope, by));
        let hanging = self.content(&mut scope, relation);
        let parts = self.parts(&mut scope, hanging);
        let (select, link, order) = self.statement(&mut scope, relation, stops, &form);
        self.levels[scope.position] = Some(Level {
            path: dotted,
            parent: Some(above.position),
            prefix: prefix(name),
            shape: shape(relation, &form),
            bare: !matches!(relation.content, Content::Fields(_)),
            select,
            key,
            distinct: relation.distinct.then(|| relation.limit.unwrap_or(u32::MAX)),
            segments: scope.segments,
            parts,
            link,
            parent_link,
            order,
            children: scope.children,
            required: relation.required,
            drop,
        });
        Some(above.children.len() - 1)
    }

    /// What it embeds of its rows; the fields that hang on each.
    fn content(&mut self, scope: &mut Scope<'c>, relation: &'d Relation) -> Vec<Hanging<'d>> {
        match &relation.content {
            Content::Fields(fields) => self.own_fields(scope, fields),
            Content::Value(field) => {
                let dotted = scope.dotted.clone();
                let output = self.output(scope, field, String::new(), dotted);
                scope.segments[0].extend(output);
                Vec::new()
            }
            Content::Computed(aggregate) => {
                let output = self.aggregate(scope, aggregate, &relation.table.place);
                scope.segments[0].extend(output);
                Vec::new()
            }
        }
    }

    /// Has every table on the way stand in the tree: what each is called, and the path down to the last.
    fn chain(&mut self, above: &Scope<'c>, name: &str, stops: &[Stop<'c>]) -> (Vec<Named<'c>>, Path<'c>) {
        let mut chain: Vec<Named<'c>> = Vec::new();
        let mut path = above.path.clone();
        for (number, stop) in stops.iter().enumerate() {
            let table = stop.edge.lower;
            let upper = chain.last().unwrap_or(&above.own).place;
            for column in &stop.edge.upper_columns {
                self.uses.column(upper, column);
            }
            path.push(stop.edge.clone());
            let known = if number + 1 == stops.len() {
                name.to_owned()
            } else {
                format!("{name} through {}", table.name)
            };
            let taken = chain.iter().filter(|named| named.table.name == table.name).count();
            chain.push(Named {
                alias: if taken == 0 {
                    table.name.clone()
                } else {
                    format!("{} {}", table.name, taken + 1)
                },
                table,
                place: self.stand(table, known, path.clone(), &table.primary_key),
            });
        }
        (chain, path)
    }

    /// The statement, now that all it selects is known; how its rows are linked, and in which order.
    fn statement(
        &mut self,
        scope: &mut Scope<'c>,
        relation: &'d Relation,
        stops: &[Stop<'c>],
        form: &Form<'_>,
    ) -> (Select, Link, Rank) {
        let (from, conditions) = self.from(scope, stops);
        if scope.list.expressions.is_empty() {
            scope.list.add("true".to_owned(), Wire::Bool); // all that a row writes is constant
        }
        let terms = self.order(scope, relation);
        let mut rank = form.rank(relation, &terms, &mut scope.list);
        let first = scope.first().alias.clone();
        let edge = &stops[0].edge;
        let link = form.link(edge, &first, &mut scope.list);
        if let (Rank::Worker(columns), Link::Value(link)) = (&mut rank, &link) {
            columns.retain(|column| column.at != *link); // the same in all rows that are put in order
        }
        let parts = Parts {
            list: &scope.list,
            from,
            first: &first,
            edge,
            conditions,
            grouped: relation.kind == RelationKind::Aggregate,
            order: form.sorts(&rank).then(|| names::list(terms.iter().map(Term::sql))),
        };
        let select = Select {
            sql: form.sql(&parts),
            wires: scope.list.wires(form.trailing()),
            ..Select::default()
        };
        (select, link, rank)
    }

    /// The tables joined, and the conditions that no single row of theirs decides.
    fn from(&mut self, scope: &Scope<'c>, stops: &[Stop<'c>]) -> (String, Vec<String>) {
        let (mut from, mut conditions) = (String::new(), Vec::new());
        let mut near: Option<&Named<'_>> = None;
        for (at, (stop, named)) in stops.iter().zip(scope.tables()).enumerate() {
            let is_own = at + 1 == stops.len();
            let (mine, beyond): (Vec<Sql>, Vec<Sql>) = stop
                .filters
                .iter()
                .cloned()
                .partition(|filter| !(is_own && scope.reaches_beside(filter)));
            mine.iter().for_each(|filter| self.expression(named, &[], filter, true));
            beyond
                .iter()
                .for_each(|filter| self.expression(named, &scope.beside, filter, true));
            conditions.extend(beyond.into_iter().map(|filter| filter.text));
            let expressions: &[(String, Sql)] = if is_own { &scope.expressions } else { &[] };
            let source = statement::source(named.table, &named.alias, &mine, expressions);
            match near {
                None => from = source,
                Some(near) => {
                    let on = stop.edge.on_lower(&named.alias, |at| {
                        format!("{}.{}", quote(&near.alias), quote(&stop.edge.upper_columns[at]))
                    });
                    from.push_str(&format!(" JOIN {source} ON {on}"));
                }
            }
            near = Some(named);
        }
        from.push_str(scope.aside.as_deref().unwrap_or_default());
        (from, conditions)
    }
}

fn shape(relation: &Relation, form: &Form<'_>) -> Shape {
    match (relation.kind, &relation.content) {
        (RelationKind::One, _) => Shape::One {
            first: matches!(form, Form::Limited(_)),
        },
        (_, Content::Computed(aggregate)) => Shape::Computed {
            absent: aggregate::absent(aggregate.function),
        },
        (RelationKind::Many, _) if relation.by.is_some() => Shape::Keyed {
            first: !relation.order.is_empty(),
        },
        (RelationKind::Many | RelationKind::Ancestors { .. } | RelationKind::Aggregate, _) => Shape::Many,
    }
}
