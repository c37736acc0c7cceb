//! From a definition to a plan: walks the tree once, level by level.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::catalog::{Catalog, Column, Table, TableKind, Wire, quote};
use crate::definition::{
    ColumnName, Content, Definition, Field, FieldKind, Fields, Order, Relation, RelationKind, Sql,
};
use crate::mistake::{Mistakes, Place};

use super::fanout;
use super::level::{self, Edge, Resolved, Resolver};
use super::statement::{self, Parts, SelectList};
use super::uses::{Path, UseId, Uses};
use super::{
    ENCODER, Expression, KeyColumn, Level, Link, Output, Plan, PlannedTable, Rank, Select, Shape, SortColumn, mapping,
    names,
};

/// The alias of the root table in its statements.
const ROOT: &str = "root";

pub fn plan(definition: &Definition, catalog: &Catalog) -> Result<Plan, Mistakes> {
    let mut walk = Walk {
        definition,
        resolver: Resolver {
            catalog,
            mistakes: Mistakes::default(),
        },
        warnings: Mistakes::default(),
        levels: Vec::new(),
        uses: Uses::default(),
        tables: BTreeMap::new(),
        expressions: Vec::new(),
    };
    let root = walk.resolver.table(&definition.table);
    let key = root.map(|root| walk.key(root)).unwrap_or_default();
    if let Some(root) = root.filter(|_| !key.is_empty()) {
        walk.root(root, &key);
    }
    walk.resolver.mistakes.or(())?;
    let Some(root) = root else {
        return Err(Mistakes::default());
    };
    let key_columns = key
        .iter()
        .map(|name| KeyColumn {
            name: name.clone(),
            cast: names::cast(&root.columns[name]),
        })
        .collect();
    let captures = walk.uses.captures(catalog);
    let fanouts = fanout::all(root, &key, &walk.uses, catalog);
    let (settings, mappings, hash) = (
        definition.settings.clone(),
        mapping::of(definition, &fingerprint(definition)),
        fingerprint(definition),
    );
    Ok(Plan {
        index: definition.index.clone(),
        tables: walk.tables.into_values().collect(),
        levels: walk.levels,
        key: key_columns,
        captures,
        fanouts,
        settings,
        mappings,
        warnings: walk.warnings,
        expressions: walk.expressions,
        hash,
    })
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

struct Walk<'c, 'd> {
    definition: &'d Definition,
    resolver: Resolver<'c>,
    warnings: Mistakes,
    levels: Vec<Level>,
    uses: Uses<'c>,
    tables: BTreeMap<u32, PlannedTable>,
    expressions: Vec<Expression>,
}

/// A table that expressions and columns may name: as it is called in the statement, and its place in the tree.
#[derive(Clone)]
struct Named<'c> {
    alias: String,
    table: &'c Table,
    place: UseId,
}

/// A level while its fields are walked.
struct Scope<'c, 'd> {
    position: usize,
    own: Named<'c>,
    /// Junctions.
    beside: Vec<Named<'c>>,
    path: Path<'c>,
    dotted: String,
    list: SelectList,
    /// User expressions, computed in the table's own scope.
    expressions: Vec<(String, Sql)>,
    outputs: Vec<Output>,
    /// Relations to walk once this level's statement stands.
    relations: Vec<(&'d str, &'d Relation, &'d Place)>,
}

impl<'c, 'd> Walk<'c, 'd> {
    fn key(&mut self, root: &'c Table) -> Vec<String> {
        let place = &self.definition.table.place;
        let key = self.key_columns(root);
        for column in key.iter().filter_map(|column| root.columns.get(column)) {
            self.resolver.own_type(root, column, place);
        }
        key
    }

