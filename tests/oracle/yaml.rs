//! A definition as a person would write it.

use serde_json::{Map, Value as Json, json};

use super::schema::{Made, Schema, Table, quote};
use super::tree::{
    Aggregate, By, Column, Content, Expression, Field, Form, Function, Missing, Order, Pairs, Part, Relation, Shape,
    Stop, Switch, Tree, Value,
};

/// The definition's text; `{index}` stands for the index's name.
pub fn text(schema: &Schema, tree: &Tree) -> String {
    let pen = Pen { schema };
    let table = &schema.tables[tree.table];
    let mut top = Map::new();
    top.insert("index".to_owned(), "{index}".into());
    top.insert("table".to_owned(), written(table).into());
    top.extend(tree.key.as_ref().map(|key| ("key".to_owned(), key.as_str().into())));
    if let Some(filter) = &tree.filter {
        top.insert("where".to_owned(), pen.expression(filter, &[tree.table]).into());
    }
    if tree.drop {
        top.insert("missing".to_owned(), "drop".into());
    }
    let mut defaults = Map::new();
    for (table, filter) in &tree.defaults {
        let filter = pen.expression(filter, &[*table]);
        defaults.insert(written(&schema.tables[*table]), json!({ "where": filter }));
    }
    if !defaults.is_empty() {
        top.insert("tables".to_owned(), defaults.into());
    }
    let views = schema
        .tables
        .iter()
        .filter_map(|table| Some((written(table), view(schema, table)?)));
    let views: Map<String, Json> = views.collect();
    if !views.is_empty() {
        top.insert("views".to_owned(), views.into());
    }
    top.insert("fields".to_owned(), pen.fields(&tree.fields, &[tree.table]));
    serde_yaml::to_string(&Json::from(top)).expect("YAML")
}

struct Pen<'s> {
    schema: &'s Schema,
}

