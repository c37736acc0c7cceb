//! Grows a definition over a schema: every form of field, in one another.

use super::dice::Dice;
use super::expression;
use super::link;
use super::schema::{Schema, Table};
use super::tree::{Column, Field, Form, Missing, Tree, Value};

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
        key: None,
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
    tree.key = schema.tables[table].unique.clone().filter(|_| grower.dice.chance(50));
    for at in 0..schema.tables.len() {
        if grower.dice.chance(12) {
            let filter = expression::condition(grower.dice, &own_columns(&schema.tables[at]));
            tree.defaults.push((at, filter));
        }
    }
    tree.fields = grower.fields(&[table], 0);
    tree
}

pub struct Grower<'a> {
    pub dice: &'a mut Dice,
    pub schema: &'a Schema,
    /// Relations may be required; otherwise they may find more rows than they should.
    pub strict: bool,
    pub left: usize,
}

impl Grower<'_> {
    /// `way` are the tables that may be named, the own one last.
    pub fn fields(&mut self, way: &[usize], depth: usize) -> Vec<Field> {
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

    /// Columns that may be named: the own ones, and those of junctions whose name means no other table. Where a junction
    /// has the own table's name, that means the junction, and nothing beside it can be said of the own row.
    pub fn known(&self, way: &[usize]) -> Vec<Column> {
        let (own, junctions) = way.split_last().expect("a table");
        let mut known = own_columns(&self.schema.tables[*own]);
        let name = |at: usize| &self.schema.tables[at].name;
        if junctions.iter().any(|at| name(*at) == name(*own)) {
            return known;
        }
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

    pub fn bare(&mut self, way: &[usize]) -> Value {
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
}

pub fn own_columns(table: &Table) -> Vec<Column> {
    let column = |column: &super::schema::Column| Column {
        junction: None,
        name: column.name.clone(),
        kind: column.kind,
    };
    table.shown().map(column).collect()
}