    fn key_columns(&mut self, root: &'c Table) -> Vec<String> {
        let place = &self.definition.table.place;
        if let Some(key) = &self.definition.key {
            let known: Vec<bool> = key
                .iter()
                .map(|column| self.resolver.column(root, column, place))
                .collect();
            if known.iter().all(|known| *known) && !level::is_unique(root, key) && root.kind != TableKind::View {
                self.resolver.mistakes.add(
                    place,
                    "the key is not unique",
                    "name the columns of a primary key or unique index",
                );
            }
            let nullable = |column: &&String| root.columns.get(*column).is_some_and(|column| !column.not_null);
            if let Some(column) = key.iter().find(nullable).filter(|_| root.kind != TableKind::View) {
                self.resolver.mistakes.add(
                    place,
                    format!("the key column {column:?} may be null, and a row without a key has no document"),
                    format!(
                        "run: ALTER TABLE {} ALTER COLUMN {} SET NOT NULL, or choose other columns",
                        root.sql(),
                        quote(column)
                    ),
                );
            }
            key.clone()
        } else {
            if root.primary_key.is_empty() {
                self.resolver.mistakes.add(
                    place,
                    format!("table {:?} has no primary key", root.name),
                    "add one, or name unique columns with: key: [column, …]",
                );
            }
            root.primary_key.clone()
        }
    }

    /// Notes that `table` stands in the tree, called `name` there.
    fn stand(&mut self, table: &'c Table, name: String, path: Path<'c>, key: &[String]) -> UseId {
        self.tables.entry(table.oid).or_insert_with(|| PlannedTable::of(table));
        self.uses.add(table, name, path, key)
    }

    fn root(&mut self, root: &'c Table, key: &[String]) {
        let own = Named {
            alias: ROOT.to_owned(),
            table: root,
            place: self.stand(root, String::new(), Vec::new(), key),
        };
        let mut scope = Scope {
            position: 0,
            own: own.clone(),
            beside: Vec::new(),
            path: Vec::new(),
            dotted: String::new(),
            list: SelectList::default(),
            expressions: Vec::new(),
            outputs: Vec::new(),
            relations: Vec::new(),
        };
        let key_positions: Vec<usize> = key
            .iter()
            .map(|column| scope.list.text(ROOT, &root.columns[column]))
            .collect();
        let filters: Vec<Sql> = self.definition.filter.clone().into_iter().collect();
        filters
            .iter()
            .for_each(|filter| self.expression(&own, &[], filter, true));
        self.fields(&mut scope, &self.definition.fields);
        self.levels.push(Level {
            path: String::new(),
            parent: None,
            prefix: String::new(),
            shape: Shape::Root,
            bare: false,
            select: Select {
                sql: String::new(),
                head: String::new(),
                tail: String::new(),
                wires: Vec::new(),
            },
            outputs: Vec::new(),
            link: Link::Key(key_positions),
            parent_link: Vec::new(),
            order: Rank::Arrival,
            children: Vec::new(),
            required: false,
        });
        self.relations(&mut scope);
        let from = statement::source(root, ROOT, &filters, &scope.expressions);
        let head = format!("SELECT {} FROM {from} WHERE ", scope.list.expressions.join(", "));
        let condition = match key {
            [single] => format!(
                "\"root\".{} = any($1::text[]::{}[])",
                quote(single),
                names::cast(&root.columns[single])
            ),
            several => {
                let columns = several.iter().map(|column| &root.columns[column]);
                let tuple = names::list(several.iter().map(|column| format!("\"root\".{}", quote(column))));
                format!("({tuple}) IN (SELECT * FROM {})", names::unnest(columns, "k"))
            }
        };
        let select = Select {
            sql: format!("{head}{condition}"),
            head,
            tail: String::new(),
            wires: scope.list.wires,
        };
        let level = &mut self.levels[0];
        level.select = select;
        level.outputs = scope.outputs;
    }

    /// Columns and expressions become outputs; relations are noted.
    fn fields(&mut self, scope: &mut Scope<'c, 'd>, fields: &'d Fields) {
        for (name, field) in fields {
            match &field.kind {
                FieldKind::Relation(relation) => scope.relations.push((name, relation, &field.place)),
                _ => self.output(scope, field, &prefix(name), name),
            }
        }
    }