impl Pen<'_> {
    /// `way` are the tables that may be named, the own one last.
    fn fields(&self, fields: &[Field], way: &[usize]) -> Json {
        let written = |field: &Field| (field.name.clone(), self.field(field, way));
        fields.iter().map(written).collect::<Map<_, _>>().into()
    }

    fn field(&self, field: &Field, way: &[usize]) -> Json {
        let mut keys = match &field.form {
            Form::Value(value) => {
                let keys = self.value(value, way);
                let plain = keys.len() == 2 && keys.get("column").is_some_and(|column| *column == field.name);
                if plain
                    && field.missing.is_none()
                    && !matches!(value, Value::Column { column, .. } if column.junction.is_some())
                {
                    return keys["type"].clone();
                }
                keys
            }
            Form::Constant(value) => object(json!({ "constant": value, "type": "keyword" })),
            Form::Group(fields) => object(json!({ "group": self.fields(fields, way) })),
            Form::Single { kind, members, .. } => {
                let members: Map<String, Json> = members
                    .iter()
                    .map(|(name, column)| ((*name).to_owned(), self.column(column, way).into()))
                    .collect();
                object(json!({ "type": kind, "group": members }))
            }
            Form::Relation(relation) => self.relation(relation),
            Form::Aggregate(aggregate) => self.aggregate(aggregate),
            Form::Switch(switch) => self.switch(switch),
        };
        match field.missing {
            None => {}
            Some(Missing::Keep) => drop(keys.insert("missing".to_owned(), "keep".into())),
            Some(Missing::Drop) => drop(keys.insert("missing".to_owned(), "drop".into())),
        }
        keys.into()
    }

    fn value(&self, value: &Value, way: &[usize]) -> Map<String, Json> {
        match value {
            Value::Sql(expression) => object(json!({ "sql": self.expression(expression, way), "type": "keyword" })),
            Value::Column { column, path } => {
                let mut keys = object(json!({ "column": self.column(column, way), "type": column.kind.field_type() }));
                if column.kind.is_json() {
                    keys.insert("enabled".to_owned(), false.into());
                }
                if !path.is_empty() {
                    let path: Vec<String> = path.iter().map(|key| part(key)).collect();
                    keys.insert("path".to_owned(), path.join(".").into());
                }
                keys
            }
        }
    }

    fn relation(&self, relation: &Relation) -> Map<String, Json> {
        let mut keys = Map::new();
        let (last, through) = relation.stops.split_last().expect("a table");
        let way: Vec<usize> = relation.stops.iter().map(|stop| stop.table).collect();
        let form = match relation.shape {
            Shape::One => "one",
            Shape::Many => "many",
            Shape::Ancestors { .. } => "ancestors",
        };
        keys.insert(form.to_owned(), written(&self.schema.tables[last.table]).into());
        match &relation.shape {
            Shape::Ancestors {
                depth,
                own,
                own_written,
            } => {
                if *own_written {
                    keys.insert("join".to_owned(), join(own));
                }
                keys.extend(depth.map(|depth| ("depth".to_owned(), depth.into())));
            }
            Shape::One | Shape::Many => self.way(&relation.stops, through, &mut keys),
        }
        if let Some(filter) = &last.filter {
            keys.insert("where".to_owned(), self.expression(filter, &way).into());
        }
        let order: Vec<Json> = relation
            .order
            .iter()
            .map(|order| self.order(order, &way).into())
            .collect();
        match order.as_slice() {
            [] => {}
            [single] => drop(keys.insert("order".to_owned(), single.clone())),
            _ => drop(keys.insert("order".to_owned(), order.into())),
        }
        keys.extend(relation.limit.map(|limit| ("limit".to_owned(), limit.into())));
        for (name, set) in [("distinct", relation.distinct), ("required", relation.required)] {
            keys.extend(set.then(|| (name.to_owned(), true.into())));
        }
        if let Some(by) = &relation.by {
            keys.insert("by".to_owned(), self.by(by, &way).into());
        }
        match &relation.content {
            Content::Fields(fields) => drop(keys.insert("fields".to_owned(), self.fields(fields, &way))),
            Content::Value(value) => {
                let mut inside = self.value(value, &way);
                if relation.by.is_some() {
                    inside.insert("type".to_owned(), "flattened".into());
                    inside.shift_remove("enabled");
                }
                keys.insert("value".to_owned(), inside.into());
            }
        }
        keys
    }

    /// The joins, and the tables between.
    fn way(&self, stops: &[Stop], through: &[Stop], keys: &mut Map<String, Json>) {
        if stops[0].written {
            keys.insert("join".to_owned(), join(&stops[0].pairs));
            keys.extend(stops[0].as_text.then(|| ("cast".to_owned(), "text".into())));
        }
        let hops = through.iter().zip(&stops[1..]).map(|(hop, next)| {
            let table = written(&self.schema.tables[hop.table]);
            let mut keys = object(json!({ "table": table }));
            if next.written {
                keys.insert("join".to_owned(), join(&next.pairs));
                keys.extend(next.as_text.then(|| ("cast".to_owned(), "text".into())));
            }
            if let Some(filter) = &hop.filter {
                keys.insert("where".to_owned(), self.expression(filter, &[hop.table]).into());
            }
            if keys.len() == 1 {
                table.into()
            } else {
                Json::from(keys)
            }
        });
        let hops: Vec<Json> = hops.collect();
        match hops.as_slice() {
            [] => {}
            [single] => drop(keys.insert("through".to_owned(), single.clone())),
            _ => drop(keys.insert("through".to_owned(), hops.into())),
        }
    }

    fn aggregate(&self, aggregate: &Aggregate) -> Map<String, Json> {
        let (last, before) = aggregate.stops.split_last().expect("a table");
        let way: Vec<usize> = aggregate.stops.iter().map(|stop| stop.table).collect();
        // What the path cannot say stands under `through`.
        let beyond = aggregate.stops.iter().skip(1).any(|stop| stop.written);
        let through = if beyond || before.iter().any(|stop| stop.filter.is_some()) {
            before
        } else {
            &[]
        };
        let mut path: Vec<String> = aggregate.stops[through.len()..]
            .iter()
            .map(|stop| written(&self.schema.tables[stop.table]))
            .collect();
        path.extend(aggregate.column.as_ref().map(|column| part(&column.name)));
        let mut keys = Map::new();
        keys.insert(aggregate.function.key().to_owned(), path.join(".").into());
        keys.insert("type".to_owned(), "keyword".into());
        keys.extend((aggregate.function == Function::CountDistinct).then(|| ("distinct".to_owned(), true.into())));
        self.way(&aggregate.stops, through, &mut keys);
        if let Some(filter) = &last.filter {
            keys.insert("where".to_owned(), self.expression(filter, &way).into());
        }
        keys
    }

    fn switch(&self, switch: &Switch) -> Map<String, Json> {
        let case = |(value, relation): &(String, Relation)| (value.clone(), Json::from(self.relation(relation)));
        let cases: Map<String, Json> = switch.cases.iter().map(case).collect();
        object(json!({ "switch": part(&switch.on), "cases": cases }))
    }

    fn order(&self, order: &Order, way: &[usize]) -> String {
        let direction = if order.descending { " desc" } else { "" };
        let nulls = match order.nulls_first {
            None => "",
            Some(true) => " nulls first",
            Some(false) => " nulls last",
        };
        format!("{}{direction}{nulls}", self.column(&order.column, way))
    }

    fn by(&self, by: &By, way: &[usize]) -> String {
        match by {
            By::Own(column) => self.column(column, way),
            By::Aside { table, column, .. } => format!("{}.{}", part(&self.schema.tables[*table].name), part(column)),
        }
    }

    /// `column`, or `junction.column`.
    fn column(&self, column: &Column, way: &[usize]) -> String {
        match column.junction {
            None => part(&column.name),
            Some(at) => format!("{}.{}", part(&self.schema.tables[way[at]].name), part(&column.name)),
        }
    }

    /// Columns stand alone, but where a junction is named beside them they carry their table's name.
    fn expression(&self, expression: &Expression, way: &[usize]) -> String {
        let foreign = |part: &Part| matches!(part, Part::Column(column) if column.junction.is_some());
        let mixed = expression.0.iter().any(foreign);
        expression.sql(|column| {
            let own = way.len() - 1;
            if mixed {
                let table = &self.schema.tables[way[column.junction.unwrap_or(own)]];
                format!("{}.{}", quote(&table.name), quote(&column.name))
            } else {
                quote(&column.name)
            }
        })
    }
}

