//! Grows a definition over a schema: every form of field, in one another.

use super::dice::Dice;
use super::expression;
use super::kind::Kind;
use super::link::{self, Link, Wanted};
use super::schema::{Schema, Table};
use super::tree::{
    Aggregate, By, Column, Content, Field, Form, Function, Missing, Order, Relation, Shape, Stop, Switch, Tree, Value,
};

/// Relations in one another.
const DEPTH: usize = 3;
/// Relations of one definition, about.
const RELATIONS: usize = 10;

const NAMES: [&str; 16] = [
    "id",
    "name",
    "größe",
    "a\"b",
    "two words",
    "x",
    "y",
    "z",
    "null",
    "on",
    "rows",
    "one",
    "漢字",
    "k",
    "v",
    "it's",
];

/// Into a JSON value.
const PATHS: [&[&str]; 6] = [
    &["a"],
    &["a", "b"],
    &["b", "0", "a"],
    &["a", "c.d", "1"],
    &["1", "1"],
    &["\""],
];

pub fn random(dice: &mut Dice, schema: &Schema) -> Tree {
    let reachable = |at: &usize| !link::all(schema, *at).is_empty();
    let roots: Vec<usize> = (0..schema.tables.len()).filter(reachable).collect();
    let table = dice.any(&roots).copied().unwrap_or_default();
    let mut tree = Tree {
        table,
        filter: None,
        drop: dice.chance(15),
        defaults: Vec::new(),
        fields: Vec::new(),
    };
    let mut grower = Grower {
        schema,
        strict: dice.chance(50),
        left: RELATIONS,
        dice,
    };
    if grower.dice.chance(30) {
        tree.filter = Some(expression::condition(grower.dice, &own_columns(&schema.tables[table])));
    }
    for at in 0..schema.tables.len() {
        if grower.dice.chance(12) {
            let filter = expression::condition(grower.dice, &own_columns(&schema.tables[at]));
            tree.defaults.push((at, filter));
        }
    }
    tree.fields = grower.fields(&[table], 0);
    tree
}

struct Grower<'a> {
    dice: &'a mut Dice,
    schema: &'a Schema,
    /// Relations may be required; otherwise they may find more rows than they should.
    strict: bool,
    left: usize,
}