    fn output(&mut self, scope: &mut Scope<'c, 'd>, field: &'d Field, prefix: &str, name: &str) {
        let at = match &field.kind {
            FieldKind::Column { column, .. } => {
                let Some((named, column)) = self.find_column(scope, column, &field.place) else {
                    return;
                };
                self.uses.column(named.place, &column.name);
                scope.list.value(&named.alias, column)
            }
            FieldKind::Sql { sql, .. } => {
                let outside = scope.beside.iter().any(|named| mentions(&sql.text, &named.table.name));
                self.expression(&scope.own, if outside { &scope.beside } else { &[] }, sql, false);
                if outside {
                    scope.list.add(format!("to_json((\n{}\n))", sql.text), Wire::ToJson)
                } else {
                    let column = format!("highwater {}", scope.expressions.len() + 1);
                    let expression = format!("to_json({}.{})", quote(&scope.own.alias), quote(&column));
                    scope.expressions.push((column, sql.clone()));
                    scope.list.add(expression, Wire::ToJson)
                }
            }
            FieldKind::Relation(_) => return, // a parser's bare value is a column or an expression
        };
        scope.outputs.push(Output {
            prefix: prefix.to_owned(),
            at,
            path: dotted(&scope.dotted, name),
        });
    }

    fn find_column(
        &mut self,
        scope: &Scope<'c, 'd>,
        name: &ColumnName,
        place: &Place,
    ) -> Option<(Named<'c>, &'c Column)> {
        let named = match &name.table {
            None => &scope.own,
            Some(wanted) => match scope
                .beside
                .iter()
                .find(|named| named.alias == *wanted || named.table.name == *wanted)
            {
                Some(named) => named,
                None if *wanted == scope.own.table.name => &scope.own,
                None => {
                    let known: Vec<&str> = scope.beside.iter().map(|named| named.alias.as_str()).collect();
                    let remedy = if known.is_empty() {
                        "only a relation with through: has others".to_owned()
                    } else {
                        format!("known here: {}", known.join(", "))
                    };
                    self.resolver
                        .mistakes
                        .add(place, format!("{wanted:?} is not a table of this relation"), remedy);
                    return None;
                }
            },
        };
        self.resolver
            .column(named.table, &name.column, place)
            .then(|| (named.clone(), &named.table.columns[&name.column]))
    }

    fn expression(&mut self, own: &Named<'c>, beside: &[Named<'c>], sql: &Sql, boolean: bool) {
        for named in beside.iter().chain([own]) {
            self.uses.any_column(named.place);
        }
        self.expressions.push(Expression {
            table: PlannedTable::of(own.table),
            sql: sql.clone(),
            boolean,
            beside: beside.iter().map(|named| PlannedTable::of(named.table)).collect(),
        });
    }

    fn relations(&mut self, scope: &mut Scope<'c, 'd>) {
        for (name, relation, place) in std::mem::take(&mut scope.relations) {
            if let Some(resolved) = self
                .resolver
                .relation(scope.own.table, relation, &self.definition.tables)
            {
                self.relation(scope, name, relation, place, &resolved);
            }
        }
    }