impl Function {
    pub fn key(self) -> &'static str {
        match self {
            Self::Count | Self::CountDistinct => "count",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

/// What a view is made of, if it is one.
fn view(schema: &Schema, table: &Table) -> Option<Json> {
    let Made::View(aside) = &table.made else { return None };
    let base = qualified(table, &table.base_name());
    let own = table
        .columns
        .iter()
        .map(|column| (column.name.clone(), part(&column.name).into()));
    let mut tables = Map::from_iter([(base.clone(), own.collect::<Map<_, _>>().into())]);
    if let Some(aside) = aside {
        let other = &schema.tables[aside.target];
        let pairs = aside
            .pairs
            .iter()
            .map(|(own, other)| (other.clone(), format!("{base}.{}", part(own)).into()));
        tables.insert(
            qualified(other, &other.base_name()),
            pairs.collect::<Map<_, _>>().into(),
        );
    }
    Some(json!({ "key": table.key, "tables": tables }))
}

fn join(pairs: &Pairs) -> Json {
    let pairs = pairs.iter().map(|(above, below)| (above.clone(), below.clone().into()));
    pairs.collect::<Map<_, _>>().into()
}

fn object(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

/// A table as it stands in the definition.
fn written(table: &Table) -> String {
    qualified(table, &table.name)
}

/// The name of something in the table's schema.
fn qualified(table: &Table, name: &str) -> String {
    let name = part(name);
    table
        .schema
        .as_ref()
        .map_or_else(|| name.clone(), |schema| format!("{}.{name}", part(schema)))
}

/// A name among others, with dots between: quoted where it would be read otherwise.
pub fn part(name: &str) -> String {
    if name.contains(['.', ' ', '"']) || name.trim() != name {
        quote(name)
    } else {
        name.to_owned()
    }
}