impl Grower<'_> {
    /// `way` are the tables that may be named, the own one last.
    fn fields(&mut self, way: &[usize], depth: usize) -> Vec<Field> {
        let mut names: Vec<&str> = NAMES.to_vec();
        let count = self.dice.between(1, if depth == 0 { 6 } else { 3 });
        let mut fields: Vec<Field> = Vec::new();
        for _ in 0..count {
            let form = self.form(way, depth);
            let own = match &form {
                Form::Value(Value::Column { column, path }) if path.is_empty() && !column.name.contains('.') => {
                    Some(column.name.clone()).filter(|_| self.dice.chance(50))
                }
                _ => None,
            };
            let taken = |name: &String| fields.iter().any(|field| field.name == *name);
            let name = own.filter(|own| !taken(own)).unwrap_or_else(|| {
                loop {
                    let name = self.dice.take(&mut names).to_owned();
                    if !taken(&name) {
                        break name;
                    }
                }
            });
            let missing = match self.dice.below(10) {
                0 => Some(Missing::Drop),
                1 => Some(Missing::Keep),
                _ => None,
            };
            fields.push(Field { name, missing, form });
        }
        fields
    }

    fn form(&mut self, way: &[usize], depth: usize) -> Form {
        let deep = depth == DEPTH || self.left == 0;
        let own = *way.last().expect("a table");
        match self.dice.below(if deep { 10 } else { 24 }) {
            0 => Form::Constant(
                self.dice
                    .pick(&[
                        serde_json::json!("it's \"so\""),
                        serde_json::json!(7),
                        serde_json::json!([true, "x"]),
                    ])
                    .clone(),
            ),
            1 | 2 if depth < DEPTH => Form::Group(self.fields(way, depth + 1)),
            3 => self.single(own).unwrap_or_else(|| self.value(way)),
            10..=12 => self.aggregate(own).map_or_else(|| self.value(way), Form::Aggregate),
            13 => self
                .ancestors(own, depth)
                .map_or_else(|| self.value(way), Form::Relation),
            14 => self.switch(own, depth).map_or_else(|| self.value(way), Form::Switch),
            15..=17 => self.one(own, depth).map_or_else(|| self.value(way), Form::Relation),
            18.. => self.many(own, depth).map_or_else(|| self.value(way), Form::Relation),
            _ => self.value(way),
        }
    }

    /// Columns that may be named: the own ones, and those of junctions whose name means no other table.
    fn known(&self, way: &[usize]) -> Vec<Column> {
        let (own, junctions) = way.split_last().expect("a table");
        let mut known = own_columns(&self.schema.tables[*own]);
        let name = |at: usize| &self.schema.tables[at].name;
        for (position, junction) in junctions.iter().enumerate() {
            let alone = way.iter().filter(|at| name(**at) == name(*junction)).count() == 1;
            if alone {
                let columns = own_columns(&self.schema.tables[*junction]);
                known.extend(columns.into_iter().map(|column| Column {
                    junction: Some(position),
                    ..column
                }));
            }
        }
        known
    }

    fn value(&mut self, way: &[usize]) -> Form {
        Form::Value(self.bare(way))
    }

    fn bare(&mut self, way: &[usize]) -> Value {
        let known = self.known(way);
        if self.dice.chance(20) {
            return Value::Sql(expression::value(self.dice, &known));
        }
        let column = self.dice.pick(&known).clone();
        let path = if column.kind.is_json() && self.dice.chance(60) {
            self.dice.pick(&PATHS).to_vec()
        } else {
            Vec::new()
        };
        Value::Column {
            column,
            path: path.into_iter().map(str::to_owned).collect(),
        }
    }

    fn single(&mut self, own: usize) -> Option<Form> {
        let numbers: Vec<Column> = own_columns(&self.schema.tables[own])
            .into_iter()
            .filter(|column| column.kind.is_number())
            .collect();
        let (one, other) = (self.dice.any(&numbers)?.clone(), self.dice.any(&numbers)?.clone());
        let (kind, names) = *self
            .dice
            .pick(&[("geo_point", ["lat", "lon"]), ("double_range", ["gte", "lt"])]);
        Some(Form::Single {
            kind,
            whole: kind == "geo_point",
            members: names.into_iter().zip([one, other]).collect(),
        })
    }

    /// A table further on; none where there is no way.
    fn link(&mut self, from: usize, fits: impl Fn(&Link) -> bool) -> Option<Link> {
        if self.dice.chance(12) {
            return link::loose(self.dice, self.schema, from).filter(fits);
        }
        let links: Vec<Link> = link::all(self.schema, from).into_iter().filter(fits).collect();
        self.dice.any(&links).cloned()
    }

    /// Ways over some tables.
    fn stops(&mut self, own: usize, wanted: Wanted) -> Option<Vec<Stop>> {
        let mut stops: Vec<Stop> = Vec::new();
        let most = *self.dice.pick(&[1, 1, 1, 2, 2, 3]);
        for at in 0..most {
            let from = stops.last().map_or(own, |stop| stop.table);
            let wanted = match at {
                0 if most > 1 && wanted != Wanted::One => Wanted::Many,
                0 => wanted,
                _ => Wanted::Beyond,
            };
            let Some(link) = self.link(from, |_| true) else { break };
            let mut stop = link::stop(self.dice, self.schema, from, &link, wanted);
            stop.as_text = stop.written && self.dice.chance(8);
            stops.push(stop);
        }
        // How many tables there are was not known when the first join was inferred.
        if let [only] = stops.as_mut_slice() {
            only.written |= most > 1;
        }
        for stop in &mut stops {
            if self.dice.chance(15) {
                let known = own_columns(&self.schema.tables[stop.table]);
                stop.filter = Some(expression::condition(self.dice, &known));
            }
        }
        let way: Vec<usize> = stops.iter().map(|stop| stop.table).collect();
        let last = stops.last_mut()?;
        if self.dice.chance(20) {
            let known = self.known(&way);
            last.filter = Some(expression::condition(self.dice, &known));
        }
        Some(stops)
    }

    fn one(&mut self, own: usize, depth: usize) -> Option<Relation> {
        self.left -= 1;
        let (stops, order) = if self.dice.chance(60) {
            let link = self.link(own, |link| link.single)?;
            let mut stop = link::stop(self.dice, self.schema, own, &link, Wanted::One);
            if self.dice.chance(15) {
                let known = own_columns(&self.schema.tables[stop.table]);
                stop.filter = Some(expression::condition(self.dice, &known));
            }
            (vec![stop], Vec::new())
        } else {
            let stops = self.stops(own, Wanted::First)?;
            let order = self.order(&stops, usize::from(self.strict));
            (stops, order)
        };
        // Without an order, other joins are inferred.
        let mut stops = stops;
        if order.is_empty() || stops.len() > 1 {
            let wanted = if stops.len() > 1 { Wanted::Many } else { Wanted::One };
            self.write_unless_sure(own, &mut stops, wanted);
        }
        let required = self.strict && self.dice.chance(20);
        Some(self.relation(Shape::One, stops, order, required, depth))
    }

    fn write_unless_sure(&self, own: usize, stops: &mut [Stop], wanted: Wanted) {
        let found = link::inferred(self.schema, own, stops[0].table, wanted);
        stops[0].written |= found.as_slice() != std::slice::from_ref(&stops[0].pairs);
    }

    fn many(&mut self, own: usize, depth: usize) -> Option<Relation> {
        self.left -= 1;
        let stops = self.stops(own, Wanted::Many)?;
        let order = self.order(&stops, 0);
        let mut relation = self.relation(Shape::Many, stops, order, false, depth);
        let way: Vec<usize> = relation.stops.iter().map(|stop| stop.table).collect();
        if self.dice.chance(15) {
            relation.by = self.by(&way, relation.order.is_empty());
        }
        if relation.by.is_none() {
            relation.limit = self.dice.chance(30).then(|| self.dice.between(1, 3));
            let orderly = match &relation.content {
                Content::Value(Value::Column { column, .. }) => !column.kind.is_json(),
                Content::Value(Value::Sql(_)) => true,
                Content::Fields(_) => false,
            };
            relation.distinct = orderly && self.dice.chance(50);
        }
        Some(relation)
    }

    fn by(&mut self, way: &[usize], unordered: bool) -> Option<By> {
        // Without an order, a key that repeats is a dead letter.
        if unordered && self.strict {
            return None;
        }
        let own = *way.last()?;
        if self.dice.chance(30) {
            let mut targets: Vec<Link> = link::all(self.schema, own);
            targets.retain(|link| {
                let name = &self.schema.tables[link.table].name;
                let beside = way.iter().any(|at| self.schema.tables[*at].name == *name);
                let found = link::inferred(self.schema, own, link.table, Wanted::One);
                !beside
                    && self.schema.tables[link.table].schema.is_none()
                    && found.as_slice() == std::slice::from_ref(&link.pairs)
            });
            let link = self.dice.any(&targets)?.clone();
            let column = self.dice.pick(&self.schema.tables[link.table].columns).name.clone();
            return Some(By::Aside {
                table: link.table,
                pairs: link.pairs,
                column,
            });
        }
        let known = self.known(way);
        Some(By::Own(self.dice.pick(&known).clone()))
    }

    fn order(&mut self, stops: &[Stop], least: usize) -> Vec<Order> {
        let way: Vec<usize> = stops.iter().map(|stop| stop.table).collect();
        let mut known = self.known(&way);
        known.retain(|column| column.kind.has_order());
        let terms = self.dice.below(3).max(least);
        let mut order: Vec<Order> = Vec::new();
        for _ in 0..terms {
            order.push(Order {
                column: self.dice.pick(&known).clone(),
                descending: self.dice.chance(40),
                nulls_first: self.dice.chance(30).then(|| self.dice.chance(50)),
            });
        }
        order
    }

    fn relation(
        &mut self,
        shape: Shape,
        stops: Vec<Stop>,
        order: Vec<Order>,
        required: bool,
        depth: usize,
    ) -> Relation {
        let way: Vec<usize> = stops.iter().map(|stop| stop.table).collect();
        let content = if self.dice.chance(40) {
            Content::Value(self.bare(&way))
        } else {
            Content::Fields(self.fields(&way, depth + 1))
        };
        Relation {
            shape,
            stops,
            order,
            limit: None,
            distinct: false,
            by: None,
            required,
            content,
        }
    }

    fn ancestors(&mut self, own: usize, depth: usize) -> Option<Relation> {
        self.left -= 1;
        let trees = |at: &usize| {
            let table = &self.schema.tables[*at];
            table.foreign.iter().any(|foreign| foreign.target == *at)
        };
        let trees: Vec<usize> = (0..self.schema.tables.len()).filter(trees).collect();
        let tree = *self.dice.any(&trees)?;
        let up: Vec<Link> = link::all(self.schema, tree)
            .into_iter()
            .filter(|link| link.table == tree && link.single)
            .collect();
        let up = up.first()?.clone();
        let own_step = link::stop(self.dice, self.schema, tree, &up, Wanted::One);
        let first = if own == tree {
            up.pairs.clone()
        } else {
            let found = link::inferred(self.schema, own, tree, Wanted::One);
            let [pairs] = found.as_slice() else { return None };
            let ends = |pairs: &[(String, String)]| pairs.iter().map(|(_, below)| below.clone()).collect::<Vec<_>>();
            if ends(pairs) != ends(&up.pairs) {
                return None;
            }
            pairs.clone()
        };
        let known = own_columns(&self.schema.tables[tree]);
        let stop = Stop {
            table: tree,
            pairs: first,
            as_text: false,
            written: false,
            filter: self.dice.chance(25).then(|| expression::condition(self.dice, &known)),
        };
        let shape = Shape::Ancestors {
            depth: if self.dice.chance(60) {
                Some(self.dice.between(1, 5))
            } else {
                Some(8)
            },
            own: up.pairs,
            own_written: own_step.written,
        };
        Some(self.relation(shape, vec![stop], Vec::new(), false, depth))
    }

    fn aggregate(&mut self, own: usize) -> Option<Aggregate> {
        let stops = self.stops(own, Wanted::Many)?;
        let functions = [
            Function::Count,
            Function::CountDistinct,
            Function::Sum,
            Function::Avg,
            Function::Min,
            Function::Max,
        ];
        let function = *self.dice.pick(&functions);
        let mut known = own_columns(&self.schema.tables[stops.last()?.table]);
        known.retain(|column| match function {
            Function::Count => false,
            Function::CountDistinct => column.kind.has_order(),
            Function::Sum | Function::Avg => column.kind.is_number(),
            Function::Min | Function::Max => column.kind.has_order() && !column.kind.is_array(),
        });
        let column = self.dice.any(&known).cloned();
        (column.is_some() || function == Function::Count).then_some(Aggregate {
            function,
            column,
            stops,
        })
    }

    fn switch(&mut self, own: usize, depth: usize) -> Option<Switch> {
        self.left -= 1;
        let points = self.schema.tables[own].points.as_ref()?;
        let mut cases = Vec::new();
        for (value, target) in &points.targets {
            let table = &self.schema.tables[*target];
            let known = own_columns(table);
            let stop = Stop {
                table: *target,
                pairs: vec![(points.key.clone(), table.key[0].clone())],
                as_text: true,
                written: true,
                filter: self.dice.chance(15).then(|| expression::condition(self.dice, &known)),
            };
            let mut relation = self.relation(Shape::One, vec![stop], Vec::new(), false, depth);
            // Cases share one field: of one type, where they share a name.
            let column = known
                .iter()
                .find(|column| column.kind == Kind::Int)
                .unwrap_or(&known[0])
                .clone();
            relation.content = Content::Fields(vec![Field {
                name: format!("of {value}"),
                missing: None,
                form: Form::Value(Value::Column {
                    column,
                    path: Vec::new(),
                }),
            }]);
            cases.push((value.clone(), relation));
        }
        Some(Switch {
            on: points.at.clone(),
            cases,
        })
    }
}

fn own_columns(table: &Table) -> Vec<Column> {
    let column = |column: &super::schema::Column| Column {
        junction: None,
        name: column.name.clone(),
        kind: column.kind,
    };
    table.columns.iter().map(column).collect()
}