    fn relation(
        &mut self,
        above: &mut Scope<'c, 'd>,
        name: &'d str,
        relation: &'d Relation,
        place: &'d Place,
        resolved: &Resolved<'c>,
    ) {
        let dotted_name = dotted(&above.dotted, name);
        let mut path = above.path.clone();
        let mut chain: Vec<Named<'c>> = Vec::new();
        for (number, stop) in resolved.stops.iter().enumerate() {
            let table = stop.edge.lower;
            let upper = chain.last().unwrap_or(&above.own).place;
            for column in &stop.edge.upper_columns {
                self.uses.column(upper, column);
            }
            path.push(stop.edge.clone());
            let is_target = number + 1 == resolved.stops.len();
            let known = if is_target {
                dotted_name.clone()
            } else {
                format!("{dotted_name} through {}", table.name)
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
        self.warn(relation, place, resolved);
        let Some((own, junctions)) = chain.split_last() else {
            return;
        };
        let first_edge = &resolved.stops[0].edge;
        let parent_link = first_edge
            .upper_columns
            .iter()
            .map(|column| above.list.text(&above.own.alias, &above.own.table.columns[column]))
            .collect();
        let mut scope = Scope {
            position: self.levels.len(),
            own: own.clone(),
            beside: junctions.to_vec(),
            path,
            dotted: dotted_name.clone(),
            list: SelectList::default(),
            expressions: Vec::new(),
            outputs: Vec::new(),
            relations: Vec::new(),
        };
        let bare = match &relation.content {
            Content::Fields(fields) => {
                self.fields(&mut scope, fields);
                false
            }
            Content::Value(field) => {
                self.output(&mut scope, field, "", "");
                true
            }
        };
        let position = scope.position;
        self.levels[above.position].children.push(position);
        self.levels.push(Level {
            path: dotted_name,
            parent: Some(above.position),
            prefix: prefix(name),
            shape: if relation.kind == RelationKind::One {
                Shape::One {
                    first: relation.limit.is_some(),
                }
            } else {
                Shape::Many
            },
            bare,
            select: Select {
                sql: String::new(),
                head: String::new(),
                tail: String::new(),
                wires: Vec::new(),
            },
            outputs: Vec::new(),
            link: Link::Ordinal(0),
            parent_link,
            order: Rank::Arrival,
            children: Vec::new(),
            required: relation.required,
        });
        self.relations(&mut scope);
        self.finish(scope, relation, resolved, &chain, above.own.table);
    }

    /// Writes the level's statement, now that all it selects is known.
    fn finish(
        &mut self,
        mut scope: Scope<'c, 'd>,
        relation: &'d Relation,
        resolved: &Resolved<'c>,
        chain: &[Named<'c>],
        above: &Table,
    ) {
        let stops = &resolved.stops;
        let Some(target) = stops.last() else { return };
        let mut outer = Vec::new();
        let mut from = String::new();
        for (at, (stop, named)) in stops.iter().zip(chain).enumerate() {
            let is_target = at + 1 == stops.len();
            let (mine, beyond): (Vec<Sql>, Vec<Sql>) = stop.filters.iter().cloned().partition(|filter| {
                let of = |junction: &Named<'_>| mentions(&filter.text, &junction.table.name);
                !(is_target && scope.beside.iter().any(of))
            });
            mine.iter().for_each(|filter| self.expression(named, &[], filter, true));
            beyond
                .iter()
                .for_each(|filter| self.expression(named, &scope.beside, filter, true));
            outer.extend(beyond.into_iter().map(|filter| filter.text));
            let expressions: &[(String, Sql)] = if is_target { &scope.expressions } else { &[] };
            let source = statement::source(named.table, &named.alias, &mine, expressions);
            if at == 0 {
                from = source;
            } else {
                let near = &chain[at - 1].alias;
                let on = statement::equal(&named.alias, &stop.edge.lower_columns, |at| {
                    format!("{}.{}", quote(near), quote(&stop.edge.upper_columns[at]))
                });
                from.push_str(&format!(" JOIN {source} ON {on}"));
            }
        }
        let order = self.order(&scope, relation, chain);
        let limit = relation
            .limit
            .or((relation.kind == RelationKind::One && !relation.order.is_empty()).then_some(1));
        let edge = &stops[0].edge;
        let tree = target.edge.tree.as_ref();
        let unordered = relation.kind == RelationKind::One && limit.is_none();
        let by_worker = (!unordered && limit.is_none() && tree.is_none())
            .then(|| worker_order(&mut scope.list, &order))
            .flatten();
        let link_at = (limit.is_none() && tree.is_none())
            .then(|| value_link(&mut scope.list, edge, above, &chain[0].alias))
            .flatten();
        let sorts = limit.is_some() || (!unordered && by_worker.is_none() && tree.is_none());
        let parts = Parts {
            list: &scope.list,
            from,
            first: &chain[0].alias,
            edge,
            conditions: outer,
            order: sorts.then(|| names::list(order.iter().map(OrderTerm::sql))),
        };
        let (sql, shift, link) = match (tree, limit, link_at) {
            (Some(tree), ..) => (parts.ancestors(tree), 1, Link::Ordinal(0)),
            (None, Some(limit), _) => (parts.limited(limit), 1, Link::Ordinal(0)),
            (None, None, Some(at)) => (parts.by_value(), 0, Link::Value(at)),
            (None, None, None) => (parts.by_ordinal(), 1, Link::Ordinal(0)),
        };
        let mut wires = scope.list.wires;
        if shift == 1 {
            wires.insert(0, Wire::Int8);
        }
        let last = SortColumn {
            at: wires.len(),
            descending: tree.is_some(),
            nulls_first: false,
        };
        let rank = if tree.is_some() || limit.is_some() {
            wires.push(if tree.is_some() { Wire::Int4 } else { Wire::Int8 });
            Rank::Worker(vec![last])
        } else if unordered {
            Rank::Worker(Vec::new())
        } else {
            by_worker.map_or(Rank::Arrival, |columns| {
                Rank::Worker(
                    columns
                        .into_iter()
                        .map(|column| SortColumn {
                            at: column.at + shift,
                            ..column
                        })
                        .collect(),
                )
            })
        };
        let children = self.levels[scope.position].children.clone();
        for child in children {
            self.levels[child].parent_link.iter_mut().for_each(|at| *at += shift);
        }
        let level = &mut self.levels[scope.position];
        level.select = Select {
            sql,
            head: String::new(),
            tail: String::new(),
            wires,
        };
        level.outputs = scope
            .outputs
            .into_iter()
            .map(|output| Output {
                at: output.at + shift,
                ..output
            })
            .collect();
        level.link = link;
        level.order = rank;
        level.shape = if level.shape == Shape::Many {
            Shape::Many
        } else {
            Shape::One { first: limit.is_some() }
        };
    }

    /// The order as written, and the keys of every table on the way, so that there are no ties.
    fn order(&mut self, scope: &Scope<'c, 'd>, relation: &'d Relation, chain: &[Named<'c>]) -> Vec<OrderTerm<'c>> {
        let mut terms: Vec<OrderTerm<'c>> = Vec::new();
        for order in &relation.order {
            if let Some((named, column)) = self.find_column(scope, &order.column, &order.place) {
                self.uses.column(named.place, &column.name);
                terms.push(OrderTerm::written(named.alias, column, order));
            }
        }
        for Named { alias, table, .. } in chain.iter().rev() {
            let tie = |column| OrderTerm {
                alias: alias.clone(),
                column,
                descending: false,
                nulls_first: false,
            };
            terms.extend(table.primary_key.iter().map(|column| tie(Some(&table.columns[column]))));
            if table.primary_key.is_empty() {
                terms.push(tie(None));
            }
        }
        terms
    }

    fn warn(&mut self, relation: &Relation, place: &Place, resolved: &Resolved<'c>) {
        for stop in &resolved.stops {
            for (table, columns) in [
                (stop.edge.lower, &stop.edge.lower_columns),
                (stop.edge.upper, &stop.edge.upper_columns),
            ] {
                if matches!(table.kind, TableKind::Table | TableKind::Partitioned) && !level::is_indexed(table, columns)
                {
                    let columns = names::list(columns.iter().map(|column| quote(column)));
                    self.warnings.add(
                        place,
                        format!(
                            "no index serves the way over {} ({columns}): each lookup reads the whole table",
                            table.sql()
                        ),
                        format!("run: CREATE INDEX CONCURRENTLY ON {} ({columns})", table.sql()),
                    );
                }
            }
        }
        let Some(last) = resolved.stops.last() else { return };
        if relation.kind == RelationKind::One
            && relation.limit.is_none()
            && relation.order.is_empty()
            && !level::is_unique(last.edge.lower, &last.edge.lower_columns)
        {
            self.warnings.add(
                place,
                format!(
                    "{} may have several rows for one, which makes the document a dead letter",
                    last.edge.lower.sql()
                ),
                "add order: to take the first, or use many:",
            );
        }
        let nested = relation.mapping.get("type").is_some_and(|kind| kind == "nested");
        if relation.kind == RelationKind::Many && nested && relation.limit.is_none() {
            self.warnings.add(
                place,
                "a nested array without limit: can exceed Elasticsearch's 10,000 nested objects",
                "add limit:",
            );
        }
    }
}

/// One term of an ORDER BY; without a column, the row's whole text.
struct OrderTerm<'c> {
    alias: String,
    column: Option<&'c Column>,
    descending: bool,
    nulls_first: bool,
}

impl<'c> OrderTerm<'c> {
    fn written(alias: String, column: &'c Column, order: &Order) -> Self {
        let nulls_first = order.nulls_first.unwrap_or(order.descending);
        Self {
            alias,
            column: Some(column),
            descending: order.descending,
            nulls_first,
        }
    }

    fn sql(&self) -> String {
        let value = match self.column {
            Some(column) => format!("{}.{}", quote(&self.alias), quote(&column.name)),
            None => format!("{}::text COLLATE \"C\"", quote(&self.alias)),
        };
        let direction = if self.descending { " DESC" } else { "" };
        let nulls = if self.nulls_first == self.descending {
            ""
        } else if self.nulls_first {
            " NULLS FIRST"
        } else {
            " NULLS LAST"
        };
        format!("{value}{direction}{nulls}")
    }
}

/// The order as select positions, when every term sorts by its bytes.
fn worker_order(list: &mut SelectList, order: &[OrderTerm<'_>]) -> Option<Vec<SortColumn>> {
    let sortable = |column: &Column| match column.wire {
        Wire::Bool
        | Wire::Int2
        | Wire::Int4
        | Wire::Int8
        | Wire::Uuid
        | Wire::Bytea
        | Wire::Date
        | Wire::Timestamp
        | Wire::Timestamptz => true,
        Wire::Text => column.collation_c && column.type_oid != 1042,
        _ => false,
    };
    if !order.iter().all(|term| term.column.is_some_and(sortable)) {
        return None;
    }
    let columns = order.iter().filter_map(|term| {
        let at = list.value(&term.alias, term.column?);
        Some(SortColumn {
            at,
            descending: term.descending,
            nulls_first: term.nulls_first,
        })
    });
    Some(columns.collect())
}

/// Position of the linking value, when its text says all: one column, the same kind of value on both sides.
fn value_link(list: &mut SelectList, edge: &Edge<'_>, above: &Table, alias: &str) -> Option<usize> {
    let ([upper], [lower]) = (edge.upper_columns.as_slice(), edge.lower_columns.as_slice()) else {
        return None;
    };
    let (upper, lower) = (above.columns.get(upper)?, &edge.lower.columns[lower]);
    let family = |column: &Column| match column.wire {
        Wire::Int2 | Wire::Int4 | Wire::Int8 => Some(0),
        Wire::Uuid => Some(1),
        Wire::Text if column.byte_equal && column.type_oid != 1042 => Some(2),
        _ => None,
    };
    (family(upper).is_some() && family(upper) == family(lower)).then(|| list.text(alias, lower))
}

/// Whether an expression names a table, as in `book_author.role`.
fn mentions(expression: &str, table: &str) -> bool {
    expression.contains(&format!("{table}.")) || expression.contains(&format!("{}.", quote(table)))
}

fn prefix(name: &str) -> String {
    format!("{}:", serde_json::Value::from(name))
}

fn dotted(above: &str, name: &str) -> String {
    match (above.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (false, true) => above.to_owned(),
        (false, false) => format!("{above}.{name}"),
    }
}
